import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/plan/mapping.ts';
import { arrival, departure, type Fields, pagesOf } from '../support/pages.ts';
import {
  type Fixture,
  failureOf,
  mappingOf,
  openFixture,
  SOFT,
  Sync,
  signal,
  windowFrom,
} from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());
/** Names of indexes are unique in a schema, and each test's constraint has the same. */
afterEach(() =>
  fixture.query('drop schema if exists shop cascade; drop table if exists public.children, public.mails'),
);

const statement = (sync: Sync, sql: string) => fixture.query(sql.replaceAll('$t', sync.qualified));

/** Rows 1, 2, 3 with the emails a, b, c, in a table that `ddl` changed. */
async function people(ddl: string, settings: Partial<Mapping> = {}): Promise<Sync> {
  const sync = new Sync(fixture, mappingOf(['id integer', 'email text', 'n integer'], settings), {
    schema: 'shop',
    table: 'people',
  });
  await sync.load([
    ['1', 'a', '0'],
    ['2', 'b', '0'],
    ['3', 'c', '0'],
  ]);
  await statement(sync, `${UNIQUE};${ddl}`);
  return sync;
}

const UNIQUE = 'alter table $t add constraint one_email unique (email)';
const NOT_NULL = 'alter table $t alter email set not null';
const CHILDREN = 'create table $tc (parent integer references $t %s); insert into $tc values (1), (2), (3)';
const children = (onDelete: string) => CHILDREN.replaceAll('$tc', 'public.children').replace('%s', onDelete);

const SWAP = [arrival('1', 'b', '1'), arrival('2', 'a', '1')];
const SWAPPED: readonly Fields[] = [
  ['1', 'b', '1'],
  ['2', 'a', '1'],
  ['3', 'c', '0'],
];
const BEFORE: readonly Fields[] = [
  ['1', 'a', '0'],
  ['2', 'b', '0'],
  ['3', 'c', '0'],
];

describe.each([
  ['halt', 'nullable', ''],
  ['halt', 'NOT NULL', NOT_NULL],
  ['quarantine', 'nullable', ''],
  ['quarantine', 'NOT NULL', NOT_NULL],
] as const)('where the sync says %s and the column is %s, a unique value moves', (rejectedRows, _, ddl) => {
  test.each([
    ['from a row that departs', [departure(['1'], 3), arrival('2', 'a', '1')], [['2', 'a', '1'], BEFORE[2]]],
    ['between two rows', SWAP, SWAPPED],
    [
      'in a circle of three',
      [arrival('1', 'b', '1'), arrival('2', 'c', '1'), arrival('3', 'a', '1')],
      [
        ['1', 'b', '1'],
        ['2', 'c', '1'],
        ['3', 'a', '1'],
      ],
    ],
    [
      'along a chain that ends in a new value, to a row that is new',
      [arrival('0', 'a', '1'), arrival('1', 'b', '1'), arrival('2', 'c', '1'), arrival('3', 'd', '1')],
      [
        ['0', 'a', '1'],
        ['1', 'b', '1'],
        ['2', 'c', '1'],
        ['3', 'd', '1'],
      ],
    ],
  ])('%s', async (__, lines, after) => {
    const sync = await people(ddl, { rejectedRows });
    const upserted = lines.filter(([operation]) => operation === 'u').length;
    expect(await sync.advance(0, lines)).toMatchObject({
      outcome: 'applied',
      counts: { upserted, rejected: 0 },
    });
    expect(await sync.rows()).toEqual(after);
  });
});

test('a unique value moves on from a row that gives it up for NULL', async () => {
  const sync = await people('');
  await sync.advance(0, [arrival('1', 'b', '1'), arrival('2', null, '1')]);
  expect(await sync.rows()).toEqual([['1', 'b', '1'], ['2', null, '1'], BEFORE[2]]);
});

describe('two rows that exchange a unique value', () => {
  test.each([
    ['the column may be NULL', children('on delete cascade')],
    [
      'the column is NOT NULL and keys refer to the table with NO ACTION',
      `${NOT_NULL};${children('on update cascade')}`,
    ],
    [
      'a check forbids NULL',
      `alter table $t add check (email is not null);${children('on delete no action')}`,
    ],
    [
      'NULLs are not distinct',
      'alter table $t drop constraint one_email, add constraint one_email unique nulls not distinct (email)',
    ],
    [
      'another table refers to the column',
      "create table public.mails (email text references $t (email) on update no action); insert into public.mails values ('a'), ('b')",
    ],
    [
      'the constraint is deferrable, though no row may be deleted',
      `alter table $t drop constraint one_email, add constraint one_email unique (email) deferrable;${NOT_NULL};${children('on delete cascade')}`,
    ],
    [
      'the constraint is deferred',
      `alter table $t drop constraint one_email, add constraint one_email unique (email) deferrable initially deferred;${NOT_NULL};${children('on delete cascade')}`,
    ],
    [
      'the index is partial',
      'alter table $t drop constraint one_email; create unique index on $t (email) where n >= 0',
    ],
    [
      'the index has a column of the owner’s',
      "alter table $t drop constraint one_email, add shop text not null default 's'; create unique index on $t (shop, email)",
    ],
  ])('do so where %s, and other tables keep what they refer to', async (_, ddl) => {
    const sync = await people(ddl);
    expect(await sync.advance(0, SWAP)).toMatchObject({ counts: { upserted: 2 } });
    expect(await sync.rows()).toEqual(SWAPPED);
    for (const [table, rows] of [
      ['public.children', [{ parent: 1 }, { parent: 2 }, { parent: 3 }]],
      ['public.mails', [{ email: 'a' }, { email: 'b' }]],
    ] as const) {
      const [found] = await fixture.query('select to_regclass($1) as is', [table]);
      if (found?.['is']) expect(await fixture.query(`select * from ${table} order by 1`)).toEqual(rows);
    }
  });

  test('are written once where the constraint is deferrable, and twice where they are parked', async () => {
    for (const [deferrable, updates] of [
      ['deferrable', 2],
      ['not deferrable', 4],
    ] as const) {
      const sync = await people(
        `alter table $t drop constraint one_email, add constraint one_email unique (email) ${deferrable};
         create table public.children (parent integer);
         create or replace function public.on_update() returns trigger language plpgsql as
           'begin insert into public.children values (new.id); return new; end';
         create trigger on_update after update on $t for each row execute function public.on_update();
         alter table $t add check (n >= 0)`,
        { rejectedRows: 'quarantine' },
      );
      await sync.advance(0, [...SWAP, arrival('4', 'd', '-1')]);
      expect(await sync.rows()).toEqual(SWAPPED);
      expect(await fixture.query('select * from public.children')).toHaveLength(updates);
      await fixture.query('drop schema shop cascade; drop table public.children');
    }
  });

  test('keep what is the owner’s when they are written again as a whole', async () => {
    const sync = await people(
      `${NOT_NULL}; alter table $t add serial integer generated always as identity, add note text default 'new',
         add twice integer generated always as (n * 2) stored, add gone_at timestamp with time zone;
       update $t set note = 'mine ' || id`,
    );
    const before = await statement(sync, 'select id, serial, note from $t order by id');
    await sync.advance(0, SWAP);
    expect(await statement(sync, 'select id, serial, note from $t order by id')).toEqual(before);
    expect(await statement(sync, 'select twice from $t order by id')).toEqual([
      { twice: 2 },
      { twice: 2 },
      { twice: 0 },
    ]);
  });

  test.each(['enable_hashjoin', 'enable_mergejoin', 'enable_nestloop'])(
    'are written again as a whole under a plan without %s',
    async (setting) => {
      const sync = await people(NOT_NULL);
      await fixture.query(`alter database ${fixture.name} set ${setting} = off`);
      const target = fixture.limitedTarget({});
      const plan = await sync.opened(windowFrom(0));
      await target.apply({ plan, slice: 0, of: 1 }, pagesOf(SWAP), async () => undefined, signal);
      expect(await sync.rows()).toEqual(SWAPPED);
      await fixture.query(`alter database ${fixture.name} reset ${setting}`);
      await target.close();
    },
  );

  test('live again where they were marked as deleted, with the time of the apply', async () => {
    const sync = await people(NOT_NULL, { deletes: SOFT, metadata: { syncedAt: 'synced' } });
    await sync.advance(0, [departure(['1'], 3)]);
    await statement(sync, "update $t set synced = '2000-01-01'");
    await sync.advance(1, SWAP);
    expect(await sync.rows()).toEqual(SWAPPED);
    expect(
      await statement(
        sync,
        "select deleted_at, synced > now() - interval '1 hour' as fresh from $t order by id",
      ),
    ).toEqual([
      { deleted_at: null, fresh: true },
      { deleted_at: null, fresh: true },
      { deleted_at: null, fresh: false },
    ]);
  });

  test.each([
    ['delete what refers to them', children('on delete cascade')],
    ['let go what refers to them', children('on delete set null')],
    ['let go what refers to them, for a default', children('on delete set default')],
    ['be refused by what refers to them', children('on delete restrict')],
    [
      'leave behind what follows their values',
      `create table public.mails (email text references $t (email) on update cascade);${children('')}`,
    ],
    [
      'fire a trigger',
      `create table public.children (parent integer); insert into public.children values (1), (2), (3);
       create or replace function public.on_delete() returns trigger language plpgsql as
         'begin delete from public.children where parent = old.id; return old; end';
       create trigger on_delete after delete on $t for each row execute function public.on_delete()`,
    ],
  ])(
    'do not where writing them again as a whole would %s: the sync halts and names constraint and remedy',
    async (_, ddl) => {
      const sync = await people(`${NOT_NULL};${ddl}`);
      const failure = await failureOf(sync.advance(0, SWAP));
      expect(failure).toMatchObject({ kind: 'unique_conflict', fields: { constraint: 'one_email' } });
      expect(failure.message).toContain('one_email');
      expect(failure.remedy).toContain('DEFERRABLE');
      expect(await sync.rows()).toEqual(BEFORE);
      expect(await fixture.query('select parent from public.children order by 1')).toHaveLength(3);
    },
  );
});

describe('under quarantine', () => {
  const quarantine = { rejectedRows: 'quarantine' } as const;
  const rejectedKeys = async (sync: Sync) =>
    (
      await fixture.query<{ id: string }>(
        'select key ->> 0 as id from lakeferry.rejected_rows where sync = $1 order by 1',
        [sync.name],
      )
    ).map(({ id }) => id);

  test.each(['', NOT_NULL])(
    'who wants the value of a row that is refused is refused with it, and keeps its own; %s',
    async (ddl) => {
      const sync = await people(`${ddl}; alter table $t add constraint ck check (n < 9)`, quarantine);
      await sync.advance(0, [arrival('1', 'b', '1'), arrival('2', 'a', '9'), arrival('3', 'd', '1')]);
      expect(await sync.rows()).toEqual([BEFORE[0], BEFORE[1], ['3', 'd', '1']]);
      expect(await rejectedKeys(sync)).toEqual(['1', '2']);
    },
  );

  test('rows move their values though another one is refused', async () => {
    const sync = await people('alter table $t add constraint ck check (n < 9)', quarantine);
    await sync.advance(0, [...SWAP, arrival('3', 'd', '9'), arrival('4', 'e', 'x')]);
    expect(await sync.rows()).toEqual(SWAPPED);
    expect(await rejectedKeys(sync)).toEqual(['3', '4']);
  });

  test('a value that two rows of the source hold is refused to the second', async () => {
    const sync = await people('', quarantine);
    await sync.advance(0, [arrival('4', 'd', '1'), arrival('5', 'd', '1'), arrival('6', 'a', '1')]);
    expect(await sync.rows()).toEqual([...BEFORE, ['4', 'd', '1']]);
    expect(await rejectedKeys(sync)).toEqual(['5', '6']);
  });
});
