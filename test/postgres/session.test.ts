import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Page } from '../../src/source/source.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { arrival } from '../support/pages.ts';
import { type Fixture, failureOf, mappingOf, openFixture, Sync, signal, snapshot, until } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

test('defaults of the database and its other schemas change nothing', async () => {
  const own = await openFixture();
  await own.query(`
    create schema mask;
    create function mask.now() returns timestamptz language sql as 'select null::timestamptz';
    create function mask.never(integer, integer) returns boolean language sql as 'select false';
    create operator mask.= (leftarg = integer, rightarg = integer, function = mask.never);
    alter database ${own.name} set search_path = mask, pg_catalog;
    alter database ${own.name} set timezone = 'Asia/Tokyo';
    alter database ${own.name} set datestyle = 'SQL, DMY';
    alter database ${own.name} set intervalstyle = 'sql_standard';
    alter database ${own.name} set default_transaction_isolation = 'repeatable read';
    alter database ${own.name} set default_transaction_read_only = on`);
  const target = openPostgresTarget(own.connection);
  const columns = ['id integer', 'at timestamp with time zone', 'day date', 'span interval'];
  const sync = new Sync({ ...own, target }, mappingOf(columns, { metadata: { syncedAt: 'synced' } }));
  await sync.load([['1', '2026-01-02 03:04:05', '2026-02-03', '-1 day 2 hours']]);
  await sync.advance(0, [arrival('1', '2026-03-04 05:06:07.000001', '2026-02-03', '-1 day 2 hours')]);
  const [row] = await own.query(`
    select extract(epoch from at)::text as at, day = date '2026-02-03' as day, synced is not null as synced,
           span = make_interval(days => -1, hours => 2) as span
    from ${sync.qualified} where id operator(pg_catalog.=) 1`);
  expect(row).toEqual({ at: '1772600767.000001', day: true, synced: true, span: true });
  await target.close();
  await own.drop();
});

test('nothing of a transaction stays with the connection', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer']));
  await sync.load([['1']]);
  expect(
    await fixture.query(
      "select from pg_stat_activity where datname = $1 and application_name = 'lakeferry' and state <> 'idle'",
      [fixture.name],
    ),
  ).toEqual([]);
  expect(
    await fixture.query(
      "select from pg_locks l join pg_stat_activity a using (pid) where a.datname = $1 and locktype = 'advisory'",
      [fixture.name],
    ),
  ).toEqual([]);
});

test('a server that takes no rows is not sent more than a few megabytes', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
  await sync.ensureTable();
  const plan = await sync.opened(snapshot(0));
  const total = 60;
  const megabyte = 'x'.repeat(1_000_000);
  const started = Promise.withResolvers<void>();
  let asked = 0;
  const pages = async function* (): AsyncGenerator<Page> {
    for (; asked < total; asked += 1) {
      yield { page: asked, rows: 1, payload: `${asked}\t${megabyte}`, rejected: [] };
      if (asked === 2) hold = fixture.proxy.faults.hold();
      if (asked === 4) started.resolve();
    }
  };
  let hold: { release(): void } | undefined;
  const writing = sync.applyPages(plan, pages);
  await started.promise;
  await until(async () => {
    const before = asked;
    for (let turn = 0; turn < 500; turn += 1) await nextTurn();
    return asked === before;
  });
  expect(asked).toBeLessThan(total / 2);
  hold?.release();
  expect(await writing).toMatchObject({ counts: { upserted: total } });
});

test('closing cancels what is under way', async () => {
  const target = openPostgresTarget(fixture.connection);
  const sync = new Sync({ ...fixture, target }, mappingOf(['id integer']));
  await sync.ensureTable();
  const plan = await sync.opened(snapshot(0));
  const asked = Promise.withResolvers<void>();
  const never = async function* (): AsyncGenerator<Page> {
    yield { page: 0, rows: 1, payload: '1', rejected: [] };
    asked.resolve();
    await new Promise(() => undefined);
  };
  const writing = failureOf(target.apply({ plan, slice: 0 }, never, async () => undefined, signal));
  await asked.promise;
  await target.close();
  expect((await writing).kind).toBe('cancelled');
  expect((await failureOf(target.migrate(signal))).kind).toBe('cancelled');
});
