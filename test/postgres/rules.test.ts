import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../../src/source/source.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { arrival, departure, type Fields, pagesOf } from '../support/pages.ts';
import {
  type Fixture,
  failureOf,
  locksAreWaitedFor,
  mappingOf,
  openFixture,
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

const newSync = () => new Sync(fixture, mappingOf(['id integer', 'name text']));

async function loadedSync(rows: readonly Fields[] = [['1', 'a']]): Promise<Sync> {
  const sync = newSync();
  await sync.load(rows);
  return sync;
}

/** Pages that come only once `release` is called; `asked` resolves when the writer waits for them. */
function heldPages(lines: readonly Fields[], before: readonly Fields[] = []) {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const pages = async function* (): AsyncGenerator<Page> {
    if (before.length > 0) yield* pagesOf(before)();
    asked.resolve();
    await held.promise;
    yield* pagesOf(lines)();
  };
  return { pages, asked: asked.promise, release: held.resolve };
}

const unasked = () => {
  throw new Error('The source was asked.');
};

describe('rule 1, identity', () => {
  test('a writer whose plan is superseded before its rows come is fenced', async () => {
    const sync = await loadedSync();
    const old = await sync.opened(windowFrom(0));
    const { pages, asked, release } = heldPages([arrival('1', 'old')]);
    const frozen = sync.applyPages(old, pages);
    await asked;
    await sync.opened(windowFrom(0, 2));
    release();
    expect(await frozen).toEqual({ outcome: 'fenced' });
    expect(await sync.rows()).toEqual([['1', 'a']]);
  });

  test('a slice that was applied is not read from the source again', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    await sync.apply(plan, []);
    expect(await sync.applyPages(plan, unasked)).toEqual({ outcome: 'already_applied' });
  });

  test('a message of a plan that is finished, superseded or unknown is fenced without asking the source', async () => {
    const sync = await loadedSync();
    const finished = await sync.opened(windowFrom(0));
    await sync.apply(finished, []);
    await sync.target.finish(finished, signal);
    const open = await sync.opened(windowFrom(1));
    const never = { ...open, id: randomUUID() };
    for (const plan of [finished, never, { ...open, sync: 'unknown' }]) {
      expect(await sync.applyPages(plan, unasked)).toEqual({ outcome: 'fenced' });
    }
  });

  test('the ledger of one plan does not count for another', async () => {
    const sync = await loadedSync();
    const first = await sync.opened(windowFrom(0), { slices: 2 });
    await sync.apply(first, [], 0);
    const second = await sync.opened(windowFrom(0), { slices: 2 });
    const other = await loadedSync();
    await other.apply(await other.opened(windowFrom(0)), [], 0);
    expect(await sync.apply(second, [], 1)).toMatchObject({ outcome: 'applied' });
    expect(await sync.target.finish(second, signal)).toEqual({
      outcome: 'incomplete',
      missing: [{ slice: 0, of: 2 }],
    });
    expect(await sync.target.finish(first, signal)).toEqual({ outcome: 'superseded', through: 0n });
  });

  test('opening drops the ledger rows of other plans of the sync, and of no other sync', async () => {
    const sync = await loadedSync();
    const other = await loadedSync();
    const kept = await other.opened(windowFrom(0), { slices: 2 });
    await other.apply(kept, [], 1);
    const first = await sync.opened(windowFrom(0), { slices: 2 });
    await sync.apply(first, [], 0);
    await sync.opened(windowFrom(0));
    const ledger = await fixture.query(
      'select plan_id, slice from lakeferry.applied_slices where sync = any($1)',
      [[sync.name, other.name]],
    );
    expect(ledger).toEqual([{ plan_id: kept.id, slice: 1 }]);
  });
});

describe('rule 2, base', () => {
  test('of two plans made from one state, one opens', async () => {
    const sync = await loadedSync();
    const [a, b] = [await sync.plan(windowFrom(0)), await sync.plan(windowFrom(0))];
    const outcomes = await Promise.all([a, b].map((plan) => sync.target.open(plan, signal)));
    expect(outcomes.toSorted()).toEqual(['opened', 'refused']);
  });

  test('a plan that is open already says so, and one that was superseded is refused', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    expect(await sync.target.open(plan, signal)).toBe('already_open');
    await sync.opened(windowFrom(0));
    expect(await sync.target.open(plan, signal)).toBe('refused');
  });

  test('a plan that was finished is not opened again', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    await sync.apply(plan, []);
    await sync.target.finish(plan, signal);
    expect(await sync.target.open(plan, signal)).toBe('refused');
  });

  test('a plan from before the schema was dropped is refused, and its chunks are fenced', async () => {
    const own = await openFixture();
    const sync = new Sync(own, mappingOf(['id integer', 'name text']));
    await sync.load([['1', 'a']]);
    const plan = await sync.opened(windowFrom(0));
    await own.query('drop schema lakeferry cascade');
    expect(await sync.target.open(plan, signal)).toBe('refused');
    expect(await sync.target.finish(plan, signal)).toEqual({ outcome: 'superseded', through: undefined });
    expect(await sync.apply(plan, [arrival('1', 'b')])).toEqual({ outcome: 'fenced' });
    expect((await own.target.readRows(signal)).size).toBe(0);
    await own.target.migrate(signal);
    expect(await sync.target.open(plan, signal)).toBe('refused');
    await own.drop();
  });
});

describe('rule 3, reach', () => {
  test('a window that ends below what another plan may have written is refused', async () => {
    const sync = await loadedSync();
    const wide = await sync.opened(windowFrom(0, 3));
    await sync.apply(wide, [arrival('1', 'at 3')]);
    const narrow = await sync.plan(windowFrom(0, 2));
    expect(await sync.target.open(narrow, signal)).toBe('refused');
    expect(await sync.target.open(await sync.plan(windowFrom(0, 3)), signal)).toBe('opened');
  });

  test('a snapshot below it is refused, unless it is of another source table', async () => {
    const sync = newSync();
    await sync.ensureTable();
    await sync.opened(snapshot(5));
    expect(await sync.target.open(await sync.plan(snapshot(4)), signal)).toBe('refused');
    sync.sourceTableId = 'table-2';
    expect(await sync.target.open(await sync.plan(snapshot(0)), signal)).toBe('opened');
    expect((await sync.state()).row).toMatchObject({ reach: 0n, sourceTableId: 'table-2' });
  });
});

describe('rule 4, straight into an empty target only', () => {
  test('a target with rows is refused by name', async () => {
    const sync = newSync();
    await sync.ensureTable();
    await fixture.query(`insert into ${sync.qualified} values (1, 'theirs')`);
    const failure = await failureOf(sync.opened(snapshot(0)));
    expect(failure).toMatchObject({ kind: 'target_not_empty' });
    expect(failure.message).toContain(sync.name);
    expect((await sync.state()).row).toMatchObject({ open: false });
  });

  test('rows beside those of a load that was not finished are refused, too', async () => {
    const sync = newSync();
    await sync.ensureTable();
    await sync.apply(await sync.opened(snapshot(0), { slices: 2 }), [['1', 'a']]);
    await fixture.query(`insert into ${sync.qualified} values (2, 'theirs')`);
    expect(await failureOf(sync.opened(snapshot(1)))).toMatchObject({ kind: 'target_not_empty' });
    expect(await fixture.query(`select from ${sync.qualified}`)).toHaveLength(2);
  });

  test('rows of a load that was not finished go, those too that are committed while the opening waits', async () => {
    const sync = newSync();
    await sync.ensureTable();
    const first = await sync.opened(snapshot(0));
    const second = await sync.plan(snapshot(1));
    const { pages, asked, release } = heldPages([['2', 'b']], [['1', 'a']]);
    const writing = sync.applyPages(first, pages);
    await asked;
    // Under this default of the database, a transaction would go on seeing what it saw before it waited.
    const isolation = `alter database ${fixture.name} set default_transaction_isolation`;
    await fixture.query(`${isolation} = 'repeatable read'`);
    const opener = openPostgresTarget(fixture.connection);
    const opening = opener.open(second, signal);
    await locksAreWaitedFor(fixture);
    release();
    expect(await writing).toMatchObject({ outcome: 'applied' });
    expect(await opening).toBe('opened');
    expect(await fixture.query(`select from ${sync.qualified}`)).toEqual([]);
    await opener.close();
    await fixture.query(`${isolation} to default`);
  });

  test('a loaded target that has become empty goes on with windows', async () => {
    const sync = await loadedSync([]);
    expect(await sync.target.open(await sync.plan(snapshot(1)), signal)).toBe('refused');
    expect(await sync.target.open(await sync.plan(windowFrom(0)), signal)).toBe('opened');
  });

  test('another mapping or source table loads an empty target anew', async () => {
    const sync = await loadedSync([]);
    const renamed = mappingOf(['id integer', 'name text'], { where: 'id > 5' });
    const plan = await sync.plan(snapshot(1), { mapping: renamed });
    expect(await sync.target.open(await sync.plan(windowFrom(0), { mapping: renamed }), signal)).toBe(
      'refused',
    );
    expect(await sync.target.open(plan, signal)).toBe('opened');
    expect((await sync.state()).row.through).toBeUndefined();
  });

  test('a window of another source table is refused', async () => {
    const sync = await loadedSync();
    sync.sourceTableId = 'table-2';
    expect(await sync.target.open(await sync.plan(windowFrom(0)), signal)).toBe('refused');
  });

  test('a window that does not begin where the target stands is refused', async () => {
    const sync = await loadedSync();
    expect(await sync.target.open(await sync.plan(windowFrom(1)), signal)).toBe('refused');
    const unloaded = newSync();
    await unloaded.ensureTable();
    expect(await unloaded.target.open(await unloaded.plan(windowFrom(0)), signal)).toBe('refused');
  });
});

describe('rule 6, target identity', () => {
  const recreate = async (sync: Sync) => {
    await fixture.query(`drop table ${sync.qualified}`);
    await sync.ensureTable();
  };

  test('a window is refused on a table that was made again, and a snapshot loads it', async () => {
    const sync = await loadedSync();
    await recreate(sync);
    expect(await sync.target.open(await sync.plan(windowFrom(0)), signal)).toBe('refused');
    const plan = await sync.opened(snapshot(1));
    expect((await sync.state()).row.through).toBeUndefined();
    await sync.apply(plan, [['2', 'b']]);
    expect(await sync.target.finish(plan, signal)).toMatchObject({ outcome: 'finished', through: 1n });
  });

  test('neither opens while there is no table', async () => {
    const sync = await loadedSync();
    await fixture.query(`drop table ${sync.qualified}`);
    expect(await sync.target.open(await sync.plan(windowFrom(0)), signal)).toBe('refused');
    expect(await sync.target.open(await sync.plan(snapshot(1)), signal)).toBe('refused');
  });

  test.each([
    ['window', windowFrom(0), [arrival('1', 'b')]],
    ['snapshot', snapshot(0), [['1', 'b']]],
  ] as const)('a writer of a %s stops when the table was made again', async (kind, work, lines) => {
    const sync = kind === 'window' ? await loadedSync() : newSync();
    await sync.ensureTable();
    const plan = await sync.opened(work);
    await recreate(sync);
    expect((await failureOf(sync.apply(plan, lines))).kind).toBe('target_replaced');
    expect(await sync.rows()).toEqual([]);
  });

  test('a writer stops when the name comes to mean another table while its rows arrive', async () => {
    const schema = `s_${randomUUID().slice(0, 8)}`;
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']), { schema, table: 't' });
    await sync.load([['1', 'a']]);
    const plan = await sync.opened(windowFrom(0));
    const { pages, asked, release } = heldPages([arrival('2', 'b')], [arrival('1', 'b')]);
    const writing = failureOf(sync.applyPages(plan, pages));
    await asked;
    await fixture.query(`alter schema ${schema} rename to ${schema}_old`);
    await sync.ensureTable();
    release();
    expect((await writing).kind).toBe('target_replaced');
    expect(await sync.rows()).toEqual([]);
  });

  test('a plan is not finished on a table that was made again', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    await sync.apply(plan, [departure(['1'], 2)]);
    await recreate(sync);
    expect((await failureOf(sync.target.finish(plan, signal))).kind).toBe('target_replaced');
    expect((await sync.state()).row).toMatchObject({ through: 0n, open: true });
  });
});

describe('many at once', () => {
  test('two writers of one chunk apply it once', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    const lines = [arrival('1', 'b'), arrival('2', 'c')];
    const outcomes = await Promise.all([sync.apply(plan, lines), sync.apply(plan, lines)]);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['already_applied', 'applied']);
    expect(await sync.target.finish(plan, signal)).toMatchObject({ outcome: 'finished' });
    expect((await sync.state()).row.rowsUpserted).toBe(3n);
  });

  test('a second writer that comes while the first still writes waits for its end', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    const { pages, asked, release } = heldPages([arrival('2', 'b')], [arrival('1', 'b')]);
    const first = sync.applyPages(plan, pages);
    await asked;
    const second = sync.apply(plan, [arrival('1', 'b'), arrival('2', 'b')]);
    await locksAreWaitedFor(fixture);
    release();
    expect(await first).toMatchObject({ outcome: 'applied' });
    expect(await second).toEqual({ outcome: 'already_applied' });
  });

  test('a plan is finished by one of many, and only once', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    await sync.apply(plan, [arrival('2', 'b')]);
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => sync.target.finish(plan, signal)));
    expect(outcomes.filter(({ outcome }) => outcome === 'finished')).toMatchObject([{ through: 1n }]);
    expect(outcomes.filter(({ outcome }) => outcome === 'superseded')).toEqual(
      Array(3).fill({ outcome: 'superseded', through: 1n }),
    );
    expect((await sync.state()).row.rowsUpserted).toBe(2n);
  });

  test('slices of one plan are written side by side', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0), { slices: 2 });
    const { pages, asked, release } = heldPages([arrival('1', 'b')], [arrival('3', 'b')]);
    const first = sync.applyPages(plan, pages, 0);
    await asked;
    expect(await sync.apply(plan, [arrival('2', 'b')], 1)).toMatchObject({ outcome: 'applied' });
    release();
    expect(await first).toMatchObject({ outcome: 'applied' });
  });

  test('whoever opens waits for the writers, and gives up in time', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    const next = await sync.plan(windowFrom(0));
    const { pages, asked, release } = heldPages([], [arrival('1', 'b')]);
    const writing = sync.applyPages(plan, pages);
    await asked;
    const impatient = fixture.limitedTarget({ lockMs: 50 });
    expect(await failureOf(impatient.open(next, signal))).toMatchObject({
      kind: 'target_busy',
      fields: { sqlState: '55P03' },
    });
    await impatient.close();
    release();
    await writing;
    expect(await sync.target.open(next, signal)).toBe('opened');
  });

  test('a writer that freezes between two statements loses its transaction', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    const next = await sync.plan(windowFrom(0));
    const freezing = fixture.limitedTarget({ idleMs: 50 });
    const failure = await failureOf(
      freezing.apply(
        { plan, slice: 0, of: 1 },
        pagesOf([arrival('1', 'b')]),
        async () => expect(await sync.target.open(next, signal)).toBe('opened'),
        signal,
      ),
    );
    await freezing.close();
    expect(failure.kind).toBe('target_unavailable');
    expect(await sync.rows()).toEqual([['1', 'a']]);
  });
});
