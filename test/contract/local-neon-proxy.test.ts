import { once } from 'node:events';
import { Client, neonConfig } from '@neondatabase/serverless';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  neonConfig.wsProxy = () => `${database.proxy.address}/v2`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
  await database.query('create table t (id int primary key, note text)');
});
afterEach(() => {
  // Not Client.end(): on a client whose connection was lost, it never settles.
  database.proxy.dropAll();
});
afterAll(() => database.drop());

async function connect(): Promise<Client> {
  const client = new Client(database.url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function caught(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.fail('It was expected to fail.'),
    (error: unknown) => error,
  );
}

/** What the driver rejects with on Node's own WebSocket when the stream ends without a close frame. */
function expectCut(error: unknown): void {
  expect(error).not.toBeInstanceOf(Error);
  expect(error).toMatchObject({ type: 'error' });
}

async function untilRunning(query: string): Promise<void> {
  const sql = `select from pg_stat_activity where query = $1 and state = 'active'`;
  await expect.poll(async () => (await database.query(sql, [query])).length).toBe(1);
}

test('the unmodified Neon driver runs a query through the proxy', async () => {
  const client = await connect();
  const { rows } = await client.query('select current_database() as name, $1::int + 1 as sum', [41]);
  expect(rows).toEqual([{ name: database.name, sum: 42 }]);
});

test('the older endpoint reaches the server behind the proxy, and no other', async () => {
  const { address, host } = database.proxy;
  const port = new URL(database.url).port;
  neonConfig.wsProxy = `${address}/v1`;
  try {
    const client = await connect();
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    neonConfig.wsProxy = () => `${address}/v1?address=${host}:${Number(port) + 1}`;
    await caught(new Client(database.url).connect());
  } finally {
    neonConfig.wsProxy = () => `${address}/v2`;
  }
});

test('50 MB of COPY in buffers of 1 MB arrive, while other clients go on', async () => {
  const client = await connect();
  await client.query('create temp table stage (id int, note text)');
  const line = `1\t${'x'.repeat(1021)}\n`;
  const page = Buffer.from(line.repeat(1024));
  const stream = client.query(copyFrom('copy stage from stdin') as never) as unknown as NodeJS.WritableStream;
  const others = Promise.all(
    [1, 2, 3, 4].map(async (n) => (await (await connect()).query('select $1::int as n', [n])).rows[0]),
  );
  for (let sent = 0; sent < 50; sent += 1) {
    await new Promise<void>((resolve, reject) => {
      stream.write(page, (error?: Error | null) => (error ? reject(error) : resolve()));
    });
    await new Promise(setImmediate);
  }
  stream.end();
  await once(stream, 'finish');
  expect(await others).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  const { rows } = await client.query(
    'select count(*)::int as n, sum(length(note))::int as bytes from stage',
  );
  expect(rows).toEqual([{ n: 51_200, bytes: 51_200 * 1021 }]);
});

test('a result of 50 MB reaches the client', async () => {
  const client = await connect();
  const { rows } = await client.query(`select repeat('x', 1000000) as text from generate_series(1, 50)`);
  expect(rows.reduce((sum, { text }) => sum + text.length, 0)).toBe(50_000_000);
});

test('a refused connection rejects with an ErrorEvent, as often as it was told to', async () => {
  const before = database.proxy.faults.fired.refused;
  database.proxy.faults.refuseConnections(2);
  for (const _ of [1, 2]) {
    expectCut(await caught(new Client(database.url).connect()));
  }
  await connect();
  expect(database.proxy.faults.fired.refused).toBe(before + 2);
});

test('open connections that are cut reject with an ErrorEvent; with a close frame, with an Error without a code', async () => {
  for (const how of ['cut', 'close'] as const) {
    const client = await connect();
    const running = caught(client.query('select pg_sleep(60)'));
    await untilRunning('select pg_sleep(60)');
    expect(database.proxy.dropAll(how)).toBe(1);
    const error = await running;
    if (how === 'cut') expectCut(error);
    else expect(error).toMatchObject({ name: 'Error', message: 'Connection terminated unexpectedly' });
    expect(error).not.toHaveProperty('code');
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'`,
    );
  }
});

test('a connection is cut once the client has sent the given bytes, and its transaction rolls back', async () => {
  const client = await connect();
  await client.query('begin');
  await client.query(`insert into t values (1, 'lost')`);
  database.proxy.faults.dropAfterBytes(1000);
  await client.query('select 1');
  expectCut(await caught(client.query('insert into t values (2, $1)', ['x'.repeat(2000)])));
  const next = await connect();
  await next.query('lock table t in access exclusive mode; select 1');
  expect(await database.query('select id from t')).toEqual([]);
});

test('a connection that is cut before its commit leaves no row', async () => {
  const client = await connect();
  await client.query('begin');
  await client.query(`insert into t values (3, 'lost')`);
  database.proxy.faults.dropAtStatement('commit', 'before');
  expectCut(await caught(client.query('commit')));
  expect(await database.query('select id from t where id = 3')).toEqual([]);
});

test('a connection that is cut after its commit leaves the row, and the client cannot know', async () => {
  const client = await connect();
  await client.query('begin');
  await client.query(`insert into t values (4, 'there')`);
  const before = database.proxy.faults.fired.dropped;
  database.proxy.faults.dropAtStatement('commit', 'after');
  expectCut(await caught(client.query('commit')));
  expect(await database.query('select id from t where id = 4')).toEqual([{ id: 4 }]);
  expect(database.proxy.faults.fired.dropped).toBe(before + 1);
  expect((await (await connect()).query('select 1 as n')).rows).toEqual([{ n: 1 }]);
});

test('a connection that is dropped while Postgres still answers is counted once', async () => {
  const client = await connect();
  const before = database.proxy.faults.fired.dropped;
  database.proxy.faults.dropAtStatement('generate_series', 'after');
  expectCut(await caught(client.query("select repeat('x', 1000) from generate_series(1, 10000)")));
  await connect();
  expect(database.proxy.faults.fired.dropped).toBe(before + 1);
});

test('an observer of its own sees what each later connection sends, and may have it dropped', async () => {
  const unobserved = await connect();
  const seen: string[][] = [];
  database.proxy.faults.observe(() => {
    const mine: string[] = [];
    seen.push(mine);
    return (sent) => {
      const found = /select '(\w+)'/.exec(sent.toString())?.[1];
      if (found !== undefined) mine.push(found);
      return found === 'last' ? 'before' : undefined;
    };
  });
  const [one, other] = [await connect(), await connect()];
  await one.query("select 'first'");
  await other.query("select 'other'");
  await unobserved.query("select 'unseen'");
  expectCut(await caught(one.query("select 'last'")));
  expect(seen).toEqual([['first', 'last'], ['other']]);
  await other.query("select 'after'");
  database.proxy.faults.observe(() => () => undefined);
});

test('what is held arrives in order when it is released', async () => {
  const client = await connect();
  const hold = database.proxy.faults.hold();
  let answered = false;
  const answers = Promise.all([client.query('select 1 as n'), client.query('select 2 as n')]).then(
    (results) => {
      answered = true;
      return results.map(({ rows }) => rows[0]);
    },
  );
  await hold.reached;
  expect((await database.query('select 1 as n')).length).toBe(1);
  expect(answered).toBe(false);
  hold.release();
  expect(await answers).toEqual([{ n: 1 }, { n: 2 }]);
  expect(database.proxy.faults.fired.held).toBeGreaterThanOrEqual(1);
});

test('a delay slows both directions until it is lifted', async () => {
  const client = await connect();
  database.proxy.faults.delay(60);
  const started = performance.now();
  await client.query('select 1');
  expect(performance.now() - started).toBeGreaterThan(115);
  database.proxy.faults.delay(0);
  expect(database.proxy.faults.fired.delayed).toBeGreaterThanOrEqual(2);
});

test('a restart of the compute ends a running query with 57P01', async () => {
  const client = await connect();
  const running = caught(client.query('select pg_sleep(61)'));
  await expect
    .poll(
      async () => (await database.query(`select from pg_stat_activity where query like '%sleep(61)'`)).length,
    )
    .toBe(1);
  expect(await database.proxy.terminateBackends()).toBeGreaterThanOrEqual(1);
  expect(await running).toMatchObject({ code: '57P01' });
});

test('a restart of the compute while a client is idle makes the client emit error, then refuse queries', async () => {
  const client = await connect();
  const emitted = new Promise<unknown>((resolve) => client.on('error', resolve));
  await database.proxy.terminateBackends();
  expect(await emitted).toMatchObject({ code: '57P01' });
  expect(await caught(client.query('select 1'))).toMatchObject({
    message: expect.stringContaining('not queryable'),
  });
});
