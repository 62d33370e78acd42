import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page, RejectedRow } from '../../src/source/source.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { arrival, departure, type Fields, pagesOf, rejectedPage, version } from '../support/pages.ts';
import {
  type Fixture,
  failureOf,
  mappingOf,
  openFixture,
  Sync,
  signal,
  snapshot,
  windowFrom,
} from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  const opened = await openFixture();
  await opened.query(`alter database ${opened.name} set datestyle = 'SQL, DMY'`);
  fixture = { ...opened, target: openPostgresTarget(opened.connection) };
});
afterAll(async () => {
  await fixture.target.close();
  await fixture.drop();
});

const rejected = (row: Partial<RejectedRow>): RejectedRow => ({
  reason: 'nul_character',
  column: 'name',
  key: ['secret-key'],
  version: version(1),
  ...row,
});

const PAGES = 100;

/** References that are weak are kept until the end of the turn. */
async function collectGarbage(): Promise<void> {
  await setImmediate();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

const withRejects = (lines: readonly Fields[], ...rows: readonly RejectedRow[]) =>
  async function* (): AsyncGenerator<Page> {
    yield rejectedPage(rows.slice(0, 1));
    yield* pagesOf(lines)();
    yield rejectedPage(rows.slice(1));
  };

async function stored(sync: Sync) {
  return fixture.query(
    'select key, reason, column_name, version, attempts from lakeferry.rejected_rows where sync = $1 order by key',
    [sync.name],
  );
}

describe('rejected rows that halt', () => {
  test('leave nothing in the target, and are told by number, column and reason, never by key', async () => {
    const sync = new Sync(fixture, mappingOf(['id text', 'name text']));
    await sync.load([['a', 'x']]);
    const plan = await sync.opened(windowFrom(0));
    const pages = withRejects(
      [arrival('a', 'y')],
      rejected({}),
      rejected({ key: ['secret-other'] }),
      rejected({ reason: 'null_key', column: 'id', key: [null] }),
    );
    const failure = await failureOf(sync.applyPages(plan, pages));
    expect(failure).toMatchObject({ kind: 'row_rejected', fields: { rejected: 3 } });
    expect(failure.message).toMatch(/3 rows.*2 × column "name".*U\+0000.*1 × column "id".*NULL/);
    expect(failure.message).not.toContain('secret');
    expect(await sync.rows()).toEqual([['a', 'x']]);
    expect(await stored(sync)).toEqual([]);
  });

  test('are counted to the last, and none of them is held', async () => {
    const sync = new Sync(fixture, mappingOf(['id text', 'name text']));
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    const keys: WeakRef<readonly (string | null)[]>[] = [];
    let held: number | undefined;
    const failure = await failureOf(
      sync.applyPages(plan, async function* () {
        for (let page = 0; page < PAGES; page++) {
          const row = rejected({ key: [`${page}`] });
          keys.push(new WeakRef(row.key));
          yield rejectedPage([row]);
        }
        await collectGarbage();
        held = keys.filter((key) => key.deref() !== undefined).length;
      }),
    );
    expect(failure).toMatchObject({ kind: 'row_rejected', fields: { rejected: PAGES } });
    expect(held).toBeLessThan(PAGES / 2);
  });
});

describe('rejected rows under quarantine', () => {
  const quarantined = (columns = ['id text', 'name text'], maxRejectedRows = 1_000) =>
    new Sync(fixture, mappingOf(columns, { rejectedRows: 'quarantine', maxRejectedRows }));

  test('are put aside and counted, and all others are applied', async () => {
    const sync = quarantined();
    await sync.ensureTable();
    const plan = await sync.opened(snapshot(1));
    const nullKey = rejected({ reason: 'null_key', column: 'id', key: [null] });
    const pages = withRejects([['a', 'x']], rejected({}), nullKey, nullKey);
    expect(await sync.applyPages(plan, pages)).toEqual({
      outcome: 'applied',
      counts: { upserted: 1, deleted: 0, rejected: 3 },
    });
    await sync.target.finish(plan, signal);
    expect(await stored(sync)).toEqual([
      { key: [null], reason: 'null_key', column_name: 'id', version: '1', attempts: '2' },
      { key: ['secret-key'], reason: 'nul_character', column_name: 'name', version: '1', attempts: '1' },
    ]);
    expect((await sync.state()).row.rowsRejected).toBe(3n);
    const [freshness] = await fixture.query('select * from lakeferry.freshness where sync = $1', [sync.name]);
    expect(freshness).toMatchObject({ rejected_keys: '2', rows_rejected: '3' });
  });

  test('are counted up when they come again, and forgotten when their key arrives or departs', async () => {
    const sync = new Sync(
      fixture,
      mappingOf(['id integer', 'day date', 'name text'], { keyColumns: 2, rejectedRows: 'quarantine' }),
    );
    await sync.load([]);
    const reject = async (after: number, lines: readonly Fields[], ...keys: string[]) => {
      const plan = await sync.opened(windowFrom(after));
      const rows = keys.map((key) => rejected({ key: [key, '2026-02-03'], version: version(after + 1) }));
      await sync.applyPages(plan, withRejects(lines, ...rows));
      await sync.target.finish(plan, signal);
    };
    await reject(0, [], '1', '2', '3');
    await reject(1, [], '3');
    expect(await stored(sync)).toMatchObject([
      { key: ['1', '2026-02-03'] },
      { key: ['2', '2026-02-03'] },
      { version: '2', attempts: '2' },
    ]);
    await reject(2, [arrival('1', '2026-02-03', 'x'), departure(['2', '2026-02-03'], 3)]);
    expect(await stored(sync)).toMatchObject([{ key: ['3', '2026-02-03'] }]);
  });

  test('end the reading of a chunk as soon as its keys alone are too many', async () => {
    const sync = quarantined(['id text', 'name text'], 2);
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    let sent = 0;
    const send = async function* (keys: (page: number) => readonly string[]) {
      for (sent = 0; sent < PAGES; sent++) {
        yield rejectedPage(keys(sent).map((key) => rejected({ key: [key] })));
      }
    };
    const failure = await failureOf(sync.applyPages(plan, () => send((page) => [`${page}`, 'again'])));
    expect(failure).toMatchObject({ kind: 'row_rejected', fields: { rejectedAtLeast: 3, limit: 2 } });
    expect(failure.message).toMatch(
      /^At least 3 rows of the sync are rejected, .* allows 2\. .*: 4 × column "name"/,
    );
    expect(sent).toBe(1);
    expect(await stored(sync)).toEqual([]);

    await sync.applyPages(plan, () => send(() => ['a', 'again']));
    expect(sent).toBe(PAGES);
    expect((await stored(sync)).map(({ attempts }) => attempts)).toEqual([`${PAGES}`, `${PAGES}`]);
  });

  test('may have keys of any length', async () => {
    const sync = quarantined();
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    await sync.applyPages(plan, withRejects([], rejected({ key: ['x'.repeat(100_000)] })));
    expect(await stored(sync)).toHaveLength(1);
  });
});
