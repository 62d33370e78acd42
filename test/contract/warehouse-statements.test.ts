import { once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EngineError } from '../../src/local/warehouse/engine.ts';
import { Operation } from '../../src/local/warehouse/operation.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { query, rejection, rowsOf, stand, TEXT } from '../support/scripted-warehouse.ts';

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
    onTestFinished(() => {
      vi.useRealTimers();
    });
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
