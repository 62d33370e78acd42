import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../../src/source/source.ts';
import { MAX_REST_MS } from '../../src/target/postgres/database.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { Session } from '../../src/target/postgres/session.ts';
import { arrival } from '../support/pages.ts';
import { quickestMs } from '../support/quickest.ts';
import { type Fixture, failureOf, mappingOf, openFixture, Sync, signal, snapshot, until } from './fixture.ts';

/** Shorter than the minute after which Postgres ends a login. */
const LONG_MS = 20_000;
const LOOKS = 400;
/** Of a megabyte each: more than the sockets on the way hold. */
const BUFFERS = 40;

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

describe('a connection at rest', () => {
  const backends = async (name: string) =>
    fixture.query<{ pid: number }>('select pid from pg_stat_activity where application_name = $1', [name]);

  test('is used again, until it rested for too long', async () => {
    let now = 0;
    const applicationName = 'rests';
    const target = openPostgresTarget(fixture.connection, { applicationName, clock: { now: () => now } });
    await target.migrate(signal);
    const first = await backends(applicationName);
    await target.readRows(signal);
    expect(await backends(applicationName)).toEqual(first);
    now = MAX_REST_MS;
    await target.readRows(signal);
    await until(async () => (await backends(applicationName)).length === 1);
    expect(await backends(applicationName)).not.toEqual(first);
    await target.close();
    await until(async () => (await backends(applicationName)).length === 0);
  });

  test('is replaced when it was cut', async () => {
    await fixture.target.readRows(signal);
    fixture.proxy.dropAll();
    await fixture.target.readRows(signal);
    await fixture.proxy.terminateBackends();
    await fixture.target.readRows(signal);
  });

  test('is replaced when it does not answer', async () => {
    await fixture.target.readRows(signal);
    const { fired } = fixture.proxy.faults;
    const before = fired.held;
    const hold = fixture.proxy.faults.hold();
    const reading = fixture.target.readRows(signal);
    await until(async () => fired.held >= before + 2);
    hold.release();
    await reading;
  });
});

test('a connection that is refused fails at once', async () => {
  const target = openPostgresTarget(fixture.connection);
  // An orderly leave-taking would wait for two seconds.
  const tookMs = await quickestMs(1_900, async () => {
    fixture.proxy.faults.refuseConnections(1);
    expect((await failureOf(target.readRows(signal))).kind).toBe('target_unavailable');
  });
  expect(tookMs).toBeLessThan(1_900);
  await target.close();
});

describe('a server that takes the connection, and then is silent', () => {
  afterEach(() => fixture.proxy.faults.clear());

  const connect = (stop: AbortSignal, timeoutMs: number) => {
    const { url, localProxy } = fixture.connection;
    return failureOf(Session.connect({ url, localProxy, applicationName: 'waits' }, stop, timeoutMs));
  };

  test('is not waited for longer than a while', async () => {
    fixture.proxy.faults.hold();
    const { kind } = await connect(AbortSignal.timeout(LONG_MS), 100);
    expect(kind).toBe('target_unavailable');
  });

  test('does not keep who is told to stop', async () => {
    const hold = fixture.proxy.faults.hold();
    const stop = new AbortController();
    const connecting = connect(stop.signal, LONG_MS);
    await hold.reached;
    stop.abort();
    expect((await connecting).kind).toBe('cancelled');
  });
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

describe('a COPY that the server does not take', () => {
  afterEach(() => fixture.proxy.faults.clear());

  /** Begun, and with more to send than it may. `letGo` gives how much it has asked for once it wants no more. */
  async function heldCopy(stop: AbortSignal) {
    const { url, localProxy } = fixture.connection;
    const session = await Session.connect({ url, localProxy, applicationName: 'copies' }, signal);
    await session.begin('begin; create temp table held (line text) on commit drop', stop);
    const line = Buffer.from(`${'x'.repeat(1_000_000)}\n`);
    const letGo = Promise.withResolvers<number>();
    let sent = 0;
    const buffers = async function* (): AsyncGenerator<Buffer> {
      try {
        for (; sent < BUFFERS; sent += 1) {
          if (sent === 1) fixture.proxy.faults.hold();
          yield line;
        }
      } finally {
        letGo.resolve(sent);
      }
    };
    const copying = session.copy('copy held from stdin', buffers());
    await until(async () => {
      const before = sent;
      for (let turn = 0; turn < 500; turn += 1) await nextTurn();
      return before > 1 && sent === before;
    });
    return { session, copying, sent, letGo: letGo.promise };
  }

  test('costs no memory while it waits', async () => {
    const { session, copying } = await heldCopy(signal);
    const before = queryObjects(Promise, { format: 'count' });
    // Each longer than a look of the session at what it has sent: it looks as often.
    for (let look = 0; look < LOOKS; look += 1) await wait(3);
    expect(queryObjects(Promise, { format: 'count' }) - before).toBeLessThan(LOOKS / 4);
    fixture.proxy.faults.clear();
    expect(await copying).toBe(BUFFERS);
    await session.end();
  });

  test('wants no more once it is stopped', async () => {
    const stop = new AbortController();
    const { session, copying, sent, letGo } = await heldCopy(stop.signal);
    stop.abort();
    expect((await failureOf(copying)).kind).toBe('cancelled');
    expect(await letGo).toBe(sent);
    await session.end();
  });
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
  const writing = failureOf(target.apply({ plan, slice: 0, of: 1 }, never, async () => undefined, signal));
  await asked.promise;
  await target.close();
  expect((await writing).kind).toBe('cancelled');
  expect((await failureOf(target.migrate(signal))).kind).toBe('cancelled');
});
