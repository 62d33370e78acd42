import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/plan/mapping.ts';
import { arrival, departure, type Fields } from '../support/pages.ts';
import {
  type Fixture,
  failureOf,
  mappingOf,
  openFixture,
  SOFT,
  Sync,
  signal,
  snapshot,
  windowFrom,
} from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const quarantined = (columns: readonly string[], settings: Partial<Mapping> = {}) =>
  new Sync(fixture, mappingOf(columns, { rejectedRows: 'quarantine', ...settings }));

const statement = (sync: Sync, sql: string) => fixture.query(sql.replaceAll('$t', sync.qualified));

async function stored(sync: Sync) {
  return fixture.query(
    `select key, reason, column_name, sqlstate, constraint_name, version, attempts
     from lakeferry.rejected_rows where sync = $1 order by key`,
    [sync.name],
  );
}

const refused = (key: Fields, sqlstate: string, place: Record<string, unknown> = {}) => ({
  key,
  reason: 'refused',
  column_name: null,
  constraint_name: null,
  version: '1',
  attempts: '1',
  sqlstate,
  ...place,
});

/** Only what does not compress is too large for an index. */
function incompressible(length: number): string {
  let text = '';
  for (let seed = 1; text.length < length; seed = (seed * 48_271) % 2_147_483_647) text += seed.toString(36);
  return text;
}

const REFUSALS: readonly [string, string, string, string | null, string, Record<string, unknown>][] = [
  ['no number', 'value integer', '', 'x', '22P02', { column_name: 'value' }],
  ['a number out of range', 'value integer', '', '99999999999', '22003', { column_name: 'value' }],
  ['no date', 'value date', '', '2026-13-45', '22008', { column_name: 'value' }],
  ['no uuid', 'value uuid', '', 'x', '22P02', { column_name: 'value' }],
  ['no JSON', 'value jsonb', '', '{x', '22P02', { column_name: 'value' }],
  ['a text too long', 'value character varying(3)', '', 'long', '22001', { column_name: 'value' }],
  [
    'a NULL',
    'value text',
    'alter table $t alter value set not null',
    null,
    '23502',
    { column_name: 'value' },
  ],
  [
    'a check',
    'value text',
    "alter table $t add constraint ck check (value <> 'x')",
    'x',
    '23514',
    { constraint_name: 'ck' },
  ],
  [
    'a foreign key',
    'value integer',
    'create table public.parents (id integer primary key); insert into public.parents values (0); alter table $t add constraint fk foreign key (value) references public.parents',
    '7',
    '23503',
    { constraint_name: 'fk' },
  ],
  [
    'a deferred foreign key',
    'value integer',
    'create table public.later (id integer primary key); insert into public.later values (0); alter table $t add constraint fk foreign key (value) references public.later initially deferred',
    '7',
    '23503',
    { constraint_name: 'fk' },
  ],
  [
    'a unique constraint',
    'value text',
    "alter table $t add owner text; alter table $t add constraint un unique (value); insert into $t values (0, 'x')",
    'x',
    '23505',
    { constraint_name: 'un' },
  ],
  [
    'an exclusion',
    'value text',
    "alter table $t add constraint ex exclude using btree (value with =); insert into $t values (0, 'x')",
    'x',
    '23P01',
    { constraint_name: 'ex' },
  ],
  [
    'an index entry too large',
    'value text',
    'create index on $t (value)',
    incompressible(20_000),
    '54000',
    {},
  ],
  [
    'a trigger',
    'value text',
    `create function public.refuse() returns trigger language plpgsql as
       'begin if new.value = ''x'' then raise exception ''no %'', new.value; end if; return new; end';
     create trigger refuse before insert or update on $t for each row execute function public.refuse()`,
    'x',
    'P0001',
    {},
  ],
  [
    'a trigger with an SQLSTATE of its own',
    'value text',
    `create function public.refuse_by_code() returns trigger language plpgsql as
       'begin if new.value = ''x'' then raise exception ''no %'', new.value using errcode = ''ABC12''; end if; return new; end';
     create trigger refuse before insert or update on $t for each row execute function public.refuse_by_code()`,
    'x',
    'ABC12',
    {},
  ],
];

/** What the same column takes. */
const goodBeside = (refusedValue: string | null) => (refusedValue === null ? '0' : null);

describe('under quarantine, a row that Postgres refuses', () => {
  test.each(REFUSALS)(
    'for %s is put aside from a window, and the rows beside it are written',
    async (_, column, ddl, value, sqlstate, place) => {
      const sync = quarantined(['id integer', column]);
      await sync.load([]);
      if (ddl !== '') await statement(sync, ddl);
      const others = Array.from({ length: 9 }, (__, id) => String(id + 1));
      const outcome = await sync.advance(
        0,
        others.map((id) => arrival(id, id === '5' ? value : goodBeside(value))),
      );
      expect(outcome).toEqual({ outcome: 'applied', counts: { upserted: 8, deleted: 0, rejected: 1 } });
      expect(await stored(sync)).toEqual([refused(['5'], sqlstate, place)]);
      const ids = (await sync.rows(['id'])).flat().filter((id) => id !== '0');
      expect(ids).toEqual(others.filter((id) => id !== '5'));
      expect((await sync.state()).row).toMatchObject({ through: 1n, open: false, rowsRejected: 1n });
      await statement(sync, 'drop table $t');
      await fixture.query(
        'drop table if exists public.parents, public.later; drop function if exists public.refuse, public.refuse_by_code',
      );
    },
  );

  test.each(REFUSALS.filter(([name]) => !name.startsWith('a unique') && name !== 'an exclusion'))(
    'for %s is put aside from a first load',
    async (_, column, ddl, value, sqlstate, place) => {
      const sync = quarantined(['id integer', column]);
      await sync.ensureTable();
      if (ddl !== '') await statement(sync, ddl);
      const plan = await sync.opened(snapshot(1));
      const lines = ['1', '2', '3', '4', '5'].map(
        (id): Fields => [id, id === '4' ? value : goodBeside(value)],
      );
      expect(await sync.apply(plan, lines)).toEqual({
        outcome: 'applied',
        counts: { upserted: 4, deleted: 0, rejected: 1 },
      });
      expect((await sync.target.finish(plan, signal)).outcome).toBe('finished');
      expect(await stored(sync)).toEqual([refused(['4'], sqlstate, place)]);
      expect((await sync.rows(['id'])).flat()).toEqual(['1', '2', '3', '5']);
      await statement(sync, 'drop table $t');
      await fixture.query(
        'drop table if exists public.parents, public.later; drop function if exists public.refuse, public.refuse_by_code',
      );
    },
  );

  test('stays in the target as it was when its change is refused', async () => {
    const sync = quarantined(['id integer', 'name text']);
    await sync.load([
      ['1', 'a'],
      ['2', 'b'],
    ]);
    await statement(sync, "alter table $t add check (name <> 'bad')");
    await sync.advance(0, [arrival('1', 'bad'), arrival('2', 'c')]);
    expect(await sync.rows()).toEqual([
      ['1', 'a'],
      ['2', 'c'],
    ]);
  });

  test('may be a departure: what others refer to stays, and all else goes', async () => {
    const sync = quarantined(['id integer', 'name text']);
    await sync.load([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
    await statement(sync, 'create table public.children (parent integer constraint of_parent references $t)');
    await fixture.query('insert into public.children values (2)');
    const outcome = await sync.advance(0, [departure(['1'], 2), departure(['2'], 2), arrival('3', 'd')]);
    expect(outcome).toMatchObject({ counts: { upserted: 1, deleted: 1, rejected: 1 } });
    expect(await stored(sync)).toEqual([refused(['2'], '23503', { constraint_name: 'of_parent' })]);
    expect(await sync.rows()).toEqual([
      ['2', 'b'],
      ['3', 'd'],
    ]);
  });

  test('may be a mark of a soft delete', async () => {
    const sync = quarantined(['id integer', 'name text'], { deletes: SOFT });
    await sync.load([
      ['1', 'a'],
      ['2', 'b'],
    ]);
    await statement(sync, 'alter table $t add constraint lives check (id <> 2 or deleted_at is null)');
    expect(await sync.advance(0, [departure(['1'], 2), departure(['2'], 2)])).toMatchObject({
      counts: { deleted: 1, rejected: 1 },
    });
    expect(await stored(sync)).toEqual([refused(['2'], '23514', { constraint_name: 'lives' })]);
  });

  test('is told with the first of its columns that cannot be read, and a key that cannot be read as it came', async () => {
    const sync = quarantined(['id integer', 'day date', 'n integer', 'at timestamp with time zone'], {
      keyColumns: 2,
    });
    await sync.load([]);
    await sync.advance(0, [
      arrival('1', '2026-01-01', '1', '2026-01-01 00:00:00Z'),
      arrival('02', '20260202', 'x', 'y'),
      arrival('3', 'z', '3', null),
    ]);
    expect(await stored(sync)).toEqual([
      refused(['2', '2026-02-02'], '22P02', { column_name: 'n' }),
      refused(['3', 'z'], '22007', { column_name: 'day' }),
    ]);
    expect(await sync.rows(['id'])).toEqual([['1']]);
  });

  test('is counted up when it comes again, with what it is refused for by then, and forgotten once it is good', async () => {
    const sync = quarantined(['id integer', 'name text', 'n integer']);
    await sync.load([]);
    await statement(sync, "alter table $t add constraint ck check (name <> 'bad')");
    await sync.advance(0, [arrival('1', 'bad', '1'), arrival('2', 'bad', '1'), arrival('3', 'good', 'x')]);
    expect(await stored(sync)).toHaveLength(3);
    const firstSeen = () =>
      fixture.query(
        "select first_seen from lakeferry.rejected_rows where sync = $1 and key = jsonb_build_array('1')",
        [sync.name],
      );
    const first = await firstSeen();
    await sync.advance(1, [arrival('1', 'bad', 'x'), departure(['2'], 3), arrival('3', 'good', '3')]);
    expect(await stored(sync)).toEqual([
      refused(['1'], '22P02', { column_name: 'n', attempts: '2', version: '2' }),
    ]);
    expect(await firstSeen()).toEqual(first);
    await sync.advance(2, [arrival('1', 'good', '1'), arrival('4', 'bad', '1')]);
    expect((await stored(sync)).map(({ key }) => key)).toEqual([['4']]);
    await statement(sync, 'drop table $t');
    await sync.ensureTable();
    await sync.apply(await sync.opened(snapshot(3)), [['4', 'good', '1']]);
    expect(await stored(sync)).toEqual([]);
  });

  test('shows in no log or error, and its values not in the table either', async () => {
    const sync = quarantined(['id integer', 'name text', 'n integer'], { maxRejectedRows: 1 });
    await sync.load([]);
    await statement(sync, "alter table $t add constraint ck check (name <> 'hidden')");
    await sync.advance(0, [arrival('1', 'hidden', '1')]);
    expect(JSON.stringify(await fixture.query('select * from lakeferry.rejected_rows'))).not.toContain(
      'hidden',
    );
    const failure = await failureOf(
      sync.advance(1, [arrival('424242', 'hidden', '1'), arrival('424243', 'other', 'hidden')]),
    );
    const told = inspect(failure, { depth: 10, showHidden: true });
    for (const secret of ['hidden', '424242', '424243']) expect(told).not.toContain(secret);
  });
});

describe('errors that are no row’s fault', () => {
  test('a key that comes twice halts, though other rows are refused', async () => {
    await fixture.query('create extension if not exists citext schema public');
    const sync = quarantined(['code citext', 'n integer']);
    await fixture.query(`create table ${sync.qualified} (code public.citext primary key, n integer)`);
    await sync.load([]);
    for (const bad of ['x', '7']) {
      const plan = await sync.opened(windowFrom(0));
      await statement(sync, 'alter table $t drop constraint if exists ck, add constraint ck check (n <> 7)');
      const failure = await failureOf(
        sync.apply(plan, [arrival('0', bad), arrival('a', '1'), arrival('A', '2'), arrival('b', '3')]),
      );
      expect(failure.kind).toBe('duplicate_source_key');
      expect(await sync.rows()).toEqual([]);
    }
  });

  test('a key that comes twice in two slices of a first load halts, too', async () => {
    const sync = quarantined(['code citext', 'n integer']);
    await fixture.query(
      `create table ${sync.qualified} (code public.citext primary key, n integer check (n <> 7))`,
    );
    const plan = await sync.opened(snapshot(1), { slices: 2 });
    await sync.apply(plan, [['a', '1']], 0);
    const rows = [
      ['0', '7'],
      ['A', '2'],
    ];
    expect((await failureOf(sync.apply(plan, rows, 1))).kind).toBe('duplicate_source_key');
    expect(await sync.rows()).toEqual([['a', '1']]);
  });

  test.each([
    ['55P03', 'target_busy'],
    ['57014', 'target_busy'],
    ['40001', 'target_busy'],
    ['53200', 'target_unavailable'],
  ])('an SQLSTATE %s while the rows are tried stops it, and nothing is put aside', async (sqlState, kind) => {
    const sync = quarantined(['id integer', 'n integer']);
    await sync.load([]);
    await statement(
      sync,
      `create or replace function public.interrupt() returns trigger language plpgsql as
         'begin if new.n = 9 then raise exception using errcode = ''${sqlState}''; end if; return new; end';
       create trigger interrupt before insert on $t for each row execute function public.interrupt();
       alter table $t add check (n <> 1)`,
    );
    const failure = await failureOf(
      sync.advance(
        0,
        ['1', '2', '3', '9', '5'].map((n) => arrival(n, n)),
      ),
    );
    expect(failure).toMatchObject({ kind, fields: { sqlState } });
    expect(await sync.rows()).toEqual([]);
    expect(await stored(sync)).toEqual([]);
    expect((await sync.state()).row).toMatchObject({ through: 0n, open: true });
  });
});

describe('the limit of rejected rows', () => {
  const limited = async (maxRejectedRows: number) => {
    const sync = quarantined(['id integer', 'n integer'], { maxRejectedRows });
    await sync.load([]);
    await statement(sync, 'alter table $t add constraint positive check (n > 0)');
    return sync;
  };

  test.each([
    ['values that no column takes', 'x', /2 × Postgres refused it \(SQLSTATE 22P02\)/],
    [
      'values that a constraint forbids',
      '-1',
      /2 × Postgres refused it \(constraint "positive", SQLSTATE 23514\)/,
    ],
  ])('stops a chunk with %s as soon as it is passed, with nothing of it kept', async (_, value, place) => {
    const sync = await limited(1);
    const failure = await failureOf(
      sync.advance(
        0,
        ['1', '2', '3', '4'].map((id) => arrival(id, id === '1' ? '1' : value)),
      ),
    );
    expect(failure).toMatchObject({ kind: 'row_rejected', fields: { rejectedAtLeast: 2, limit: 1 } });
    expect(failure.message).toContain(
      `At least 2 rows of the sync are rejected, and syncs.${sync.name}.maxRejectedRows allows 1`,
    );
    expect(failure.message).toMatch(place);
    expect(failure.remedy).toContain('maxRejectedRows');
    expect(await sync.rows()).toEqual([]);
    expect(await stored(sync)).toEqual([]);
  });

  test('counts the keys that stand from before, and not the same key twice', async () => {
    const sync = await limited(2);
    await sync.advance(0, [arrival('1', '-1'), arrival('2', 'x')]);
    await sync.advance(1, [arrival('1', 'x'), arrival('2', '-1')]);
    const failure = await failureOf(sync.advance(2, [arrival('3', '-1')]));
    expect(failure).toMatchObject({ kind: 'row_rejected', fields: { rejected: 3, limit: 2 } });
    const plan = await sync.plan(windowFrom(2));
    expect((await sync.state()).row.open).toBe(true);
    expect(await sync.target.open(plan, signal)).toBe('opened');
    await sync.apply(plan, [arrival('1', '5'), arrival('3', '-1')]);
    expect((await stored(sync)).map(({ key }) => key)).toEqual([['2'], ['3']]);
  });
});
