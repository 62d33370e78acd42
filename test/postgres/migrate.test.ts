import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { failureOf, mappingOf, openFixture, Sync, signal } from './fixture.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test('twenty installers at once install once', async () => {
  const connection = { url: database.url, localProxy: database.proxy.address };
  const targets = Array.from({ length: 20 }, () => openPostgresTarget(connection));
  await Promise.all(targets.map((target) => target.migrate(signal)));
  await Promise.all(targets.map((target) => target.close()));
  expect(await database.query('select version from lakeferry.migrations order by version')).toEqual([
    { version: 1 },
    { version: 2 },
    { version: 3 },
  ]);
});

test('every table, view and column that needs words has them', async () => {
  const bare = await database.query(`
    select c.relname from pg_class c
    where c.relnamespace = 'lakeferry'::regnamespace and c.relkind in ('r', 'v')
      and obj_description(c.oid) is null`);
  expect(bare).toEqual([]);
});

test('a role without any right to create finds the schema up to date', async () => {
  const fixture = await openFixture();
  await fixture.query(`create role reader_${fixture.name} login password 'secret'`);
  await fixture.query(`grant usage on schema lakeferry to reader_${fixture.name}`);
  await fixture.query(`grant select on all tables in schema lakeferry to reader_${fixture.name}`);
  const reader = fixture.targetAs(`reader_${fixture.name}`, 'secret');
  await reader.migrate(signal);
  await reader.close();
  await fixture.query(`drop owned by reader_${fixture.name}`);
  await fixture.query(`drop role reader_${fixture.name}`);
  await fixture.drop();
});

test('a schema that its owner made for the role is enough to install in', async () => {
  const fixture = await openFixture();
  const role = `guest_${fixture.name}`;
  await fixture.query(`create role ${role} login password 'secret'`);
  await fixture.query(
    `drop schema lakeferry cascade; create schema lakeferry; grant usage, create on schema lakeferry to ${role}`,
  );
  const guest = fixture.targetAs(role, 'secret');
  await guest.migrate(signal);
  expect(await guest.readServer('direct', signal)).toMatchObject({ schema: 'current', missingGrants: [] });
  await guest.close();
  await fixture.query(`drop owned by ${role}; drop role ${role}`);
  await fixture.drop();
});

test('a schema of an earlier form is brought up to date with what is in it', async () => {
  const fixture = await openFixture();
  await fixture.query(`
    alter table lakeferry.rejected_rows
      drop column sqlstate, drop column constraint_name, alter column column_name set not null;
    alter table lakeferry.applied_slices drop column parts, drop column rows_read, drop column took_ms;
    alter table lakeferry.syncs drop column approved_plan_id;
    delete from lakeferry.migrations where version > 1;
    insert into lakeferry.rejected_rows (sync, key, key_digest, reason, column_name, version, attempts)
    values ('orders', '["1"]', 'x', 'null_key', 'id', 3, 1)`);
  await fixture.target.migrate(signal);
  expect(await fixture.query('select * from lakeferry.rejected_rows')).toMatchObject([
    { sync: 'orders', column_name: 'id', sqlstate: null, constraint_name: null },
  ]);
  expect(await fixture.query('select max(version) as version from lakeferry.migrations')).toEqual([
    { version: 3 },
  ]);
  await fixture.drop();
});

test('a schema of a later form is left alone, with a word to the operator', async () => {
  const fixture = await openFixture();
  await fixture.query("insert into lakeferry.migrations (version, name) values (99, 'later')");
  const failure = await failureOf(fixture.target.migrate(signal));
  expect(failure.kind).toBe('target_incompatible');
  expect(failure.message).toContain('99');
  await fixture.drop();
});

test('freshness says how far a sync is, to whoever may look at it alone', async () => {
  const fixture = await openFixture();
  const sync = new Sync(fixture, mappingOf(['id integer']));
  await sync.load([['1'], ['2']]);
  expect(await fixture.query('select * from lakeferry.freshness')).toMatchObject([
    { sync: sync.name, through: '0', open: false, rows_upserted: '2', rejected_keys: '0' },
  ]);
  expect([...(await fixture.target.readRows(signal))]).toMatchObject([[sync.name, { through: 0n }]]);
  await fixture.drop();
});
