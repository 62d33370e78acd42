import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import type { Page } from '../../src/source/source.ts';
import { type Fields, pagesOf } from '../support/pages.ts';
import { type Fixture, failureOf, mappingOf, openFixture, Sync, signal, snapshot, until } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const rows = (count: number): Fields[] =>
  Array.from({ length: count }, (_, id) => [String(id), `name ${id}`]);

/** Nothing of the chunk is left: no row, no ledger row. */
async function expectUntouched(sync: Sync): Promise<void> {
  expect(await sync.rows()).toEqual([]);
  expect(
    await fixture.query('select from lakeferry.applied_slices where sync = $1', [sync.name]),
  ).toHaveLength(0);
}

async function openedSync(columns = ['id integer', 'name text'], settings = {}) {
  const sync = new Sync(fixture, mappingOf(columns, settings));
  await sync.ensureTable();
  return { sync, plan: await sync.opened(snapshot(0)) };
}

describe('a snapshot', () => {
  test('is loaded by its slices, in any order, and shows once all are there', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.ensureTable();
    const plan = await sync.opened(snapshot(7), { slices: 3 });
    await sync.apply(plan, [['3', 'c']], 2);
    expect(await sync.target.finish(plan, signal)).toEqual({
      outcome: 'incomplete',
      missing: [
        { slice: 0, of: 3 },
        { slice: 1, of: 3 },
      ],
    });
    await sync.apply(plan, [['1', 'a']], 0);
    await sync.apply(plan, [], 1);
    expect((await sync.state()).row.through).toBeUndefined();

    expect(await sync.target.finish(plan, signal)).toMatchObject({ outcome: 'finished', through: 7n });

    expect(await sync.rows()).toEqual([
      ['1', 'a'],
      ['3', 'c'],
    ]);
    expect((await sync.state()).row).toMatchObject({
      through: 7n,
      throughCommittedAt: plan.throughCommittedAt,
      open: false,
      rowsUpserted: 2n,
      sourceTableId: 'table-1',
    });
  });

  test('keeps tabs, newlines, backslashes, NULL and the empty text apart', async () => {
    const texts = ['\t', '\n', '\r\n', '\\', '\\N', '\\.', '', null, '"', "'", '😀', 'é', '\u0001'];
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load(texts.map((text, id) => [String(id), text]));
    expect((await sync.rows(['name'])).flat()).toEqual(texts);
  });

  test('of one text column may hold the empty text', async () => {
    const sync = new Sync(fixture, mappingOf(['name text']));
    await sync.load([['']]);
    expect(await sync.rows()).toEqual([['']]);
  });

  test('is cut into buffers wherever its pages end', async () => {
    const long = 'x'.repeat(700_000);
    const { sync, plan } = await openedSync(['id integer', 'name text'], {
      metadata: { syncedAt: 'synced' },
    });
    const lines: Fields[] = [
      ['1', long],
      ['2', 'short'],
      ['3', `${long}${long}`],
      ['4', 'end'],
    ];
    await sync.applyPages(plan, pagesOf(lines, 2));
    expect(await sync.rows()).toEqual(lines);
    expect((await sync.rows(['synced'])).every(([at]) => at !== null)).toBe(true);
  });

  test('with one key twice is the source’s fault', async () => {
    const { sync, plan } = await openedSync();
    const failure = await failureOf(
      sync.apply(plan, [
        ['1', 'secret-a'],
        ['1', 'secret-b'],
      ]),
    );
    expect(failure).toMatchObject({ kind: 'duplicate_source_key', fields: { planId: plan.id, slice: 0 } });
    await expectUntouched(sync);
  });

  test('whose pages declare other counts than they hold is not applied', async () => {
    const { sync, plan } = await openedSync();
    const pages = async function* (): AsyncGenerator<Page> {
      yield { page: 0, rows: 3, payload: '1\ta\n2\tb', rejected: [] };
    };
    expect(await failureOf(sync.applyPages(plan, pages))).toMatchObject({ kind: 'source_incomplete' });
    await expectUntouched(sync);
  });
});

describe('a chunk leaves nothing behind', () => {
  test('when its source fails between pages, and that failure is what is told', async () => {
    const { sync, plan } = await openedSync();
    const pages = async function* (): AsyncGenerator<Page> {
      yield* pagesOf(rows(10))();
      throw new SyncError('source_unavailable', 'The warehouse went away.');
    };
    expect(await failureOf(sync.applyPages(plan, pages))).toMatchObject({
      kind: 'source_unavailable',
      fields: { slice: 0 },
    });
    await expectUntouched(sync);
    expect(await sync.apply(plan, rows(10))).toMatchObject({ outcome: 'applied' });
  });

  test('when the last look at the source before the commit fails (rule 5)', async () => {
    const { sync, plan } = await openedSync();
    let delivered = false;
    const pages = async function* (): AsyncGenerator<Page> {
      yield* pagesOf(rows(10), 2)();
      delivered = true;
    };
    const failure = await failureOf(
      sync.target.apply(
        { plan, slice: 0, of: 1 },
        pages,
        async () => {
          expect(delivered).toBe(true);
          throw new SyncError('source_replaced', 'The source was made again.');
        },
        signal,
      ),
    );
    expect(failure.kind).toBe('source_replaced');
    await expectUntouched(sync);
  });

  test('when it is cancelled in the middle of its COPY, and its source is told to stop', async () => {
    const { sync, plan } = await openedSync();
    const abort = new AbortController();
    let stopped = false;
    const pages = async function* (): AsyncGenerator<Page> {
      try {
        yield* pagesOf(rows(5_000))();
        abort.abort();
        await nextTurn();
        yield* pagesOf(rows(1))();
      } finally {
        stopped = true;
      }
    };
    const failure = await failureOf(
      sync.target.apply({ plan, slice: 0, of: 1 }, pages, async () => undefined, abort.signal),
    );
    expect(failure.kind).toBe('cancelled');
    expect(stopped).toBe(true);
    expect(await sync.apply(plan, rows(3))).toMatchObject({ outcome: 'applied', counts: { upserted: 3 } });
  });

  test('when its connection is dropped in the middle of its COPY', async () => {
    const { sync, plan } = await openedSync();
    const pages = async function* (): AsyncGenerator<Page> {
      yield* pagesOf(rows(20_000))();
      fixture.proxy.faults.dropAfterBytes(100_000);
      yield* pagesOf(rows(40_000).slice(20_000))();
    };
    expect(await failureOf(sync.applyPages(plan, pages))).toMatchObject({ kind: 'target_unavailable' });
    await expectUntouched(sync);
  });

  test('when the compute restarts before its commit', async () => {
    const { sync, plan } = await openedSync();
    const failure = await failureOf(
      sync.target.apply(
        { plan, slice: 0, of: 1 },
        pagesOf(rows(10)),
        async () => void (await fixture.proxy.terminateBackends()),
        signal,
      ),
    );
    expect(failure).toMatchObject({ kind: 'target_unavailable' });
    await expectUntouched(sync);
  });

  test('when a statement of it takes too long', async () => {
    const { sync, plan } = await openedSync();
    await fixture.query(
      `create function public.slow() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end';
       create trigger slow before insert on ${sync.qualified} for each row execute function public.slow()`,
    );
    const target = fixture.limitedTarget({ statementMs: 100 });
    const failure = await failureOf(
      target.apply({ plan, slice: 0, of: 1 }, pagesOf(rows(1)), async () => undefined, signal),
    );
    await target.close();
    expect(failure).toMatchObject({ kind: 'target_busy', fields: { sqlState: '57014' } });
    await expectUntouched(sync);
  });
});

test('a chunk whose commit was answered to nobody is found in the ledger', async () => {
  const { sync, plan } = await openedSync();
  const failure = await failureOf(
    sync.target.apply(
      { plan, slice: 0, of: 1 },
      pagesOf(rows(3)),
      async () => void fixture.proxy.faults.dropAtStatement('commit', 'after'),
      signal,
    ),
  );
  expect(failure.kind).toBe('target_unavailable');
  expect(await sync.apply(plan, rows(3))).toEqual({ outcome: 'already_applied' });
  expect(await sync.rows()).toHaveLength(3);
});

test('a cancelled statement stops on the server, too, and gives its locks back', async () => {
  const { sync, plan } = await openedSync();
  await fixture.query(
    `create function public.endless() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end';
     create trigger endless before insert on ${sync.qualified} for each row execute function public.endless()`,
  );
  const sleepers = () =>
    fixture.query("select from pg_stat_activity where datname = $1 and wait_event = 'PgSleep'", [
      fixture.name,
    ]);
  const abort = new AbortController();
  const failure = failureOf(
    sync.target.apply({ plan, slice: 0, of: 1 }, pagesOf(rows(1)), async () => undefined, abort.signal),
  );
  await until(async () => (await sleepers()).length === 1);
  abort.abort();
  expect((await failure).kind).toBe('cancelled');
  await until(async () => (await sleepers()).length === 0);
  await expectUntouched(sync);
}, 20_000);

test('an aborted signal starts nothing', async () => {
  const { sync, plan } = await openedSync();
  const failure = await failureOf(
    sync.target.apply({ plan, slice: 0, of: 1 }, pagesOf([]), async () => undefined, AbortSignal.abort()),
  );
  expect(failure.kind).toBe('cancelled');
});
