import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Target } from '../../src/target/target.ts';
import { blocksOf, readPage } from '../support/docs.ts';
import { type Fixture, mappingOf, openFixture, signal } from './fixture.ts';

/** The statements for Neon of docs/deploy.md and docs/how-to/remove-everything.md, as a person pastes them. */

const suffix = randomUUID().slice(0, 8);
const [OWNER, ROLE] = [`owner_${suffix}`, `lakeferry_${suffix}`];

let fixture: Fixture;
let owner: pg.Client;
let target: Target;

/** SQL under a heading, with this test's role in place of `lakeferry`; the schema keeps its name. */
function statements(page: string, heading: string): readonly string[] {
  const blocks = blocksOf(readPage(page)).filter(
    (block) => block.heading === heading && block.language === 'sql',
  );
  expect(blocks.length).toBeGreaterThan(0);
  return blocks.map(({ text }) =>
    text
      .replaceAll(/\b(role|to|by|authorization|grant) lakeferry\b/g, `$1 ${ROLE}`)
      .replaceAll('<a long random one>', 'secret'),
  );
}

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.query('drop schema lakeferry cascade');
  await fixture.query(`create role ${OWNER} login createrole nosuperuser password 'secret'`);
  await fixture.query(`alter database ${fixture.name} owner to ${OWNER}`);
  const url = new URL(fixture.url);
  url.username = OWNER;
  url.password = 'secret';
  owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
});
afterAll(async () => {
  await target?.close();
  await owner?.end();
  await fixture?.drop();
});

it('gives the role what it needs to install its schema, make a table, and write to one that is there', async () => {
  const [first = '', second = ''] = statements('docs/deploy.md', '2. Neon: who writes');
  await owner.query(first);
  target = fixture.targetAs(ROLE, 'secret');
  await target.migrate(signal);
  const mapping = mappingOf(['order_id integer', 'status text']);
  const made = { sync: 'made', target: { schema: 'app', table: 'made' }, mapping };
  await target.ensureTable(made, signal);

  await owner.query('create table app.orders (order_id integer primary key, status text)');
  const there = { sync: 'orders', target: { schema: 'app', table: 'orders' }, mapping };
  await expect(target.ensureTable(there, signal)).rejects.toMatchObject({ kind: 'target_permission' });
  await owner.query(second);
  await target.ensureTable(there, signal);
});

it('takes all of it back, and leaves the tables', async () => {
  await target.close();
  const [removal = ''] = statements('docs/how-to/remove-everything.md', 'Neon');
  await owner.query(removal);
  const { rows } = await owner.query(
    "select relname from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r' order by 1",
  );
  expect(rows.map(({ relname }) => relname)).toEqual(['made', 'orders']);
  const left = await fixture.query("select nspname from pg_namespace where nspname = 'lakeferry'");
  expect(left).toEqual([]);
  expect(await fixture.query('select from pg_roles where rolname = $1', [ROLE])).toEqual([]);
  await owner.end();
  await fixture.query(`reassign owned by ${OWNER} to current_user`);
  await fixture.query(`drop role ${OWNER}`);
});
