import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrival, departure } from '../support/pages.ts';
import { type Fixture, failureOf, mappingOf, openFixture, SOFT, Sync } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const PEOPLE = ['id integer', 'name text', 'score double precision'];

/** `xmin` changes when a row is written, be it with the same values. */
async function rowVersions(sync: Sync): Promise<unknown[]> {
  return fixture.query(`select ctid::text, xmin::text from ${sync.qualified} order by 1`);
}

describe('a window', () => {
  test('inserts, updates and deletes, and counts what it did', async () => {
    const sync = new Sync(fixture, mappingOf(PEOPLE));
    await sync.load([
      ['1', 'Ada', '1.5'],
      ['2', 'Bob', '2.5'],
      ['3', 'Cyd', null],
    ]);

    const outcome = await sync.advance(0, [
      arrival('2', 'Bert', '2.5'),
      arrival('4', 'Dan', '4'),
      departure(['3'], 3),
      departure(['9'], 3),
    ]);

    expect(outcome).toEqual({ outcome: 'applied', counts: { upserted: 2, deleted: 1, rejected: 0 } });
    expect(await sync.rows()).toEqual([
      ['1', 'Ada', '1.5'],
      ['2', 'Bert', '2.5'],
      ['4', 'Dan', '4'],
    ]);
    expect((await sync.state()).row).toMatchObject({
      through: 1n,
      reach: 1n,
      open: false,
      rowsUpserted: 5n,
      rowsDeleted: 1n,
    });
  });

  test('without lines moves through and touches nothing', async () => {
    const sync = new Sync(fixture, mappingOf(PEOPLE));
    await sync.load([['1', 'Ada', '1.5']]);
    const before = await rowVersions(sync);

    expect(await sync.advance(0, [])).toMatchObject({
      outcome: 'applied',
      counts: { upserted: 0, deleted: 0 },
    });

    expect(await rowVersions(sync)).toEqual(before);
    expect((await sync.state()).row.through).toBe(1n);
  });

  test('leaves rows alone that are as they should be', async () => {
    const sync = new Sync(fixture, mappingOf([...PEOPLE, 'tags jsonb', 'raw bytea', 'sum numeric(10,2)']));
    const row = ['1', 'Ada\t"\\', 'NaN', '{"a": [1, null]}', '\\xdeadbeef', '12.50'];
    await sync.load([row, ['2', null, null, null, null, null]]);
    const before = await rowVersions(sync);

    const outcome = await sync.advance(0, [arrival(...row), arrival('2', null, null, null, null, null)]);

    expect(outcome).toMatchObject({ counts: { upserted: 0 } });
    expect(await rowVersions(sync)).toEqual(before);
  });

  test.each([
    ['double precision', '0', '-0'],
    ['real', '-0', '0'],
    ['numeric', '1.0', '1.00'],
    ['jsonb', '{"a": 1.0}', '{"a": 1.00}'],
    ['text', 'null', null],
    ['text', null, ''],
    ['bytea', '\\x', null],
  ])('replaces a %s %s by %s', async (type, before, after) => {
    const sync = new Sync(fixture, mappingOf(['id integer', `value ${type}`]));
    await sync.load([['1', before]]);
    expect(await sync.advance(0, [arrival('1', after)])).toMatchObject({ counts: { upserted: 1 } });
    expect(await sync.rows()).toEqual([['1', after]]);
  });

  test('replaces a text by another that its collation holds equal', async () => {
    await fixture.query(
      "create collation if not exists public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await fixture.query(
      `create table ${sync.qualified} (id integer primary key, name text collate public.any_case)`,
    );
    await sync.load([['1', 'ada']]);
    await sync.advance(0, [arrival('1', 'Ada')]);
    expect(await sync.rows()).toEqual([['1', 'Ada']]);
  });

  test('tells keys of several columns apart', async () => {
    const mapping = mappingOf(['shop text', 'id bigint', 'name text'], { keyColumns: 2 });
    const sync = new Sync(fixture, mapping);
    await sync.load([
      ['a', '1', 'A1'],
      ['a', '2', 'A2'],
      ['b', '1', 'B1'],
    ]);
    await sync.advance(0, [departure(['a', '1'], 3), arrival('b', '1', 'B1!'), arrival('b', '2', 'B2')]);
    expect(await sync.rows()).toEqual([
      ['a', '2', 'A2'],
      ['b', '1', 'B1!'],
      ['b', '2', 'B2'],
    ]);
  });

  test('keeps a table that is nothing but its key', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer']));
    await sync.load([['1'], ['2']]);
    const outcome = await sync.advance(0, [arrival('1'), departure(['2'], 1), arrival('3')]);
    expect(outcome).toMatchObject({ counts: { upserted: 1, deleted: 1 } });
    expect(await sync.rows()).toEqual([['1'], ['3']]);
  });

  test('takes names as they are, whatever they hold', async () => {
    const long = `${'ü'.repeat(31)}x`;
    const mapping = mappingOf(
      [
        'Order "Id"|bigint',
        'select|text',
        'operation|text',
        '_operation|text',
        `${long}|text`,
        "x'; --|text",
      ],
      { metadata: { syncedAt: 'Synced At' }, deletes: { mode: 'soft', column: 'from' } },
    );
    const table = { schema: 'My "Shop"', table: 'Order Lines %I' };
    const sync = new Sync(fixture, mapping, table);
    await sync.load([['1', 'a', 'b', 'c', 'd', 'e']]);
    await sync.advance(0, [arrival('2', 'f', 'g', 'h', 'i', 'j'), departure(['1'], 6)]);
    expect(await sync.rows(['Order "Id"', 'select', 'operation', '_operation', long, "x'; --"])).toEqual([
      ['1', 'a', 'b', 'c', 'd', 'e'],
      ['2', 'f', 'g', 'h', 'i', 'j'],
    ]);
  });

  test('leaves columns that are not mapped to their owner', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([['1', 'Ada']]);
    await fixture.query(`alter table ${sync.qualified} add note text default 'new'`);
    await fixture.query(`update ${sync.qualified} set note = 'mine'`);
    await sync.advance(0, [arrival('1', 'Ada L.'), arrival('2', 'Bob')]);
    expect(await sync.rows(['id', 'name', 'note'])).toEqual([
      ['1', 'Ada L.', 'mine'],
      ['2', 'Bob', 'new'],
    ]);
  });

  test('gives a unique value that a deleted row had to another row', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'email text']));
    await sync.load([['1', 'a@example.com']]);
    await fixture.query(`alter table ${sync.qualified} add unique (email)`);
    await sync.advance(0, [departure(['1'], 2), arrival('2', 'a@example.com')]);
    expect(await sync.rows()).toEqual([['2', 'a@example.com']]);
  });

  test('compares a key of an extension type by that type’s own equality', async () => {
    await fixture.query('create extension if not exists citext schema public');
    const sync = new Sync(fixture, mappingOf(['code citext', 'name text']));
    await sync.load([['ab', 'x']]);
    await sync.advance(0, [arrival('AB', 'y')]);
    expect(await sync.rows()).toEqual([['ab', 'y']]);
  });

  test('writes a partitioned table', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await fixture.query(
      `create table ${sync.qualified} (id integer primary key, name text) partition by hash (id);
       create table "${sync.name}_0" partition of ${sync.qualified} for values with (modulus 2, remainder 0);
       create table "${sync.name}_1" partition of ${sync.qualified} for values with (modulus 2, remainder 1)`,
    );
    await sync.load([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
    expect((await sync.state()).table).toMatchObject({ empty: false, uniqueBesidesKey: false });
    await sync.advance(0, [departure(['1'], 2), arrival('2', 'B'), arrival('4', 'd')]);
    expect(await sync.rows()).toEqual([
      ['2', 'B'],
      ['3', 'c'],
      ['4', 'd'],
    ]);
  });
});

describe('metadata columns', () => {
  const metadata = { commitVersion: 'v', commitTimestamp: 'at', syncedAt: 'synced' };

  test('show the change that a row was written for, and stay when nothing else changes', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text'], { metadata }));
    const [first, second] = ['2026-01-01 00:00:00.123456+00', '2026-02-02 00:00:00+00'];
    await sync.load([
      ['1', 'Ada', '0', first],
      ['2', 'Bob', '0', first],
    ]);
    const synced = await sync.rows(['synced']);
    expect(synced.every(([at]) => at !== null)).toBe(true);

    await sync.advance(0, [arrival('1', 'Ada', '1', second), arrival('2', 'Bert', '1', second)]);

    expect(await sync.rows(['id', 'name', 'v', 'at'])).toEqual([
      ['1', 'Ada', '0', first],
      ['2', 'Bert', '1', second],
    ]);
    const [ada, bert] = await sync.rows(['synced']);
    expect(ada).toEqual(synced[0]);
    expect(bert).not.toEqual(synced[1]);
  });
});

describe('soft deletes', () => {
  test('mark the row once, and revive it when it arrives again', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text'], { deletes: SOFT }));
    await sync.load([
      ['1', 'Ada'],
      ['2', 'Bob'],
    ]);

    expect(await sync.advance(0, [departure(['1'], 2)])).toMatchObject({ counts: { deleted: 1 } });
    const marked = await sync.rows(['id', 'name', 'deleted_at']);
    expect(marked).toEqual([
      ['1', 'Ada', expect.any(String)],
      ['2', 'Bob', null],
    ]);

    expect(await sync.advance(1, [departure(['1'], 2)])).toMatchObject({ counts: { deleted: 0 } });
    expect(await sync.rows(['id', 'name', 'deleted_at'])).toEqual(marked);

    expect(await sync.advance(2, [arrival('1', 'Ada')])).toMatchObject({ counts: { upserted: 1 } });
    expect(await sync.rows(['id', 'name', 'deleted_at'])).toEqual([
      ['1', 'Ada', null],
      ['2', 'Bob', null],
    ]);
  });

  test('of a table that is nothing but its key are undone as well', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer'], { deletes: SOFT }));
    await sync.load([['1']]);
    await sync.advance(0, [departure(['1'], 1)]);
    await sync.advance(1, [arrival('1')]);
    expect(await sync.rows(['id', 'deleted_at'])).toEqual([['1', null]]);
  });
});

test('ignored deletes leave the row', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text'], { deletes: { mode: 'ignore' } }));
  await sync.load([['1', 'Ada']]);
  expect(await sync.advance(0, [departure(['1'], 2)])).toMatchObject({ counts: { deleted: 0 } });
  expect(await sync.rows()).toEqual([['1', 'Ada']]);
});

test('a large chunk is applied like a small one', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
  const keys = Array.from({ length: 5_000 }, (_, id) => String(id));
  await sync.load(keys.map((id) => [id, 'before']));
  const outcome = await sync.advance(0, [
    ...keys.slice(0, 2_000).map((id) => departure([id], 2)),
    ...keys.slice(2_000).map((id) => arrival(id, 'after')),
  ]);
  expect(outcome).toMatchObject({ counts: { upserted: 3_000, deleted: 2_000 } });
  expect(new Set((await sync.rows(['name'])).flat())).toEqual(new Set(['after']));
});

test('a unique value that two rows of the source hold is a conflict that names the constraint', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'email text']));
  await sync.load([
    ['1', 'secret-a'],
    ['2', 'secret-b'],
  ]);
  await fixture.query(`alter table ${sync.qualified} add constraint one_email unique (email)`);
  expect((await sync.state()).table?.uniqueBesidesKey).toBe(true);

  const failure = await failureOf(sync.advance(0, [arrival('1', 'secret-c'), arrival('3', 'secret-b')]));

  expect(failure).toMatchObject({ kind: 'unique_conflict', fields: { sync: sync.name, slice: 0 } });
  expect(failure.message).toContain('one_email');
  expect(await sync.rows()).toEqual([
    ['1', 'secret-a'],
    ['2', 'secret-b'],
  ]);
});
