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
  windowFrom,
} from './fixture.ts';

const ROWS = 3_000;
const keys = (count: number, first = 0) => Array.from({ length: count }, (_, n) => String(first + n));
const departures = (count: number, first = 0) => keys(count, first).map((id) => departure([id], 2));

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

async function loaded(settings: Partial<Mapping> = {}, rows = ROWS): Promise<Sync> {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text'], settings));
  await sync.load(keys(rows).map((id) => [id, 'a']));
  return sync;
}

const count = async (sync: Sync) =>
  (await fixture.query<{ rows: number }>(`select count(*)::int as rows from ${sync.qualified}`))[0]?.rows;

describe('a window that deletes more than is allowed', () => {
  test('halts the sync, and leaves the target as it was', async () => {
    const sync = await loaded();
    const plan = await sync.opened(windowFrom(0));
    const failure = await failureOf(sync.apply(plan, departures(1_501)));
    expect(failure).toMatchObject({ kind: 'mass_delete', action: 'halt' });
    expect(failure.message).toContain('1501 of 3000 rows');
    expect(failure.message).toContain('maxDeletePercent allows 50 %');
    expect(await count(sync)).toBe(ROWS);
  });

  test('is applied where it is approved, and the approval holds for no other plan', async () => {
    const sync = await loaded();
    const plan = await sync.opened(windowFrom(0));
    expect(await sync.target.approveDeletes(plan, signal)).toBe(true);
    expect(await sync.apply(plan, departures(1_600))).toMatchObject({ counts: { deleted: 1_600 } });
    await sync.target.finish(plan, signal);
    expect(await sync.target.approveDeletes(plan, signal)).toBe(false);

    const next = await sync.opened(windowFrom(1));
    expect(await failureOf(sync.apply(next, departures(1_100, 1_600)))).toMatchObject({
      kind: 'mass_delete',
    });
  });

  test('cannot be approved once another plan took its place', async () => {
    const sync = await loaded();
    const plan = await sync.opened(windowFrom(0));
    await sync.opened(windowFrom(0));
    expect(await sync.target.approveDeletes(plan, signal)).toBe(false);
  });

  test('is found though the same window brings as many new rows', async () => {
    const sync = await loaded();
    const plan = await sync.opened(windowFrom(0));
    const lines = [...departures(2_000), ...keys(2_000, ROWS).map((id) => arrival(id, 'b'))];
    expect(await failureOf(sync.apply(plan, lines))).toMatchObject({ kind: 'mass_delete' });
    expect(await count(sync)).toBe(ROWS);
  });

  test('is found in each of its slices, before any of them is applied', async () => {
    const sync = await loaded();
    const plan = await sync.opened(windowFrom(0), { slices: 4 });
    for (const slice of [0, 1, 2, 3]) {
      const failure = await failureOf(sync.apply(plan, departures(400, slice * 750), slice));
      expect(failure.kind).toBe('mass_delete');
    }
    expect(await count(sync)).toBe(ROWS);
  });

  test('counts what its slices deleted before', async () => {
    const sync = await loaded({ maxDeletePercent: 40 });
    const plan = await sync.opened(windowFrom(0), { slices: 2 });
    expect(await sync.apply(plan, departures(500), 0)).toMatchObject({ outcome: 'applied' });
    // By itself less than 40 % of the rows that are left, and of the keys more than that with what went before.
    const failure = await failureOf(sync.apply(plan, departures(720, 1_500), 1));
    expect(failure.message).toContain('1220 of 3000 rows');
  });

  test('is found where rows are marked as deleted, too; those that are marked already do not count', async () => {
    const sync = await loaded({ deletes: SOFT });
    expect(await sync.advance(0, departures(1_000))).toMatchObject({ counts: { deleted: 1_000 } });
    const plan = await sync.opened(windowFrom(1));
    const failure = await failureOf(sync.apply(plan, departures(1_001, 1_000)));
    expect(failure.message).toContain('1001 of 2000 rows');
  });

  test('is found on the careful way of a table with another unique constraint', async () => {
    const sync = await loaded();
    await fixture.query(
      `update ${sync.qualified} set name = id; create unique index on ${sync.qualified} (name)`,
    );
    const plan = await sync.opened(windowFrom(0));
    const swap: Fields[] = [arrival('0', '1'), arrival('1', '0')];
    const failure = await failureOf(sync.apply(plan, [...swap, ...departures(1_600, 2)]));
    expect(failure.kind).toBe('mass_delete');
  });
});

describe('a window is not held up', () => {
  test('where it deletes no more than is allowed', async () => {
    const sync = await loaded();
    expect(await sync.advance(0, departures(1_500))).toMatchObject({ counts: { deleted: 1_500 } });
  });

  test('where it deletes few rows, though that is all there are', async () => {
    const sync = await loaded({}, 900);
    expect(await sync.advance(0, departures(900))).toMatchObject({ counts: { deleted: 900 } });
  });

  test('where the configuration allows all', async () => {
    const sync = await loaded({ maxDeletePercent: 100 });
    expect(await sync.advance(0, departures(ROWS))).toMatchObject({ counts: { deleted: ROWS } });
  });

  test('by deletes of rows that the target does not have', async () => {
    const sync = await loaded();
    expect(await sync.advance(0, departures(2_900, ROWS))).toMatchObject({ counts: { deleted: 0 } });
  });
});

describe('deletes that are weighed before there is a plan', () => {
  const weigh = (sync: Sync, deletes: number) =>
    fixture.target.weighDeletes(
      { sync: sync.name, target: sync.table, mapping: sync.mapping },
      deletes,
      signal,
    );

  test('halt where the brake would, by a count', async () => {
    const sync = await loaded();
    expect(await weigh(sync, 1_500)).toEqual({ rows: ROWS, estimated: false, halts: false });
    expect(await weigh(sync, 1_501)).toEqual({ rows: ROWS, estimated: false, halts: true });
    await fixture.query(`analyze ${sync.qualified}`);
    expect(await weigh(sync, 1_501)).toEqual({ rows: ROWS, estimated: false, halts: true });
    const few = await loaded({}, 900);
    expect(await weigh(few, 900)).toMatchObject({ rows: 900, halts: false });
    const unlimited = await loaded({ maxDeletePercent: 100 });
    expect(await weigh(unlimited, ROWS)).toMatchObject({ rows: ROWS, halts: false });
  });

  test('spare the count where the estimate is far from the limit', async () => {
    const sync = await loaded({ maxDeletePercent: 90 });
    await fixture.query(`analyze ${sync.qualified}`);
    await fixture.query(`insert into ${sync.qualified} select n from generate_series(5000, 5099) n`);
    expect(await weigh(sync, 1_200)).toEqual({ rows: ROWS, estimated: true, halts: false });
    expect(await weigh(sync, 1_400)).toEqual({ rows: ROWS + 100, estimated: false, halts: false });
    expect(await weigh(sync, 10)).toMatchObject({ estimated: true, halts: false });
  });

  test('are against the rows that live, where deletes are marked', async () => {
    const sync = await loaded({ deletes: SOFT });
    await sync.advance(0, departures(1_000));
    expect(await weigh(sync, 1_001)).toEqual({ rows: 2_000, estimated: false, halts: true });
  });

  test('need the table', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    expect(await failureOf(weigh(sync, 1))).toMatchObject({ kind: 'target_replaced' });
  });
});
