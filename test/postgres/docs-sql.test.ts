import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Target } from '../../src/target/target.ts';
import { blocksOf, readPage } from '../support/docs.ts';
import { type Fixture, mappingOf, openFixture, signal } from './fixture.ts';

/** The statements for Neon that the pages show, as a person pastes them. */

const suffix = randomUUID().slice(0, 8);
const [OWNER, ROLE, READER] = [`owner_${suffix}`, `lakeferry_${suffix}`, `reader_${suffix}`];

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

async function connectOwner(): Promise<pg.Client> {
  const url = new URL(fixture.url);
  url.username = OWNER;
  url.password = 'secret';
  const client = new pg.Client({ connectionString: url.href });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.query('drop schema lakeferry cascade');
  await fixture.query(`create role ${OWNER} login createrole nosuperuser password 'secret'`);
  await fixture.query(`alter database ${fixture.name} owner to ${OWNER}`);
  owner = await connectOwner();
});
afterAll(async () => {
  await target?.close();
  await owner?.end();
  await fixture?.drop();
});

it('gives the role what it needs to install its schema, make a table, and write to one that is there', async () => {
  const [first = '', second = '', third = ''] = statements('docs/deploy.md', '2. Neon: who writes');
  await owner.query(first);
  await owner.query(`create role ${READER}`);
  await owner.query(third.replaceAll('<reader>', READER));
  target = fixture.targetAs(ROLE, 'secret');
  await target.migrate(signal);
  const mapping = mappingOf(['order_id integer', 'status text']);
  const made = { sync: 'made', target: { schema: 'app', table: 'made' }, mapping };
  await target.ensureTable(made, signal);
  await owner.query('create index on app.made (status)');
  expect(
    await fixture.query("select has_table_privilege($1, 'app.made', 'select') as may", [READER]),
  ).toEqual([{ may: true }]);

  await owner.query('create table app.orders (order_id integer primary key, status text)');
  const there = { sync: 'orders', target: { schema: 'app', table: 'orders' }, mapping };
  await expect(target.ensureTable(there, signal)).rejects.toMatchObject({ kind: 'target_permission' });
  await owner.query(second);
  await target.ensureTable(there, signal);
});

it('finds who holds a lock on the table, and ends it', async () => {
  const [find = '', end = ''] = statements('docs/halts/target_busy.md', 'Do this').join('').split('\n\n');
  const holder = await connectOwner();
  try {
    const ended = new Promise((done) => holder.once('end', done));
    await holder.query('begin; lock table app.orders');
    const { rows: found } = await owner.query(find);
    expect(found).toMatchObject([{ mode: 'AccessExclusiveLock', query: 'begin; lock table app.orders' }]);
    await owner.query(end.replace('12345', String(found[0].pid)));
    await ended;
    expect((await owner.query(find)).rows).toEqual([]);
  } finally {
    await holder.end();
  }
});

it('tells how fresh the tables are, to whoever was granted that', async () => {
  const [shown = ''] = statements('docs/reference/sql-views.md', 'What Lakeferry shows in SQL');
  const [ask = '', ...grants] = shown.split('\n\n');
  await fixture.query('create role reporting');
  await owner.query(grants.join('\n'));
  await fixture.query(`begin; set local role reporting; ${ask} commit`);
  await owner.query(ask);
  await fixture.query('drop owned by reporting; drop role reporting');
});

it('forgets one sync', async () => {
  const [forget = ''] = statements('docs/how-to/remove-everything.md', 'One sync');
  await fixture.query("insert into lakeferry.syncs (sync) values ('orders'), ('made')");
  await owner.query(forget);
  expect(await fixture.query('select sync from lakeferry.syncs')).toEqual([{ sync: 'made' }]);
});

it('takes all of it back, and leaves the tables', async () => {
  await target.close();
  const [removal = ''] = statements('docs/how-to/remove-everything.md', 'Neon');
  await fixture.query(`drop owned by ${READER}; drop role ${READER}`);
  await owner.query(removal);
  const { rows } = await owner.query(
    "select relname from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r' order by 1",
  );
  expect(rows.map(({ relname }) => relname)).toEqual(['made']);
  const left = await fixture.query("select nspname from pg_namespace where nspname = 'lakeferry'");
  expect(left).toEqual([]);
  expect(await fixture.query('select from pg_roles where rolname = $1', [ROLE])).toEqual([]);
  await owner.end();
  await fixture.query(`reassign owned by ${OWNER} to current_user`);
  await fixture.query(`drop role ${OWNER}`);
});
