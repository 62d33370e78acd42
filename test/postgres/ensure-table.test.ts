import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/plan/mapping.ts';
import {
  type Fixture,
  failureOf,
  locksAreWaitedFor,
  mappingOf,
  openFixture,
  SOFT,
  Sync,
  signal,
} from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.query('create extension citext schema public');
});
afterAll(() => fixture.drop());

const METADATA = { commitVersion: 'v', commitTimestamp: 'committed', syncedAt: 'synced' };

describe('a missing table', () => {
  test('is created with types, key, metadata, comments and room on its pages', async () => {
    const mapping: Mapping = {
      ...mappingOf(
        ['id bigint', 'part smallint', 'sum numeric(10,2)', 'at timestamp with time zone', 'code citext'],
        {
          keyColumns: 2,
          metadata: METADATA,
          deletes: SOFT,
        },
      ),
    };
    const columns = mapping.columns.map((column, at) =>
      at === 2 ? { ...column, comment: 'The customer\'s 100 % \\ "sum"' } : column,
    );
    const sync = new Sync(fixture, { ...mapping, columns }, { schema: 'new "place"', table: 'made' });

    await sync.ensureTable();

    expect(
      await fixture.query(
        `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "notNull",
                col_description(attrelid, attnum) as comment
         from pg_attribute where attrelid = $1::regclass and attnum > 0 order by attnum`,
        [sync.qualified],
      ),
    ).toEqual([
      { name: 'id', type: 'bigint', notNull: true, comment: null },
      { name: 'part', type: 'smallint', notNull: true, comment: null },
      { name: 'sum', type: 'numeric(10,2)', notNull: false, comment: 'The customer\'s 100 % \\ "sum"' },
      { name: 'at', type: 'timestamp with time zone', notNull: false, comment: null },
      { name: 'code', type: 'citext', notNull: false, comment: null },
      { name: 'v', type: 'bigint', notNull: false, comment: null },
      { name: 'committed', type: 'timestamp with time zone', notNull: false, comment: null },
      { name: 'synced', type: 'timestamp with time zone', notNull: false, comment: null },
      { name: 'deleted_at', type: 'timestamp with time zone', notNull: false, comment: null },
    ]);
    const [table] = await fixture.query<{ options: string[]; key: string; comment: string }>(
      `select reloptions as options, pg_get_constraintdef(k.oid) as key, obj_description(c.oid) as comment
       from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'p' where c.oid = $1::regclass`,
      [sync.qualified],
    );
    expect(table).toMatchObject({ options: ['fillfactor=85'], key: 'PRIMARY KEY (id, part)' });
    expect(table?.comment).toContain(sync.name);
    expect(await sync.target.readColumnTypes(sync.table, signal)).toEqual(
      new Map([
        ['id', 'bigint'],
        ['part', 'smallint'],
        ['sum', 'numeric(10,2)'],
        ['at', 'timestamp with time zone'],
        ['code', 'citext'],
        ['v', 'bigint'],
        ['committed', 'timestamp with time zone'],
        ['synced', 'timestamp with time zone'],
        ['deleted_at', 'timestamp with time zone'],
      ]),
    );
    await sync.ensureTable();
  });

  test.each([
    [
      'one table',
      (own: Fixture) => {
        const sync = new Sync(own, mappingOf(['id integer']));
        return [sync, sync] as const;
      },
    ],
    [
      'two tables of a schema that is missing',
      (own: Fixture) =>
        [1, 2].map((n) => new Sync(own, mappingOf(['id integer']), { schema: 'one place', table: `t${n}` })),
    ],
  ])('is created once when two want it at once: %s', async (_, syncsOf) => {
    const own = await openFixture();
    await own.query(`
      create function public.pass_gate() returns event_trigger language plpgsql as
        'begin perform pg_advisory_xact_lock(1); end';
      create event trigger gate on ddl_command_end when tag in ('CREATE SCHEMA', 'CREATE TABLE')
        execute function public.pass_gate()`);
    const gate = new pg.Client(own.url);
    await gate.connect();
    await gate.query('select pg_advisory_lock(1)');
    const syncs = syncsOf(own);
    const both = Promise.all(syncs.map((sync) => sync.ensureTable()));
    await locksAreWaitedFor(own, 2);
    await gate.end();
    await both;
    for (const sync of syncs) {
      expect((await sync.state()).table).toMatchObject({ empty: true, uniqueBesidesKey: false });
    }
    await own.drop();
  });

  test.each([
    ['no type', 'nothing'],
    ['a statement', 'text); drop table x; --'],
  ])('is not created with %s for a type', async (_, type) => {
    const sync = new Sync(fixture, mappingOf(['id integer', `a ${type}`]));
    expect(await failureOf(sync.ensureTable())).toMatchObject({ kind: 'target_incompatible' });
    expect((await sync.state()).table).toBeUndefined();
  });

  test.each(['', 'x'.repeat(64), 'a\0b'])('is not created with the column name %j', async (name) => {
    const sync = new Sync(fixture, mappingOf(['id integer', `${name}|text`]));
    expect(await failureOf(sync.ensureTable())).toMatchObject({ kind: 'target_incompatible' });
  });

  test('has no columns to tell of', async () => {
    expect(
      await fixture.target.readColumnTypes({ schema: 'public', table: 'nowhere' }, signal),
    ).toBeUndefined();
  });
});

describe('a table that is there', () => {
  const mapping = mappingOf(['id integer', 'name text', 'sum numeric(10,2)']);

  async function check(definition: string, of = mapping): Promise<Sync> {
    const sync = new Sync(fixture, of);
    await fixture.query(definition.replaceAll('$t', sync.qualified));
    return sync;
  }

  test.each([
    ['wider types', 'create table $t (id bigint primary key, name character varying, sum numeric)'],
    [
      'columns of its own',
      'create table $t (id integer primary key, name text, sum numeric(12,2), x int, y int not null default 1, z int generated always as (id + 1) stored)',
    ],
    [
      'a unique index for a key',
      'create table $t (id integer not null, name text, sum numeric(10,2)); create unique index on $t (id)',
    ],
  ])('fits with %s', async (_, definition) => {
    const sync = await check(definition);
    await sync.ensureTable();
    await sync.load([['1', 'a', '1.00']]);
  });

  test('is told of every misfit at once', async () => {
    const sync = await check(
      `create table $t (id smallint, name character varying(20), old text not null, "g G" int not null, deleted_at timestamptz not null, v bigint generated always as (1) stored)`,
      { ...mapping, metadata: METADATA, deletes: SOFT },
    );
    const failure = await failureOf(sync.ensureTable());
    expect(failure.kind).toBe('target_incompatible');
    expect(failure.fields['problems']).toEqual([
      'it lacks the columns "sum" numeric(10,2), "committed" timestamp with time zone, "synced" timestamp with time zone',
      'column "id" is smallint, which does not hold every integer',
      'column "name" is character varying(20), which does not hold every text',
      'column "v" is generated by the database',
      'column "old" is NOT NULL without a default, and no source column fills it',
      'column "g G" is NOT NULL without a default, and no source column fills it',
      'column "deleted_at" is NOT NULL, but marks deleted rows and is NULL in all others',
      'the key ("id") has no primary key or unique index of exactly these columns that is valid, not partial and not deferrable',
    ]);
    expect(failure.message).toContain('it lacks the columns');
  });

  test.each([
    ['no index', ''],
    ['a partial index', 'create unique index on $t (id) where id > 0'],
    ['an index of more columns', 'create unique index on $t (id, name)'],
    ['an index of an expression', 'create unique index on $t (abs(id))'],
    ['an index that is not unique', 'create index on $t (id)'],
    ['a deferrable constraint', 'alter table $t add unique (id) deferrable'],
    [
      'an identity of its own',
      'alter table $t add primary key (id), alter id add generated always as identity',
    ],
  ])('does not fit with %s for a key', async (_, index) => {
    const sync = await check(`create table $t (id integer not null, name text, sum numeric(10,2)); ${index}`);
    expect(await failureOf(sync.ensureTable())).toMatchObject({ kind: 'target_incompatible' });
  });

  test('does not fit with a key under a collation that holds texts equal', async () => {
    await fixture.query(
      "create collation public.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    const sync = await check(
      'create table $t (code text collate public.no_case primary key)',
      mappingOf(['code text']),
    );
    expect((await failureOf(sync.ensureTable())).message).toContain('collation');
  });

  test.each([
    ['a view', 'create view $t as select 1 as id, null::text as name, 1::numeric(10,2) as sum'],
    ['a materialized view', 'create materialized view $t as select 1 as id'],
  ])('does not fit as %s', async (kind, definition) => {
    const sync = await check(definition);
    expect((await failureOf(sync.ensureTable())).message).toContain(`it is ${kind}`);
  });

  test.each([
    ['no other index', '', false],
    ['another unique index', 'create unique index on $t (name)', true],
    [
      'a unique index on part of the key’s table',
      'create unique index on $t (name) where name is not null',
      true,
    ],
    ['a unique index that contains the key', 'create unique index on $t (name, id)', false],
    ['an exclusion constraint', 'alter table $t add exclude using btree (name with =)', true],
    ['an index that is not unique', 'create index on $t (name)', false],
  ])('with %s: a window must be one slice, %s %s', async (_, index, expected) => {
    const sync = await check(`create table $t (id integer primary key, name text); ${index}`);
    expect((await sync.state()).table?.uniqueBesidesKey).toBe(expected);
  });

  test.each([
    ['no other index', '', false],
    [
      'a unique index on a column that differs from it in case only',
      'create unique index on $t (order_id)',
      true,
    ],
  ])('with a key in another case than asked for, and %s %s', async (_, index, expected) => {
    const sync = await check(`create table $t ("Order_Id" integer primary key, order_id integer); ${index}`);
    for (const asked of ['ORDER_ID', 'order_id', 'Order_Id']) {
      const { table } = await sync.target.readState(sync.name, sync.table, [asked], signal);
      expect(table?.uniqueBesidesKey).toBe(expected);
    }
  });
});

test('a missing right is told with the grant to give', async () => {
  const role = `weak_${fixture.name}`;
  await fixture.query(`create role ${role} login password 'secret'`);
  await fixture.query('create schema closed');
  const sync = new Sync(fixture, mappingOf(['id integer']), { schema: 'closed', table: 'Orders' });
  await sync.ensureTable();
  const weak = fixture.targetAs(role, 'secret');
  const ensure = () =>
    weak.ensureTable({ sync: sync.name, target: sync.table, mapping: sync.mapping }, signal);

  const failure = await failureOf(ensure());
  expect(failure.kind).toBe('target_permission');
  const grants = [
    `grant usage on schema "closed" to "${role}";`,
    `grant select, insert, update, delete on table "closed"."Orders" to "${role}";`,
  ];
  expect(failure.message).toContain(grants.join(' '));

  for (const grant of grants) await fixture.query(grant);
  await ensure();

  await weak.close();
  await fixture.query(`drop owned by ${role}`);
  await fixture.query(`drop role ${role}`);
});
