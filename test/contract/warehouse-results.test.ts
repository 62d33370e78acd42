import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { unscaledDecimal } from '../../src/local/warehouse/decimal.ts';
import { EngineError } from '../../src/local/warehouse/engine.ts';
import { query, rejection, rowsOf, single, stand, TEXT } from '../support/scripted-warehouse.ts';

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
