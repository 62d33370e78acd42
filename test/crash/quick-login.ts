import type { Lake } from '../support/lake.ts';

const urls = new WeakMap<Lake, Promise<string>>();

/**
 * The database's URL for a user whose password is hashed once. The driver hashes it 4,096 times by default, in a
 * fifth of a second for each connection, and every process that dies here costs one.
 */
export function quickLogin(lake: Lake): Promise<string> {
  const known = urls.get(lake) ?? createUser(lake);
  urls.set(lake, known);
  return known;
}

async function createUser({ database }: Lake): Promise<string> {
  const name = `${database.name}_crash`;
  await database.query(
    `do $$ begin
       perform set_config('scram_iterations', '1', true);
       create role ${name} superuser login password 'crash';
     end $$`,
  );
  const url = new URL(database.url);
  url.username = name;
  url.password = 'crash';
  return url.href;
}
