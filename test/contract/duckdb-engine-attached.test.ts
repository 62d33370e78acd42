import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttachedBench, ID, NAME } from '../support/attached-bench.ts';
import {
  commitTime,
  DeltaDirectory,
  FEED_ON,
  metadata,
  protocol,
  removal,
} from '../support/delta-directory.ts';
import { type TestEngine, testEngine } from '../support/duckdb-engine.ts';

const FIXTURES = fileURLToPath(new URL('../../../shared/fixtures', import.meta.url));

let lake: TestEngine;
let bench: AttachedBench;
let number = 0;

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());
beforeEach(async () => {
  number += 1;
  bench = await AttachedBench.open(lake, number);
});
afterEach(() => bench.folder.remove());

describe('an attached table', () => {
  it('is read by name, at its newest version and at every older one', async () => {
    const first = await bench.plainTable();
    await bench.folder.commit(1, [removal(first), await bench.folder.add("select 2 as id, 'b' as name")]);
    await bench.folder.commit(2, [await bench.folder.add("select 3 as id, 'c' as name")]);
    expect(await bench.attach()).toEqual([{ version: 2n }]);
    expect(await bench.rows()).toEqual(['2 b', '3 c']);
    expect(await bench.rows(`${bench.t} version as of 0`)).toEqual(['1 a', '2 b']);
    expect(await bench.rows(`${bench.t}@v1`)).toEqual(['2 b']);
    expect(await lake.sql('show tables in main.others')).toContainEqual({
      database: 'others',
      tableName: bench.table,
      isTemporary: false,
    });
  });

  it('tells its detail, its columns and its history as a table of the warehouse does', async () => {
    const fields = [ID, { ...NAME, metadata: { comment: 'who' } }, { name: 'at', type: 'timestamp' }];
    const more = {
      partitionColumns: ['id'],
      configuration: { ...FEED_ON, owner: 'ana' },
      description: 'people',
    };
    await bench.folder.commit(0, [protocol(), metadata(fields, more)], {
      operation: 'CREATE TABLE',
      operationParameters: { isManaged: 'false', partitionBy: ['id'], description: null },
      isBlindAppend: true,
    });
    const added = await bench.folder.add("select 'x' as name", { id: '1' });
    await bench.folder.commit(1, [added], {
      readVersion: 0,
      isolationLevel: 'Serializable',
      operationMetrics: { numOutputRows: '1', numFiles: 1 },
      engineInfo: 'another writer',
    });
    await bench.attach();
    expect(await bench.only(`describe detail ${bench.t}`)).toMatchObject({
      format: 'delta',
      id: 'c0ffee00-0000-4000-8000-000000000001',
      name: bench.t,
      description: 'people',
      createdAt: 1_700_000_000_000_000n,
      lastModified: BigInt(commitTime(1)) * 1000n,
      partitionColumns: '["id"]',
      numFiles: 1n,
      sizeInBytes: 100n,
      properties: JSON.stringify({ ...FEED_ON, owner: 'ana' }),
      minReaderVersion: 1,
      minWriterVersion: 7,
    });
    expect(await lake.sql(`describe table ${bench.t}`)).toEqual([
      { col_name: 'id', data_type: 'int', comment: null },
      { col_name: 'name', data_type: 'string', comment: 'who' },
      { col_name: 'at', data_type: 'timestamp', comment: null },
    ]);
    const [newest, oldest, ...others] = await lake.sql(`describe history ${bench.t}`);
    expect(others).toEqual([]);
    expect(newest).toMatchObject({
      version: 1n,
      timestamp: BigInt(commitTime(1)) * 1000n,
      operation: 'WRITE',
      readVersion: 0n,
      isolationLevel: 'Serializable',
      isBlindAppend: null,
      operationMetrics: '{"numOutputRows":"1","numFiles":"1"}',
      engineInfo: 'another writer',
    });
    expect(oldest).toMatchObject({
      version: 0n,
      operation: 'CREATE TABLE',
      operationParameters: '{"isManaged":"false","partitionBy":"[\\"id\\"]"}',
      isBlindAppend: true,
    });
    expect(await lake.sql(`describe history ${bench.t} limit 1`)).toEqual([newest]);
    const own = `${bench.t}_own`;
    await lake.sql(`create table ${own} (id int) using delta`);
    for (const facts of ['describe table', 'describe history', 'describe detail']) {
      expect(await lake.columns(`${facts} ${bench.t}`)).toEqual(await lake.columns(`${facts} ${own}`));
    }
  });

  it('has the time that a commit tells itself, or else that of its file, later than the one before', async () => {
    await bench.plainTable();
    await bench.folder.commit(1, [], { inCommitTimestamp: 1_500_000_000_123 });
    await bench.folder.commit(2, []);
    await rename(bench.folder.logFile(2), bench.folder.logFile(3));
    await bench.folder.commit(2, []);
    await bench.attach();
    const times = (await lake.sql(`describe history ${bench.t}`)).map(
      (row) => Number(row['timestamp']) / 1000,
    );
    expect(times).toEqual([commitTime(2) + 1, commitTime(2), 1_500_000_000_123, commitTime(0)]);
  });

  it('has every type of Delta that the warehouse knows', async () => {
    const types: readonly (readonly [type: unknown, value: string, shown: unknown, column?: string])[] = [
      ['boolean', 'true', true],
      ['byte', '(-128)::tinyint', -128, 'tinyint'],
      ['short', '(-32768)::smallint', -32768, 'smallint'],
      ['integer', '7::integer', 7, 'int'],
      ['long', '9223372036854775807', 9_223_372_036_854_775_807n, 'bigint'],
      ['float', "'0.1'::float", Math.fround(0.1)],
      ['double', "'NaN'::double", Number.NaN],
      [
        'decimal(38,18)',
        "'-12345678901234567890.5'::decimal(38,18)",
        '-12345678901234567890.500000000000000000',
      ],
      ['string', "'ä'", 'ä'],
      ['binary', String.raw`'\x00\xFF'::blob`, '00ff'],
      ['date', "date '1582-10-04'", -141_438],
      ['timestamp', "timestamptz '2024-05-01 12:00:00.123456+02'", 1_714_557_600_123_456n],
      ['timestamp_ntz', "timestamp '2024-05-01 12:00:00.123456'", 1_714_564_800_123_456n],
      [{ type: 'array', elementType: 'long', containsNull: true }, '[1, null]', '[1,null]', 'array<bigint>'],
      [
        { type: 'map', keyType: 'integer', valueType: 'string', valueContainsNull: true },
        "map {7: 'x'}",
        '{"7":"x"}',
        'map<int,string>',
      ],
      [
        { type: 'struct', fields: [{ name: 'a b', type: 'date', nullable: true, metadata: {} }] },
        `{'a b': date '2024-01-01'}`,
        '{"a b":"2024-01-01"}',
        'struct<`a b`:date>',
      ],
    ];
    const fields = types.map(([type], index) => ({ name: `c${index}`, type }));
    const limited = { name: 'v', type: 'string', metadata: { __CHAR_VARCHAR_TYPE_STRING: 'varchar(9)' } };
    const values = types.map(([, value], index) => `${value} as c${index}`).join(', ');
    await bench.folder.commit(0, [
      protocol(['timestampNtz']),
      metadata([...fields, limited]),
      await bench.folder.add(`select ${values}, 'short' as v`),
    ]);
    await bench.attach();
    expect(await bench.only(`select * from ${bench.t}`)).toEqual(
      Object.fromEntries([...types.map(([, , shown], index) => [`c${index}`, shown]), ['v', 'short']]),
    );
    const columns = (await lake.sql(`describe table ${bench.t}`)).map((row) => row['data_type']);
    expect(columns).toEqual([...types.map(([type, , , column]) => column ?? type), 'varchar(9)']);
  });

  it('takes partition values from the log, in the type of their column', async () => {
    const fields = [
      ID,
      { name: 'day', type: 'date' },
      { name: 'n', type: 'decimal(10,2)' },
      { name: 'at', type: 'timestamp' },
      { name: 'ok', type: 'boolean' },
      { name: 'b', type: 'binary' },
      { name: 's', type: 'string' },
    ];
    const partitionColumns = ['day', 'n', 'at', 'ok', 'b', 's'];
    const values = {
      day: '2024-02-29',
      n: '1.50',
      at: '2024-01-01 10:00:00.5',
      ok: 'true',
      b: 'é',
      s: "o'x",
    };
    const none = { day: null, n: null, at: '', ok: null, b: '', s: '' };
    await bench.folder.commit(0, [
      protocol(),
      metadata(fields, { partitionColumns }),
      await bench.folder.add('select 1 as id', values),
      await bench.folder.add("select 2 as id, 'what the file says' as s", none),
    ]);
    await bench.attach();
    expect(await lake.sql(`select * from ${bench.t} order by id`)).toEqual([
      { id: 1, day: 19_782, n: '1.50', at: 1_704_103_200_500_000n, ok: true, b: 'c3a9', s: "o'x" },
      { id: 2, day: null, n: null, at: null, ok: null, b: null, s: null },
    ]);
    expect(await lake.sql(`select id from ${bench.t} where day = date'2024-02-29'`)).toEqual([{ id: 1 }]);
  });

  it('gives NULL for the columns and fields that a file does not have yet', async () => {
    const first = await bench.plainTable();
    const place = (...names: string[]) => ({
      name: 'place',
      type: { type: 'struct', fields: names.map((name) => ({ name, type: 'string', nullable: true })) },
    });
    await bench.folder.commit(1, [
      metadata([ID, NAME, place('city')]),
      await bench.folder.add("select 3 as id, 'c' as name, {city: 'Rome'} as place"),
    ]);
    await bench.folder.commit(2, [metadata([place('land', 'city'), NAME, ID])]);
    await bench.attach();
    expect(await lake.sql(`select * from ${bench.t} order by id`)).toEqual([
      { place: null, name: 'a', id: 1 },
      { place: null, name: 'b', id: 2 },
      { place: '{"land":null,"city":"Rome"}', name: 'c', id: 3 },
    ]);
    expect(await lake.sql(`select * from ${bench.t}@v0 where id = 1`)).toEqual([{ id: 1, name: 'a' }]);
    await bench.folder.commit(3, [removal(first)]);
    expect(await bench.rows()).toEqual(['3 c']);
  });

  it('reads a file whose SMALLINT is an INT by now', async () => {
    const old = await bench.folder.add("select 1::smallint as id, 'a' as name");
    await bench.folder.commit(0, [protocol(), metadata([{ ...ID, type: 'short' }, NAME]), old]);
    await bench.folder.commit(1, [
      metadata([ID, NAME]),
      await bench.folder.add("select 70000 as id, 'b' as name"),
    ]);
    await bench.attach();
    expect(await bench.rows()).toEqual(['1 a', '70000 b']);
  });

  it('reads a table without a row, and files whose path has characters of patterns and URIs', async () => {
    await bench.folder.remove();
    bench = await AttachedBench.open(lake, number, "it's [a] 100%*?");
    await bench.folder.commit(0, [protocol(), metadata([ID, NAME])]);
    await bench.attach();
    expect(await bench.rows()).toEqual([]);
    expect(await bench.changes(0, 0)).toEqual([]);
    const path = await bench.folder.parquet("select 1 as id, 'a' as name", 'name=x %41 [b]');
    await bench.folder.commit(1, [{ add: { path, partitionValues: {}, size: 1, dataChange: true } }]);
    expect(await bench.rows()).toEqual(['1 a']);
    const other = await DeltaDirectory.create();
    const elsewhere = [
      `file://${other.path}/${await other.parquet("select 2 as id, 'b' as name")}`,
      `${other.path}/${await other.parquet("select 3 as id, 'c' as name")}`,
    ];
    const adds = elsewhere.map((absolute) => ({
      add: { path: absolute, partitionValues: {}, size: 1, dataChange: true },
    }));
    await bench.folder.commit(2, adds);
    expect(await bench.rows()).toEqual(['1 a', '2 b', '3 c']);
    await other.remove();
  });

  it('is read into a table of the warehouse, and joined with it', async () => {
    await bench.plainTable();
    await bench.attach();
    await lake.sql(`create table ${bench.t}_copy using delta as select * from ${bench.t}`);
    await lake.sql(`insert into ${bench.t}_copy select id + 10, name from ${bench.t}@v0`);
    expect(
      await lake.value(`select count(*) from ${bench.t}_copy c join ${bench.t} a on a.name = c.name`),
    ).toBe(4n);
  });
});

describe('the change feed of an attached table', () => {
  it('comes from the change files of a commit that has some, and else from its files', async () => {
    const first = await bench.plainTable();
    const second = await bench.folder.add("select 1 as id, 'z' as name union all select 2, 'b'");
    await bench.folder.commit(1, [
      removal(first),
      second,
      await bench.folder.changes(
        "select 1 as id, 'a' as name, 'update_preimage' as _change_type union all select 1, 'z', 'update_postimage'",
      ),
    ]);
    await bench.folder.commit(2, [removal(second), await bench.folder.add("select 3 as id, 'c' as name")]);
    await bench.attach();
    expect(await bench.changes(0, 2)).toEqual([
      'insert 0 1 a',
      'insert 0 2 b',
      'update_postimage 1 1 z',
      'update_preimage 1 1 a',
      'delete 2 1 z',
      'delete 2 2 b',
      'insert 2 3 c',
    ]);
    expect(await bench.changes(1, 1)).toHaveLength(2);
    const [change] = await lake.sql(`select * from table_changes('${bench.t}', 2)`);
    expect(Object.keys(change ?? {})).toEqual([
      'id',
      'name',
      '_change_type',
      '_commit_version',
      '_commit_timestamp',
    ]);
    expect(change).toMatchObject({ _commit_version: 2n, _commit_timestamp: BigInt(commitTime(2)) * 1000n });
  });

  it('has no change from files that were only written anew', async () => {
    const first = await bench.plainTable();
    const compacted = await bench.folder.add(
      "select 1 as id, 'a' as name union all select 2, 'b'",
      {},
      { dataChange: false },
    );
    await bench.folder.commit(1, [removal(first, { dataChange: false }), compacted], {
      operation: 'OPTIMIZE',
    });
    const rewritten = await bench.folder.add("select 1 as id, 'a' as name union all select 2, 'b'");
    const nothing = { numTargetRowsInserted: '0', numTargetRowsUpdated: '0', numTargetRowsDeleted: '0' };
    await bench.folder.commit(2, [removal(compacted), rewritten], {
      operation: 'MERGE',
      operationMetrics: nothing,
    });
    await bench.folder.commit(3, [removal(rewritten)], {
      operation: 'MERGE',
      operationMetrics: { ...nothing, numTargetRowsDeleted: '2' },
    });
    await bench.attach();
    expect(await bench.changes(1, 3)).toEqual(['delete 3 1 a', 'delete 3 2 b']);
  });

  it('gives the same file once for each commit that names it', async () => {
    const first = await bench.plainTable();
    await bench.folder.commit(1, [removal(first)]);
    await bench.folder.commit(2, [first], { operation: 'RESTORE' });
    await bench.attach();
    expect((await bench.changes(0, 2)).filter((change) => change.endsWith('1 a'))).toEqual([
      'insert 0 1 a',
      'delete 1 1 a',
      'insert 2 1 a',
    ]);
  });

  it('has typed partition values, also where a removal does not tell them', async () => {
    const fields = [{ name: 'id', type: 'integer' }, NAME];
    const added = await bench.folder.add("select 'a' as name", { id: '1' });
    await bench.folder.commit(0, [protocol(), metadata(fields, { partitionColumns: ['id'] }), added]);
    await bench.folder.commit(1, [removal(added, { partitionValues: undefined })]);
    await bench.folder.commit(2, [
      await bench.folder.changes("select 'b' as name, 'insert' as _change_type", { id: '2' }),
    ]);
    await bench.attach();
    expect(await bench.changes(0, 2)).toEqual(['insert 0 1 a', 'delete 1 1 a', 'insert 2 2 b']);
    expect((await lake.columns(`select id from table_changes('${bench.t}', 0, 2)`))[0]?.type).toBe('int');
  });

  it('has the columns of the newest version, as Delta gives them without column mapping', async () => {
    await bench.plainTable();
    await bench.folder.commit(1, [metadata([ID, NAME, { name: 'more', type: 'long' }])]);
    await bench.folder.commit(2, [await bench.folder.add("select 3 as id, 'c' as name, 5::bigint as more")]);
    await bench.attach();
    expect(
      await lake.sql(`select id, more from table_changes('${bench.t}', 0, 2) where id > 1 order by id`),
    ).toEqual([
      { id: 2, more: null },
      { id: 3, more: 5n },
    ]);
    expect(await lake.columns(`select * from table_changes('${bench.t}', 0, 0)`)).toContainEqual({
      name: 'more',
      type: 'bigint',
    });
  });

  it('is refused at and before a commit that gives a column another type, and goes on behind it', async () => {
    const first = await bench.plainTable();
    const rewritten = await bench.folder.add("select 1::bigint as id, 'a' as name");
    await bench.folder.commit(1, [metadata([{ ...ID, type: 'long' }, NAME]), removal(first), rewritten]);
    await bench.folder.commit(2, [await bench.folder.add("select 2::bigint as id, 'b' as name")]);
    await bench.attach();
    const feed = (first: number, last: number) =>
      lake.failure(`select * from table_changes('${bench.t}', ${first}, ${last})`);
    expect(await feed(0, 0)).toBe('DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA 0AKDC');
    expect(await feed(0, 2)).toBe('DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA 0AKDC');
    expect(await feed(1, 2)).toBe('FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH KD001');
    expect(await bench.changes(2, 2)).toEqual(['insert 2 2 b']);
    expect(await bench.rows()).toEqual(['1 a', '2 b']);
    expect(await bench.rows(`${bench.t}@v0`)).toEqual(['1 a', '2 b']);
  });

  it('fails as the one of a table of the warehouse does', async () => {
    await bench.plainTable({ configuration: {} });
    await bench.folder.commit(1, [metadata([ID, NAME])]);
    await bench.attach();
    const feed = (first: number, last: number) =>
      lake.failure(`select * from table_changes('${bench.t}', ${first}, ${last})`);
    expect(await feed(0, 1)).toBe('DELTA_MISSING_CHANGE_DATA KD002');
    expect(await feed(2, 2)).toBe('DELTA_CDC_START_VERSION_AFTER_LATEST 22003');
    expect(await feed(1, 0)).toBe('DELTA_INVALID_CDC_RANGE 22003');
    expect(await feed(1, 2)).toBe('DELTA_VERSION_NOT_FOUND 22003');
    expect(await lake.failure(`select * from ${bench.t}@v2`)).toBe('DELTA_VERSION_NOT_FOUND 22003');
    expect(await bench.changes(1, 1)).toEqual([]);
  });
});

describe.skipIf(!existsSync(FIXTURES))(
  'tables that Spark wrote (in ../shared/fixtures; skipped without)',
  () => {
    it('without partitions: every version, and every change between them', async () => {
      expect(await bench.attach(join(FIXTURES, 'cdf-table-non-partitioned'))).toEqual([{ version: 4n }]);
      const counts = async (version: number) => lake.value(`select count(*) from ${bench.t}@v${version}`);
      expect(await Promise.all([0, 1, 2, 3, 4].map(counts))).toEqual([10n, 10n, 10n, 9n, 11n]);
      expect(await bench.only(`select * from ${bench.t} where name = 'Borb'`)).toEqual({
        id: 10,
        name: 'Borb',
        birthday: 19_830,
        long_field: 99_999_999_999_999_999n,
        boolean_field: true,
        double_field: 3.14,
        smallint_field: 1,
      });
      expect((await bench.changes(1, 4)).filter((change) => !/^update_.* [1-2] [2-6] /.test(change))).toEqual(
        [
          'update_postimage 2 7 Dennis',
          'update_preimage 2 7 Dennis',
          'delete 3 7 Dennis',
          'insert 4 1 Alex',
          'insert 4 2 Alan',
        ],
      );
      await expectFeedToExplainVersions(['id', 'name', 'birthday'], 4);
    });

    it('with partitions and times in its commits: every version, and every change between them', async () => {
      expect(await bench.attach(join(FIXTURES, 'cdc_ict_table'))).toEqual([{ version: 3n }]);
      expect(await lake.sql(`select * from ${bench.t} order by name`)).toEqual([
        { name: 'Kate', birthyear: 1995, age: 37 },
        { name: 'Steve', birthyear: 1986, age: 41 },
      ]);
      const times = (await lake.sql(`describe history ${bench.t}`)).map((row) => row['timestamp']);
      expect(times).toEqual([
        1_783_874_213_881_000n,
        1_783_874_212_175_000n,
        1_683_874_206_883_000n,
        1_783_874_203_271_000n,
      ]);
      await expectFeedToExplainVersions(['name', 'birthyear', 'age'], 3);
    });

    /** A version is the one before, without what departed and with what arrived. */
    async function expectFeedToExplainVersions(columns: readonly string[], last: number): Promise<void> {
      const list = columns.join(', ');
      const feed = (version: number, ...types: string[]) =>
        `select ${list} from table_changes('${bench.t}', ${version}, ${version}) where _change_type in ('${types.join("', '")}')`;
      for (let version = 1; version <= last; version += 1) {
        const explained = `select ${list} from ${bench.t}@v${version - 1}
        except all ${feed(version, 'delete', 'update_preimage')}
        union all ${feed(version, 'insert', 'update_postimage')}`;
        const order = `order by ${list}`;
        expect(await lake.sql(`select * from (${explained}) ${order}`)).toEqual(
          await lake.sql(`select ${list} from ${bench.t}@v${version} ${order}`),
        );
      }
    }
  },
);
