import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { DBSQLClient, type LogLevel } from '@databricks/sql';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCertificate } from '../../src/local/warehouse/certificate.ts';
import { unscaledDecimal } from '../../src/local/warehouse/decimal.ts';
import {
  type EngineBatch,
  type EngineColumn,
  EngineError,
  type EngineResult,
  type WarehouseEngine,
} from '../../src/local/warehouse/engine.ts';
import { Faults } from '../../src/local/warehouse/faults.ts';
import { Operation } from '../../src/local/warehouse/operation.ts';
import { startWarehouse, type Warehouse } from '../../src/local/warehouse/server.ts';
import { type Log, silentLog } from '../../src/telemetry/log.ts';

const TOKEN = 'dapi-test';
const certificate = await createCertificate();

type Run = (signal: AbortSignal) => EngineResult | Promise<EngineResult>;

/** Answers each statement by what the test says, and remembers what was asked of it. */
class ScriptedEngine implements WarehouseEngine {
  readonly name = 'scripted';
  readonly runs = new Map<string, Run>();
  readonly executed: string[] = [];
  readonly events: string[] = [];
  openSessions = 0;
  sessionsOpened = 0;

  async openSession() {
    const session = ++this.sessionsOpened;
    this.openSessions += 1;
    return {
      execute: async (statement: string, signal: AbortSignal) => {
        this.executed.push(`${session}: ${statement}`);
        const run = this.runs.get(statement);
        if (run === undefined) return rowsOf([{ name: 'one', type: 'int' }], [[1]]);
        return run(signal);
      },
      close: async () => {
        this.openSessions -= 1;
        this.events.push('session closed');
      },
    };
  }

  async close() {}
}

/** A result of one batch, given row by row. */
function rowsOf(columns: EngineColumn[], rows: unknown[][]): EngineResult {
  return { columns, batches: single(batchOf(columns, rows)) };
}

function batchOf(columns: readonly EngineColumn[], rows: unknown[][]): EngineBatch {
  return { rows: rows.length, values: columns.map((_column, at) => rows.map((row) => row[at])) };
}

async function* single(batch: EngineBatch) {
  yield batch;
}

const TEXT = [{ name: 'line', type: 'string' }];

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Stand {
  readonly engine: ScriptedEngine;
  readonly faults: Faults;
  readonly warehouse: Warehouse;
  readonly logged: string[];
  connect(token?: string): Promise<DBSQLClient>;
  openSession(): ReturnType<DBSQLClient['openSession']>;
}

async function stand(options: { waitMs?: number } = {}): Promise<Stand> {
  const engine = new ScriptedEngine();
  const faults = new Faults();
  const logged: string[] = [];
  const note = (message: string, fields?: unknown) =>
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { info: note, warn: note, error: note };
  const warehouse = await startWarehouse({ engine, faults, log, token: TOKEN, certificate, ...options });
  cleanups.push(() => warehouse.close());
  // Clients are left to the warehouse's close: their own would repeat CloseSession for half a minute after it.
  const connect = async (token = TOKEN) => {
    const client = new DBSQLClient({ logger: { log: (_level: LogLevel) => {} } });
    client.on('error', () => {});
    await client.connect({
      host: warehouse.host,
      port: warehouse.port,
      path: warehouse.path,
      token,
      customCaCert: warehouse.caCert,
      preserveBigNumericPrecision: true,
      telemetryEnabled: false,
    });
    return client;
  };
  return {
    engine,
    faults,
    warehouse,
    logged,
    connect,
    openSession: async () => (await connect()).openSession(),
  };
}

type Session = Awaited<ReturnType<DBSQLClient['openSession']>>;

async function query(session: Session, statement: string): Promise<Record<string, unknown>[]> {
  const operation = await session.executeStatement(statement);
  const rows = (await operation.fetchAll()) as Record<string, unknown>[];
  await operation.close();
  return rows;
}

/** What a promise rejects with; the driver also throws values that are no Error. */
async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('It did not reject.');
    },
    (reason) => reason as Record<string, unknown>,
  );
}

describe('values', () => {
  const cases: [type: string, given: unknown, read: unknown][] = [
    ['boolean', true, true],
    ['boolean', false, false],
    ['tinyint', -128, -128],
    ['smallint', 32_767, 32_767],
    ['int', -2_147_483_648, -2_147_483_648],
    ['bigint', 9_007_199_254_740_993n, 9_007_199_254_740_993n],
    ['bigint', -9_223_372_036_854_775_808n, -9_223_372_036_854_775_808n],
    ['float', 1.5, 1.5],
    ['float', Number.NaN, Number.NaN],
    ['double', 5e-324, 5e-324],
    ['double', -0, -0],
    ['double', Number.NaN, Number.NaN],
    ['double', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['double', Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ['decimal(38,18)', '12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
    ['decimal(38,18)', '-0.000000000000000001', '-0.000000000000000001'],
    ['decimal(38,0)', '-99999999999999999999999999999999999999', '-99999999999999999999999999999999999999'],
    ['decimal(5,2)', '7', '7.00'],
    ['string', '', ''],
    ['string', 'tab\tline\nback\\slash "quoted" \0 𝄞 é', 'tab\tline\nback\\slash "quoted" \0 𝄞 é'],
    ['varchar(10)', 'ten', 'ten'],
    ['variant', '{"a":1}', '{"a":1}'],
    ['interval day to second', '1 02:03:04.000000000', '1 02:03:04.000000000'],
    ['interval year to month', '-1-2', '-1-2'],
    ['binary', Uint8Array.of(0, 255, 128), Buffer.of(0, 255, 128)],
    ['binary', Uint8Array.of(), Buffer.of()],
    ['date', 0, new Date('1970-01-01T00:00:00Z')],
    ['date', -719_162, new Date('0001-01-01T00:00:00Z')],
    ['timestamp', 1_700_000_000_500_000n, new Date(1_700_000_000_500)],
    ['timestamp', -62_135_596_800_000_000n, new Date('0001-01-01T00:00:00Z')],
    ['timestamp_ntz', 253_402_300_799_000_000n, new Date('9999-12-31T23:59:59Z')],
    ['array<int>', '[1,null,3]', [1, null, 3]],
    ['map<string,int>', '{"k":1}', { k: 1 }],
    ['struct<a:int,b:string>', '{"a":1,"b":null}', { a: 1, b: null }],
  ];

  test('of every type arrive as they were given, beside a NULL of the same type', async () => {
    const { engine, openSession } = await stand();
    const columns = cases.map(([type], at) => ({ name: `c${at}`, type }));
    engine.runs.set('values', () =>
      rowsOf(columns, [
        cases.map(() => null),
        cases.map(([, given]) => given),
        cases.map(([, given]) => given),
        cases.map(() => null),
      ]),
    );
    const rows = await query(await openSession(), 'values');
    const read = Object.fromEntries(cases.map(([, , value], at) => [`c${at}`, value]));
    const nulls = Object.fromEntries(cases.map((_case, at) => [`c${at}`, null]));
    expect(rows).toStrictEqual([nulls, read, read, nulls]);
  });

  test('of a column of NULLs and of a void column are null', async () => {
    const { engine, openSession } = await stand();
    const columns = [
      { name: 'n', type: 'bigint' },
      { name: 'v', type: 'void' },
    ];
    engine.runs.set('nulls', () => rowsOf(columns, new Array(9).fill([null, null])));
    expect(await query(await openSession(), 'nulls')).toEqual(new Array(9).fill({ n: null, v: null }));
  });

  test('lose their microseconds in the driver, not before: the Thrift types say what they are', async () => {
    const { engine, openSession } = await stand();
    const columns = [
      { name: 'd', type: 'decimal(38,18)' },
      { name: 't', type: 'timestamp' },
    ];
    engine.runs.set('schema', () => rowsOf(columns, [['1', 1_001n]]));
    const operation = await (await openSession()).executeStatement('schema');
    const schema = await operation.getSchema();
    const entries = schema?.columns.map((column) => column.typeDesc.types[0]?.primitiveEntry);
    expect(schema?.columns.map(({ columnName, position }) => [columnName, position])).toEqual([
      ['d', 1],
      ['t', 2],
    ]);
    expect(entries?.[0]?.type).toBe(15);
    expect(entries?.[0]?.typeQualifiers?.qualifiers['precision']?.i32Value).toBe(38);
    expect(entries?.[0]?.typeQualifiers?.qualifiers['scale']?.i32Value).toBe(18);
    expect(entries?.[1]?.type).toBe(8);
    expect(await operation.fetchAll()).toEqual([{ d: '1.000000000000000000', t: new Date(1) }]);
  });

  test('of a decimal that would lose a digit are refused, without naming the value', () => {
    expect(unscaledDecimal('-1.5', 5, 2)).toBe(-150n);
    expect(() => unscaledDecimal('1.234', 5, 2)).toThrow('A decimal value has more than 2 digits of scale.');
    expect(() => unscaledDecimal('1000', 5, 2)).toThrow('A decimal value has more than 5 digits.');
    expect(() => unscaledDecimal('1e3', 5, 2)).toThrow('A decimal value is not in plain notation.');
  });

  test('of a type that the front does not know fail the statement, which is stopped', async () => {
    const { engine, openSession } = await stand();
    let stopped: AbortSignal | undefined;
    engine.runs.set('geometry', (signal) => {
      stopped = signal;
      return rowsOf([{ name: 'g', type: 'geometry(4326)' }], [['x']]);
    });
    const error = await rejection(query(await openSession(), 'geometry'));
    expect(error).toMatchObject({ response: { sqlState: '0A000' } });
    expect(stopped?.aborted).toBe(true);
  });
});

describe('results', () => {
  test('without a row keep their columns', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('none', () => rowsOf(TEXT, []));
    const operation = await (await openSession()).executeStatement('none');
    expect((await operation.getSchema())?.columns.map((column) => column.columnName)).toEqual(['line']);
    expect(await operation.fetchAll()).toEqual([]);
    expect(await operation.hasMoreRows()).toBe(false);
  });

  test('without a column are empty', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('create table', () => ({ columns: [], batches: single({ rows: 0, values: [] }) }));
    expect(await query(await openSession(), 'create table')).toEqual([]);
  });

  test('of several batches arrive whole and in order, through direct results and fetches', async () => {
    const { engine, openSession } = await stand();
    const line = (row: number) => `${row} `.padEnd(1000, 'é');
    engine.runs.set('many', () => ({
      columns: TEXT,
      batches: (async function* () {
        yield { rows: 0, values: [[]] };
        for (let batch = 0; batch < 10; batch++) {
          const values = Array.from({ length: 1500 }, (_, row) => line(batch * 1500 + row));
          yield { rows: values.length, values: [values] };
          yield { rows: 0, values: [[]] };
        }
      })(),
    }));
    const rows = await query(await openSession(), 'many');
    expect(rows.length).toBe(15_000);
    expect(rows.findIndex((row, at) => row['line'] !== line(at))).toBe(-1);
  });

  test('come in answers of at most the rows that the driver asks for', async () => {
    const { engine, openSession } = await stand();
    const numbers = Array.from({ length: 25 }, (_, at) => at);
    engine.runs.set('numbers', () =>
      rowsOf(
        [{ name: 'n', type: 'int' }],
        numbers.map((n) => [n]),
      ),
    );
    const operation = await (await openSession()).executeStatement('numbers', { maxRows: 10 });
    const read: unknown[] = [];
    const sizes: number[] = [];
    do {
      const chunk = (await operation.fetchChunk({ maxRows: 10, disableBuffering: true })) as { n: number }[];
      sizes.push(chunk.length);
      read.push(...chunk.map(({ n }) => n));
    } while (await operation.hasMoreRows());
    expect(sizes).toEqual([10, 10, 5]);
    expect(read).toEqual(numbers);
  });

  test('of several batches keep to the rows that the driver asks for', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('batches', () => ({
      columns: TEXT,
      batches: (async function* () {
        for (let batch = 0; batch < 3; batch++) yield { rows: 4, values: [['a', 'b', 'c', 'd']] };
      })(),
    }));
    const operation = await (await openSession()).executeStatement('batches', { maxRows: 10 });
    const sizes: number[] = [];
    do sizes.push((await operation.fetchChunk({ maxRows: 10, disableBuffering: true })).length);
    while (await operation.hasMoreRows());
    expect(sizes).toEqual([4, 4, 2, 2]);
  });

  test('that fit into the first answer are closed with it, be there an empty batch after them', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('few', () => ({
      columns: TEXT,
      batches: (async function* () {
        yield { rows: 1, values: [['a']] };
        yield { rows: 0, values: [[]] };
      })(),
    }));
    const operation = await (await openSession()).executeStatement('few', { maxRows: 1 });
    expect(await operation.fetchAll()).toEqual([{ line: 'a' }]);
    expect((await rejection(operation.cancel()))['message']).toContain('RESOURCE_DOES_NOT_EXIST');
    await operation.close();
  });

  test('come without direct results as well', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('missing', () => {
      throw new EngineError('TABLE_OR_VIEW_NOT_FOUND', '42P01', 'No such table.');
    });
    const session = await openSession();
    const operation = await session.executeStatement('one', { maxRows: null });
    expect(await operation.fetchAll()).toEqual([{ one: 1 }]);
    const failing = await session.executeStatement('missing', { maxRows: null });
    expect(await rejection(failing.fetchAll())).toMatchObject({ response: { sqlState: '42P01' } });
  });

  test('of large texts arrive whole, though the engine gives them in one batch', async () => {
    const { engine, openSession } = await stand();
    const pages = Array.from({ length: 12 }, (_, page) => `${page}`.repeat(1_500_000).concat('𝄞'));
    engine.runs.set('pages', () =>
      rowsOf(
        TEXT,
        pages.map((page) => [page]),
      ),
    );
    const rows = await query(await openSession(), 'pages');
    expect(rows.length).toBe(12);
    expect(rows.every((row, page) => row['line'] === pages[page])).toBe(true);
  });

  test('are read from the engine as the driver asks for them', async () => {
    const { engine, openSession } = await stand();
    let given = 0;
    engine.runs.set('endless', () => ({
      columns: TEXT,
      batches: (async function* () {
        for (;;) {
          given += 1;
          yield { rows: 1, values: [['x'.repeat(4 * 1024 * 1024)]] };
        }
      })(),
    }));
    const operation = await (await openSession()).executeStatement('endless');
    let read = 0;
    while (read < 8) read += (await operation.fetchChunk({ maxRows: 1, disableBuffering: true })).length;
    expect(given).toBeLessThanOrEqual(16);
    await operation.close();
  });

  test('let go of the engine when the operation is closed halfway', async () => {
    const { engine, openSession } = await stand();
    const released = Promise.withResolvers<void>();
    let aborted = false;
    engine.runs.set('endless', (signal) => ({
      columns: TEXT,
      batches: (async function* () {
        try {
          for (;;) yield { rows: 1, values: [['x'.repeat(4 * 1024 * 1024)]] };
        } finally {
          aborted = signal.aborted;
          released.resolve();
        }
      })(),
    }));
    const operation = await (await openSession()).executeStatement('endless');
    await operation.fetchChunk({ maxRows: 1, disableBuffering: true });
    await operation.close();
    await released.promise;
    expect(aborted).toBe(true);
  });

  test('that end early because the session went away are an error, not the end', async () => {
    const { engine, faults, openSession } = await stand();
    engine.runs.set('two', (signal) => ({
      columns: TEXT,
      batches: (async function* () {
        yield { rows: 1, values: [['x'.repeat(9_000_000)]] };
        yield { rows: 1, values: [['y']] };
        if (!signal.aborted) await once(signal, 'abort');
      })(),
    }));
    const session = await openSession();
    const operation = await session.executeStatement('two');
    faults.add({ on: 'fetch', times: 1, fault: { kind: 'slow', ms: 0 } });
    faults.add({ on: 'execute', match: /kill/, times: 1, fault: { kind: 'sessionExpired' } });
    const reading = rejection(operation.fetchAll());
    await expect.poll(() => faults.fired).toBe(1);
    await rejection(session.executeStatement('kill'));
    expect((await reading)['message']).toBe('The statement was canceled.');
  });

  test('that were read whole do not abort the statement when they are closed', async () => {
    const { engine, openSession } = await stand();
    const seen: AbortSignal[] = [];
    engine.runs.set('small', (signal) => {
      seen.push(signal);
      return rowsOf(TEXT, [['x']]);
    });
    expect(await query(await openSession(), 'small')).toEqual([{ line: 'x' }]);
    expect(seen.map((signal) => signal.aborted)).toEqual([false]);
  });

  test('whose batch lacks a value fail instead of being padded', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('ragged', () => ({ columns: TEXT, batches: single({ rows: 2, values: [['a']] }) }));
    const error = await rejection(query(await openSession(), 'ragged'));
    expect(error).toMatchObject({ response: { sqlState: 'XX000' } });
  });
});

describe('statements', () => {
  test('that take longer than a moment are polled for', async () => {
    const { engine, openSession } = await stand({ waitMs: 1 });
    const gate = Promise.withResolvers<void>();
    engine.runs.set('long', async () => {
      await gate.promise;
      return rowsOf(TEXT, [['done']]);
    });
    const operation = await (await openSession()).executeStatement('long');
    expect((await operation.status()).operationState).toBe(1);
    gate.resolve();
    expect(await operation.fetchAll()).toEqual([{ line: 'done' }]);
    expect((await operation.status()).operationState).toBe(2);
    await operation.close();
  });

  test('that are canceled abort the engine, and the reader learns of it', async () => {
    const { engine, openSession } = await stand({ waitMs: 1 });
    const aborted = Promise.withResolvers<void>();
    engine.runs.set('forever', (signal) => {
      signal.addEventListener('abort', () => aborted.resolve());
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const operation = await (await openSession()).executeStatement('forever');
    const reading = rejection(operation.fetchAll());
    await operation.cancel();
    await aborted.promise;
    expect(await reading).toMatchObject({ name: 'Error', errorCode: 'CANCELED' });
  });

  test('that give rows after they were canceled have them let go', async () => {
    const { engine, openSession } = await stand({ waitMs: 1 });
    const gate = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    engine.runs.set('deaf', async () => {
      await gate.promise;
      return {
        columns: TEXT,
        batches: (async function* () {
          try {
            for (;;) yield { rows: 1, values: [['x']] };
          } finally {
            released.resolve();
          }
        })(),
      };
    });
    const operation = await (await openSession()).executeStatement('deaf');
    await operation.cancel();
    gate.resolve();
    await released.promise;
  });

  test.each(['runs', 'gives rows'])('that %s end before their session is closed', async (what) => {
    const { engine, warehouse, openSession } = await stand({ waitMs: 1 });
    const stop = async (signal: AbortSignal) => {
      if (!signal.aborted) await once(signal, 'abort');
      await new Promise(setImmediate);
      engine.events.push('statement ended');
    };
    engine.runs.set('runs', async (signal) => {
      await stop(signal);
      throw signal.reason;
    });
    engine.runs.set('gives rows', (signal) => ({
      columns: TEXT,
      batches: (async function* () {
        yield { rows: 1, values: [['x']] };
        await stop(signal);
      })(),
    }));
    const session = await openSession();
    await session.executeStatement(what, { maxRows: null });
    await warehouse.close();
    expect(engine.events).toEqual(['statement ended', 'session closed']);
  });

  test('that finished in time do not time out while their rows are read', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    cleanups.push(async () => vi.useRealTimers());
    const run = async () => rowsOf(TEXT, [['x']]);
    const operation = new Operation({ statement: 's', run, timeoutMs: 10, log: silentLog });
    expect(await operation.outcomeWithin(60_000)).toMatchObject({ kind: 'finished' });
    vi.advanceTimersByTime(20);
    expect(operation.outcome?.kind).toBe('finished');
  });

  test('that fail carry the error class, the message and the SQLSTATE', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('missing', () => {
      throw new EngineError('TABLE_OR_VIEW_NOT_FOUND', '42P01', 'The table `c`.`s`.`t` cannot be found.');
    });
    const error = await rejection(query(await openSession(), 'missing'));
    const message = '[TABLE_OR_VIEW_NOT_FOUND] The table `c`.`s`.`t` cannot be found. SQLSTATE: 42P01';
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      errorCode: 'ERROR',
      message,
      response: {
        sqlState: '42P01',
        displayMessage: message,
        errorMessage: `Error running query: [TABLE_OR_VIEW_NOT_FOUND] ${message}`,
      },
    });
  });

  test('that fail after some rows say so while the rows are fetched, and again when asked again', async () => {
    const { engine, openSession } = await stand();
    engine.runs.set('half', () => ({
      columns: TEXT,
      batches: (async function* () {
        for (let batch = 0; batch < 4; batch++) yield { rows: 1, values: [['x'.repeat(9_000_000)]] };
        throw new EngineError('DELTA_CHANGE_DATA_FILE_NOT_FOUND', 'KD001', 'A file is gone.');
      })(),
    }));
    const operation = await (await openSession()).executeStatement('half');
    const error = await rejection(operation.fetchAll());
    expect(error['message']).toBe('[DELTA_CHANGE_DATA_FILE_NOT_FOUND] A file is gone. SQLSTATE: KD001');
    expect((await rejection(operation.fetchAll()))['message']).toBe(error['message']);
  });

  test('on which the engine breaks tell neither the client nor the log what it said', async () => {
    const { engine, openSession, logged } = await stand();
    engine.runs.set('bug', () => {
      throw new TypeError('cannot read secret-row-value');
    });
    const error = await rejection(query(await openSession(), 'bug'));
    expect(error).toMatchObject({ response: { sqlState: 'XX000' } });
    expect(logged.join()).toContain('TypeError');
    expect(`${logged.join()} ${JSON.stringify(error)}`).not.toContain('secret-row-value');
  });

  test('with parameters are refused', async () => {
    const session = await (await stand()).openSession();
    const error = await rejection(session.executeStatement('select ?', { ordinalParameters: [1] }));
    expect(error['message']).toContain('no statement parameters');
  });

  test('run side by side in one session', async () => {
    const { engine, openSession } = await stand();
    const both = Promise.withResolvers<void>();
    let waiting = 0;
    for (const name of ['a', 'b']) {
      engine.runs.set(name, async () => {
        if (++waiting === 2) both.resolve();
        await both.promise;
        return rowsOf(TEXT, [[name]]);
      });
    }
    const session = await openSession();
    expect(await Promise.all([query(session, 'a'), query(session, 'b')])).toEqual([
      [{ line: 'a' }],
      [{ line: 'b' }],
    ]);
  });
});

describe('sessions', () => {
  test('are the engine’s own, one for each', async () => {
    const { engine, connect } = await stand();
    const client = await connect();
    const [first, second] = [await client.openSession(), await client.openSession()];
    await query(first, 'x');
    await query(second, 'y');
    expect(engine.executed).toEqual(['1: x', '2: y']);
    await first.close();
    expect(engine.openSessions).toBe(1);
    expect(await query(second, 'y')).toEqual([{ one: 1 }]);
  });

  test('enforce STATEMENT_TIMEOUT', async () => {
    const { engine, connect } = await stand({ waitMs: 5_000 });
    engine.runs.set(
      'forever',
      (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const configuration = { STATEMENT_TIMEOUT: '1', TIMEZONE: 'UTC', QUERY_TAGS: 'a:b' };
    const session = await (await connect()).openSession({ configuration });
    expect(await rejection(query(session, 'forever'))).toMatchObject({ errorCode: 'TIMEOUT' });
  });

  test.each([
    [{ configuration: { TIMEZONE: 'Europe/Zurich' } }, 'no TIMEZONE but UTC'],
    [{ configuration: { STATEMENT_TIMEOUT: 'soon' } }, 'STATEMENT_TIMEOUT must be'],
    [{ configuration: { STATEMENT_TIMEOUT: '172801' } }, 'STATEMENT_TIMEOUT must be'],
    [{ initialCatalog: 'main' }, 'no initial catalog or schema'],
  ])('are refused with settings that would change nothing: %o', async (settings, text) => {
    const client = await (await stand()).connect();
    expect((await rejection(client.openSession(settings)))['message']).toContain(text);
  });

  test('that the engine cannot open say nothing of what it said', async () => {
    const { engine, connect, logged } = await stand();
    engine.openSession = async () => {
      throw new TypeError('cannot open secret-file-name');
    };
    const error = await rejection((await connect()).openSession());
    expect(error['message']).toContain('[INTERNAL_ERROR]');
    expect(logged.join()).toContain('TypeError');
    expect(`${logged.join()} ${JSON.stringify(error)}`).not.toContain('secret-file-name');
  });

  test('tell the name of the database system', async () => {
    const session = await (await stand()).openSession();
    expect((await session.getInfo(17)).getValue()).toBe('Spark SQL');
  });

  test('refuse calls that are not served', async () => {
    const session = await (await stand()).openSession();
    expect((await rejection(session.getCatalogs()))['message']).toBe(
      'The local SQL warehouse does not serve GetCatalogs.',
    );
  });
});

describe('access', () => {
  test('with a wrong token is refused with 403', async () => {
    const client = await (await stand()).connect('wrong');
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 403 });
  });

  test.each([
    ['without a token', 'POST', '/sql/1.0/warehouses/local', {}, 401],
    ['with a wrong token', 'POST', '/sql/1.0/warehouses/local', { authorization: 'Bearer wrong' }, 403],
    ['at another path', 'POST', '/sql/1.0/warehouses/other', { authorization: `Bearer ${TOKEN}` }, 404],
    ['with no Thrift in it', 'POST', '/sql/1.0/warehouses/local', { authorization: `Bearer ${TOKEN}` }, 400],
  ])('%s is answered like Databricks does', async (_name, method, path, headers, status) => {
    const { warehouse } = await stand();
    const { host, port, caCert } = warehouse;
    const asked = request({ host, port, path, method, headers, ca: caCert, agent: false }).end('?');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(status);
    expect(JSON.parse(await text(response))).toEqual({
      error_code: expect.any(String),
      message: expect.any(String),
    });
  });

  test('by a certificate for loopback that holds for ten years', async () => {
    const x509 = new X509Certificate(certificate.cert);
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(x509.checkHost('localhost')).toBe('localhost');
    const years = (x509.validToDate.getTime() - x509.validFromDate.getTime()) / (365.25 * 86_400_000);
    expect(Math.round(years)).toBe(10);
  });
});

describe('faults', () => {
  test('of HTTP strike a session, a statement or a fetch, as often as they say', async () => {
    const { faults, connect, engine } = await stand();
    const client = await connect();
    const http = { kind: 'http', status: 503 } as const;
    const armed = faults.add({ on: 'openSession', times: 2, fault: http });
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 503 });
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 503 });
    const session = await client.openSession();
    faults.add({ on: 'execute', match: /^two$/, times: 1, fault: { ...http, status: 429 } });
    faults.add({ on: 'fetch', match: /three/g, times: 1, fault: { ...http, status: 500 } });
    expect(await query(session, 'one')).toEqual([{ one: 1 }]);
    expect(await rejection(query(session, 'two'))).toMatchObject({ statusCode: 429 });
    expect(engine.executed).toEqual(['1: one']);
    const operation = await session.executeStatement('three');
    expect(await rejection(operation.fetchAll())).toMatchObject({ statusCode: 500 });
    expect(await operation.fetchAll()).toEqual([{ one: 1 }]);
    expect([armed.fired, faults.fired]).toEqual([2, 4]);
  });

  test('of HTTP carry the body that they are given', async () => {
    const { faults, connect } = await stand();
    const client = await connect();
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'http', status: 502, body: 'bad gateway' } });
    const { response } = (await rejection(client.openSession())) as { response: { text(): Promise<string> } };
    expect(await response.text()).toBe('bad gateway');
  });

  test('that are cleared strike no more', async () => {
    const { faults, connect } = await stand();
    const client = await connect();
    faults.add({ on: 'openSession', times: 9, fault: { kind: 'dropConnection' } });
    expect(await rejection(client.openSession())).toMatchObject({ type: 'system' });
    faults.clear();
    expect(await query(await client.openSession(), 'one')).toEqual([{ one: 1 }]);
    expect(faults.fired).toBe(1);
  });

  test.each(['execute', 'fetch'] as const)('drop the connection at %s', async (on) => {
    const { faults, openSession } = await stand();
    const session = await openSession();
    faults.add({ on, times: 1, fault: { kind: 'dropConnection' } });
    expect(await rejection(query(session, 'one'))).toMatchObject({ type: 'system' });
    expect(await query(session, 'one')).toEqual([{ one: 1 }]);
  });

  test.each(['execute', 'fetch'] as const)('expire the session at %s, for good', async (on) => {
    const { faults, engine, connect } = await stand();
    const client = await connect();
    const session = await client.openSession();
    const expired = `Invalid SessionHandle: SessionHandle [${session.id}]`;
    faults.add({ on, times: 1, fault: { kind: 'sessionExpired' } });
    expect((await rejection(query(session, 'one')))['message']).toBe(expired);
    expect((await rejection(query(session, 'one')))['message']).toBe(expired);
    expect(engine.openSessions).toBe(0);
    expect(await query(await client.openSession(), 'one')).toEqual([{ one: 1 }]);
  });

  test('open a session that is gone at its first statement', async () => {
    const { faults, openSession } = await stand();
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'sessionExpired' } });
    const session = await openSession();
    expect((await rejection(query(session, 'one')))['message']).toContain('Invalid SessionHandle');
  });

  test('deliver fewer rows than they declare, and nothing tells', async () => {
    const { faults, engine, openSession } = await stand();
    const session = await openSession();
    engine.runs.set('rows', () => rowsOf(TEXT, [['a'], ['b'], ['c'], ['d']]));
    faults.add({ on: 'fetch', times: 1, fault: { kind: 'shortResult', dropRows: 3 } });
    expect(await query(session, 'rows')).toEqual([{ line: 'a' }]);
    faults.add({ on: 'fetch', times: 1, fault: { kind: 'shortResult', dropRows: 9 } });
    expect(await query(session, 'rows')).toEqual([]);
    expect((await query(session, 'rows')).length).toBe(4);
  });

  test('fail a session, a statement or a fetch with an error class', async () => {
    const { faults, connect } = await stand();
    const fault = { kind: 'error', errorClass: 'A_CLASS', sqlState: '57P01', message: 'why' } as const;
    const message = '[A_CLASS] why SQLSTATE: 57P01';
    const client = await connect();
    faults.add({ on: 'openSession', times: 1, fault });
    expect((await rejection(client.openSession()))['message']).toBe(message);
    const session = await client.openSession();
    faults.add({ on: 'execute', times: 1, fault });
    const failed = await rejection(query(session, 'one'));
    expect(failed).toMatchObject({ errorCode: 'ERROR', message, response: { sqlState: '57P01' } });
    faults.add({ on: 'fetch', times: 1, fault });
    expect((await rejection(query(session, 'one')))['message']).toBe(message);
  });

  test('slow down a session, a statement or a fetch', async () => {
    const { faults, connect } = await stand({ waitMs: 1 });
    const client = await connect();
    const slow = { times: 1, fault: { kind: 'slow', ms: 40 } } as const;
    faults.add({ on: 'openSession', ...slow });
    faults.add({ on: 'execute', ...slow });
    faults.add({ on: 'fetch', ...slow });
    const startedAt = performance.now();
    const session = await client.openSession();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39);
    const operation = await session.executeStatement('one');
    expect((await operation.status()).operationState).toBe(1);
    expect(await operation.fetchAll()).toEqual([{ one: 1 }]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(117);
  });

  test('that slow a statement down end when it is canceled', async () => {
    const { faults, openSession, engine } = await stand({ waitMs: 1 });
    faults.add({ on: 'execute', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
    const session = await openSession();
    const operation = await session.executeStatement('one');
    await operation.cancel();
    await session.close();
    expect(engine.executed).toEqual([]);
  });
});

describe('closing the warehouse', () => {
  test('stops what runs, closes the engine’s sessions and ends the sockets', async () => {
    const { engine, faults, warehouse, connect } = await stand({ waitMs: 60_000 });
    const client = await connect();
    const session = await client.openSession();
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    engine.runs.set('forever', (signal) => {
      started.resolve();
      signal.addEventListener('abort', () => aborted.resolve());
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const running = rejection(session.executeStatement('forever'));
    await started.promise;
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
    const opening = rejection(client.openSession());
    await expect.poll(() => faults.fired).toBe(1);
    await warehouse.close();
    await aborted.promise;
    expect(await running).toMatchObject({ type: 'system' });
    expect(await opening).toMatchObject({ type: 'system' });
    expect(engine.openSessions).toBe(0);
    expect(await rejection(client.openSession())).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('closes a session that the engine opens only then', async () => {
    const { engine, warehouse, connect } = await stand();
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const open = engine.openSession.bind(engine);
    engine.openSession = async () => {
      asked.resolve();
      await gate.promise;
      return open();
    };
    const opening = rejection((await connect()).openSession());
    await asked.promise;
    await warehouse.close();
    gate.resolve();
    await opening;
    await expect.poll(() => [engine.sessionsOpened, engine.openSessions]).toEqual([1, 0]);
  });

  test('leaves nothing that keeps the process alive, though the client never closed', async () => {
    const warehouse = new URL('../../src/local/warehouse/', import.meta.url).href;
    const program = `
      import { DBSQLClient } from '@databricks/sql';
      const { createCertificate } = await import('${warehouse}certificate.ts');
      const { startWarehouse } = await import('${warehouse}server.ts');
      const columns = [{ name: 'n', type: 'int' }];
      const result = { columns, batches: (async function* () { yield { rows: 1, values: [[1]] }; })() };
      const session = { execute: async () => result, close: async () => {} };
      const engine = { name: 'one', openSession: async () => session, close: async () => {} };
      const { Faults } = await import('${warehouse}faults.ts');
      const faults = new Faults();
      const options = { engine, faults, token: 't', certificate: await createCertificate() };
      const { caCert, close, ...address } = await startWarehouse(options);
      const client = new DBSQLClient({ logger: { log() {} } });
      await client.connect({ ...address, token: 't', customCaCert: caCert, telemetryEnabled: false });
      const operation = await (await client.openSession()).executeStatement('select 1');
      console.log(JSON.stringify(await operation.fetchAll()));
      faults.add({ on: 'openSession', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
      client.openSession().catch(() => undefined);
      while (faults.fired === 0) await new Promise(setImmediate);
      await close();
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 30_000,
    });
    const said = text(child.stdout);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await said).toBe('[{"n":1}]\n');
  });

  test('twice is as good as once', async () => {
    const { warehouse } = await stand();
    await warehouse.close();
    await warehouse.close();
  });
});
