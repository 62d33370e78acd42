import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  commitTime,
  DeltaDirectory,
  FEED_ON,
  type LogField,
  metadata,
  protocol,
  removal,
} from '../support/delta-directory.ts';
import { type Row, type TestEngine, testEngine } from '../support/duckdb-engine.ts';

const FIXTURES = fileURLToPath(new URL('../../../shared/fixtures', import.meta.url));

let lake: TestEngine;
let folder: DeltaDirectory;
let number = 0;
/** A table of its own for each test. */
let t = '';

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());
beforeEach(async () => {
  number += 1;
  t = `main.others.t${number}`;
  folder = await DeltaDirectory.create();
});
afterEach(() => folder.remove());

const attach = (path = folder.path, table = t) => lake.sql(attachment(path, table));
const attachment = (path = folder.path, table = t) => `attach table ${table} location '${path}'`;

const ID: LogField = { name: 'id', type: 'integer' };
const NAME: LogField = { name: 'name', type: 'string' };

/** `id name` of each row, in order. */
async function rows(from = t): Promise<string[]> {
  return (await lake.sql(`select id, name from ${from} order by id`)).map(
    (row) => `${row['id']} ${row['name']}`,
  );
}

/** `type version id name` of each change, in order. */
async function changes(first: number, last: number): Promise<string[]> {
  const found = await lake.sql(
    `select * from table_changes('${t}', ${first}, ${last}) order by _commit_version, id, _change_type`,
  );
  return found.map((row) => `${row['_change_type']} ${row['_commit_version']} ${row['id']} ${row['name']}`);
}

async function only(statement: string): Promise<Row> {
  const [row, ...others] = await lake.sql(statement);
  if (!row || others.length > 0) throw new Error('not one row');
  return row;
}

/** Version 0: rows 1 a and 2 b in one file. */
async function plainTable(more: Parameters<typeof metadata>[1] = {}, features: readonly string[] = []) {
  const first = await folder.add("select 1 as id, 'a' as name union all select 2, 'b'");
  await folder.commit(0, [protocol(features), metadata([ID, NAME], more), first]);
  return first;
}

describe('an attached table', () => {
  it('is read by name, at its newest version and at every older one', async () => {
    const first = await plainTable();
    await folder.commit(1, [removal(first), await folder.add("select 2 as id, 'b' as name")]);
    await folder.commit(2, [await folder.add("select 3 as id, 'c' as name")]);
    expect(await attach()).toEqual([{ version: 2n }]);
    expect(await rows()).toEqual(['2 b', '3 c']);
    expect(await rows(`${t} version as of 0`)).toEqual(['1 a', '2 b']);
    expect(await rows(`${t}@v1`)).toEqual(['2 b']);
    expect(await lake.sql('show tables in main.others')).toContainEqual({
      database: 'others',
      tableName: `t${number}`,
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
    await folder.commit(0, [protocol(), metadata(fields, more)], {
      operation: 'CREATE TABLE',
      operationParameters: { isManaged: 'false', partitionBy: ['id'], description: null },
      isBlindAppend: true,
    });
    const added = await folder.add("select 'x' as name", { id: '1' });
    await folder.commit(1, [added], {
      readVersion: 0,
      isolationLevel: 'Serializable',
      operationMetrics: { numOutputRows: '1', numFiles: 1 },
      engineInfo: 'another writer',
    });
    await attach();
    expect(await only(`describe detail ${t}`)).toMatchObject({
      format: 'delta',
      id: 'c0ffee00-0000-4000-8000-000000000001',
      name: t,
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
    expect(await lake.sql(`describe table ${t}`)).toEqual([
      { col_name: 'id', data_type: 'int', comment: null },
      { col_name: 'name', data_type: 'string', comment: 'who' },
      { col_name: 'at', data_type: 'timestamp', comment: null },
    ]);
    const [newest, oldest, ...others] = await lake.sql(`describe history ${t}`);
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
    expect(await lake.sql(`describe history ${t} limit 1`)).toEqual([newest]);
    const own = `${t}_own`;
    await lake.sql(`create table ${own} (id int) using delta`);
    for (const facts of ['describe table', 'describe history', 'describe detail']) {
      expect(await lake.columns(`${facts} ${t}`)).toEqual(await lake.columns(`${facts} ${own}`));
    }
  });

  it('has the time that a commit tells itself, or else that of its file, later than the one before', async () => {
    await plainTable();
    await folder.commit(1, [], { inCommitTimestamp: 1_500_000_000_123 });
    await folder.commit(2, []);
    await rename(folder.logFile(2), folder.logFile(3));
    await folder.commit(2, []);
    await attach();
    const times = (await lake.sql(`describe history ${t}`)).map((row) => Number(row['timestamp']) / 1000);
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
    await folder.commit(0, [
      protocol(['timestampNtz']),
      metadata([...fields, limited]),
      await folder.add(`select ${values}, 'short' as v`),
    ]);
    await attach();
    expect(await only(`select * from ${t}`)).toEqual(
      Object.fromEntries([...types.map(([, , shown], index) => [`c${index}`, shown]), ['v', 'short']]),
    );
    const columns = (await lake.sql(`describe table ${t}`)).map((row) => row['data_type']);
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
      b: 'ab',
      s: "o'x",
    };
    const none = { day: null, n: null, at: '', ok: null, b: '', s: '' };
    await folder.commit(0, [
      protocol(),
      metadata(fields, { partitionColumns }),
      await folder.add('select 1 as id', values),
      await folder.add("select 2 as id, 'what the file says' as s", none),
    ]);
    await attach();
    expect(await lake.sql(`select * from ${t} order by id`)).toEqual([
      { id: 1, day: 19_782, n: '1.50', at: 1_704_103_200_500_000n, ok: true, b: '6162', s: "o'x" },
      { id: 2, day: null, n: null, at: null, ok: null, b: null, s: null },
    ]);
    expect(await lake.sql(`select id from ${t} where day = date'2024-02-29'`)).toEqual([{ id: 1 }]);
  });

  it('gives NULL for the columns and fields that a file does not have yet', async () => {
    const first = await plainTable();
    const place = (...names: string[]) => ({
      name: 'place',
      type: { type: 'struct', fields: names.map((name) => ({ name, type: 'string', nullable: true })) },
    });
    await folder.commit(1, [
      metadata([ID, NAME, place('city')]),
      await folder.add("select 3 as id, 'c' as name, {city: 'Rome'} as place"),
    ]);
    await folder.commit(2, [metadata([place('land', 'city'), NAME, ID])]);
    await attach();
    expect(await lake.sql(`select * from ${t} order by id`)).toEqual([
      { place: null, name: 'a', id: 1 },
      { place: null, name: 'b', id: 2 },
      { place: '{"land":null,"city":"Rome"}', name: 'c', id: 3 },
    ]);
    expect(await lake.sql(`select * from ${t}@v0 where id = 1`)).toEqual([{ id: 1, name: 'a' }]);
    await folder.commit(3, [removal(first)]);
    expect(await rows()).toEqual(['3 c']);
  });

  it('reads a table without a row, and files whose path has characters of patterns and URIs', async () => {
    await folder.remove();
    folder = await DeltaDirectory.create("it's [a] 100%*?");
    await folder.commit(0, [protocol(), metadata([ID, NAME])]);
    await lake.sql(attachment(folder.path.replaceAll("'", "\\'")));
    expect(await rows()).toEqual([]);
    expect(await changes(0, 0)).toEqual([]);
    const path = await folder.parquet("select 1 as id, 'a' as name", 'name=x %41 [b]');
    await folder.commit(1, [{ add: { path, partitionValues: {}, size: 1, dataChange: true } }]);
    const other = await DeltaDirectory.create();
    const elsewhere = `file://${other.path}/${await other.parquet("select 2 as id, 'b' as name")}`;
    await folder.commit(2, [{ add: { path: elsewhere, partitionValues: {}, size: 1, dataChange: true } }]);
    expect(await rows()).toEqual(['1 a', '2 b']);
    await other.remove();
  });

  it('is read into a table of the warehouse, and joined with it', async () => {
    await plainTable();
    await attach();
    await lake.sql(`create table ${t}_copy using delta as select * from ${t}`);
    await lake.sql(`insert into ${t}_copy select id + 10, name from ${t}@v0`);
    expect(await lake.value(`select count(*) from ${t}_copy c join ${t} a on a.name = c.name`)).toBe(4n);
  });
});

describe('the change feed of an attached table', () => {
  it('comes from the change files of a commit that has some, and else from its files', async () => {
    const first = await plainTable();
    const second = await folder.add("select 1 as id, 'z' as name union all select 2, 'b'");
    await folder.commit(1, [
      removal(first),
      second,
      await folder.changes(
        "select 1 as id, 'a' as name, 'update_preimage' as _change_type union all select 1, 'z', 'update_postimage'",
      ),
    ]);
    await folder.commit(2, [removal(second), await folder.add("select 3 as id, 'c' as name")]);
    await attach();
    expect(await changes(0, 2)).toEqual([
      'insert 0 1 a',
      'insert 0 2 b',
      'update_postimage 1 1 z',
      'update_preimage 1 1 a',
      'delete 2 1 z',
      'delete 2 2 b',
      'insert 2 3 c',
    ]);
    expect(await changes(1, 1)).toHaveLength(2);
    const [change] = await lake.sql(`select * from table_changes('${t}', 2)`);
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
    const first = await plainTable();
    const compacted = await folder.add(
      "select 1 as id, 'a' as name union all select 2, 'b'",
      {},
      { dataChange: false },
    );
    await folder.commit(1, [removal(first, { dataChange: false }), compacted], { operation: 'OPTIMIZE' });
    const rewritten = await folder.add("select 1 as id, 'a' as name union all select 2, 'b'");
    const nothing = { numTargetRowsInserted: '0', numTargetRowsUpdated: '0', numTargetRowsDeleted: '0' };
    await folder.commit(2, [removal(compacted), rewritten], {
      operation: 'MERGE',
      operationMetrics: nothing,
    });
    await folder.commit(3, [removal(rewritten)], {
      operation: 'MERGE',
      operationMetrics: { ...nothing, numTargetRowsDeleted: '2' },
    });
    await attach();
    expect(await changes(1, 3)).toEqual(['delete 3 1 a', 'delete 3 2 b']);
  });

  it('gives the same file once for each commit that names it', async () => {
    const first = await plainTable();
    await folder.commit(1, [removal(first)]);
    await folder.commit(2, [first], { operation: 'RESTORE' });
    await attach();
    expect((await changes(0, 2)).filter((change) => change.endsWith('1 a'))).toEqual([
      'insert 0 1 a',
      'delete 1 1 a',
      'insert 2 1 a',
    ]);
  });

  it('has typed partition values, also where a removal does not tell them', async () => {
    const fields = [{ name: 'id', type: 'integer' }, NAME];
    const added = await folder.add("select 'a' as name", { id: '1' });
    await folder.commit(0, [protocol(), metadata(fields, { partitionColumns: ['id'] }), added]);
    await folder.commit(1, [removal(added, { partitionValues: undefined })]);
    await folder.commit(2, [
      await folder.changes("select 'b' as name, 'insert' as _change_type", { id: '2' }),
    ]);
    await attach();
    expect(await changes(0, 2)).toEqual(['insert 0 1 a', 'delete 1 1 a', 'insert 2 2 b']);
    expect((await lake.columns(`select id from table_changes('${t}', 0, 2)`))[0]?.type).toBe('int');
  });

  it('has the columns of the end, and refuses a range over a change of type', async () => {
    await plainTable();
    const wide = [ID, NAME, { name: 'more', type: 'long' }];
    await folder.commit(1, [
      metadata(wide),
      await folder.add("select 3 as id, 'c' as name, 5::bigint as more"),
    ]);
    await folder.commit(2, [metadata([{ ...ID, type: 'long' }, NAME])]);
    await attach();
    expect(
      await lake.sql(`select id, more from table_changes('${t}', 0, 1) where id > 1 order by id`),
    ).toEqual([
      { id: 2, more: null },
      { id: 3, more: 5n },
    ]);
    expect(await lake.failure(`select * from table_changes('${t}', 1, 2)`)).toBe(
      'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE 0AKDC',
    );
  });

  it('fails as the one of a table of the warehouse does', async () => {
    await plainTable({ configuration: {} });
    await folder.commit(1, [metadata([ID, NAME])]);
    await attach();
    const feed = (first: number, last: number) =>
      lake.failure(`select * from table_changes('${t}', ${first}, ${last})`);
    expect(await feed(0, 1)).toBe('DELTA_MISSING_CHANGE_DATA KD002');
    expect(await feed(2, 2)).toBe('DELTA_CDC_START_VERSION_AFTER_LATEST 22003');
    expect(await feed(1, 0)).toBe('DELTA_INVALID_CDC_RANGE 22003');
    expect(await feed(1, 2)).toBe('DELTA_VERSION_NOT_FOUND 22003');
    expect(await lake.failure(`select * from ${t}@v2`)).toBe('DELTA_VERSION_NOT_FOUND 22003');
    expect(await changes(1, 1)).toEqual([]);
  });
});

describe('a log that goes on', () => {
  it('shows what another writer commits at the next statement, in every session', async () => {
    await plainTable();
    await attach();
    const other = await lake.session();
    const count = `select count(*) as n from ${t}`;
    expect(await lake.value(count)).toBe(2n);
    await folder.commit(1, [await folder.add("select 3 as id, 'c' as name")]);
    await folder.commit(2, [await folder.add("select 4 as id, 'd' as name")]);
    expect(await Promise.all([lake.value(count), other.value(count), lake.value(count)])).toEqual([
      4n,
      4n,
      4n,
    ]);
    await other.close();
    expect(await changes(1, 2)).toEqual(['insert 1 3 c', 'insert 2 4 d']);
  });

  it('is read anew where another table stands in the place', async () => {
    await plainTable();
    await attach();
    const { path } = folder;
    const another = await DeltaDirectory.create();
    const id = 'c0ffee00-0000-4000-8000-000000000002';
    const row = await another.add("select 9 as id, 'new' as name");
    await another.commit(0, [protocol(), metadata([ID, NAME], { id }), row]);
    await another.commit(1, []);
    await rm(path, { recursive: true });
    await rename(another.path, path);
    expect(await rows()).toEqual(['9 new']);
    expect(await only(`describe detail ${t}`)).toMatchObject({ id });
    await another.remove();
  });

  it('begins with a checkpoint, whole or in parts, where its first commits are gone', async () => {
    const add = (path: string) =>
      `{'path': '${path}', 'partitionValues': map {'name': 'a'}, 'size': 7, 'dataChange': false}`;
    const fields = [ID, NAME];
    const { metaData } = metadata(fields, { partitionColumns: ['name'] }) as {
      metaData: Record<string, string>;
    };
    const files = [await folder.parquet('select 1 as id'), await folder.parquet('select 2 as id')];
    const actions = [
      `select {'minReaderVersion': 1, 'minWriterVersion': 4} as protocol`,
      `select {'id': '${metaData['id']}', 'schemaString': '${metaData['schemaString']}', 'partitionColumns': ['name'],
        'configuration': map {'delta.enableChangeDataFeed': 'true'}, 'createdTime': 5::bigint} as metaData`,
      ...files.map((path) => `select ${add(path)} as add`),
    ];
    await folder.checkpoint(5, actions.join(' union all by name '));
    await writeFile(join(folder.path, '_delta_log', '_last_checkpoint'), '{"version":5,"size":4}');
    await folder.commit(4, []);
    await folder.commit(6, [await folder.add('select 3 as id', { name: 'c' })]);
    expect(await attach()).toEqual([{ version: 6n }]);
    expect(await rows()).toEqual(['1 a', '2 a', '3 c']);
    expect(await rows(`${t}@v5`)).toEqual(['1 a', '2 a']);
    expect(await changes(6, 6)).toEqual(['insert 6 3 c']);
    expect((await lake.sql(`describe history ${t}`)).map((row) => row['version'])).toEqual([6n]);
    const expired = 'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION 42KD9';
    expect(await lake.failure(`select * from ${t}@v4`)).toBe(expired);
    expect(await lake.failure(`select * from table_changes('${t}', 5, 6)`)).toBe(expired);

    await folder.commit(7, []);
    const parts = [actions.slice(0, 2), actions.slice(2)].map((part) => part.join(' union all by name '));
    await folder.checkpoint(7, parts[0] ?? '', { part: 1, of: 2 });
    await rm(folder.logFile(5, 'checkpoint.parquet'));
    await rm(folder.logFile(6));
    expect(await lake.failure(`select * from ${t}`)).toBe('DELTA_VERSIONS_NOT_CONTIGUOUS KD00C');
    await folder.checkpoint(7, parts[1] ?? '', { part: 2, of: 2 });
    expect(await rows()).toEqual(['1 a', '2 a']);
    expect(await changes(7, 7)).toEqual([]);
  });

  it('that lacks a file, or has one that is none, is refused until it is whole', async () => {
    await plainTable();
    await attach();
    await folder.commit(2, []);
    expect(await lake.failure(`select * from ${t}`)).toBe('DELTA_VERSIONS_NOT_CONTIGUOUS KD00C');
    await folder.commit(1, [await folder.add("select 3 as id, 'c' as name")]);
    expect(await rows()).toEqual(['1 a', '2 b', '3 c']);

    await writeFile(folder.logFile(3), '{"add":{"path":"x","partition');
    expect(await lake.failure(`select * from ${t}`)).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    expect(await lake.failure(attachment(folder.path, `${t}_2`))).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    await folder.commit(3, []);
    expect(await rows()).toEqual(['1 a', '2 b', '3 c']);

    await rm(folder.logFile(0));
    expect(await lake.failure(`describe detail ${t}`)).toBe('DELTA_TRUNCATED_TRANSACTION_LOG 42K03');
    await rm(join(folder.path, '_delta_log'), { recursive: true });
    expect(await lake.failure(`select * from ${t}`)).toBe('DELTA_MISSING_DELTA_TABLE 42P01');
  });

  it('whose first commit has no schema or no protocol is refused', async () => {
    await folder.commit(0, [protocol()]);
    expect(await lake.failure(attachment())).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    await folder.commit(0, [metadata([ID])]);
    expect(await lake.failure(attachment())).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
  });

  it('keeps its versions when files of rows are gone, and says what they are', async () => {
    const first = await plainTable();
    await folder.commit(1, [removal(first)]);
    const { cdc } = (await folder.changes("select 1 as id, 'a' as name, 'delete' as _change_type")) as {
      cdc: { path: string };
    };
    await folder.commit(2, [{ cdc }]);
    await attach();
    await rm(join(folder.path, (first as { add: { path: string } }).add.path));
    await rm(join(folder.path, cdc.path));
    expect(await rows()).toEqual([]);
    expect(await lake.failure(`select * from ${t}@v0`)).toBe('FAILED_READ_FILE.DBR_FILE_NOT_EXIST KD001');
    expect(await lake.failure(`select * from table_changes('${t}', 2, 2)`)).toBe(
      'DELTA_CHANGE_DATA_FILE_NOT_FOUND KD002',
    );
  });
});

describe('what the reader does not know', () => {
  const UNKNOWN = 'DELTA_UNSUPPORTED_FEATURES_FOR_READ 56038';

  it.each([['deletionVectors'], ['typeWidening'], ['v2Checkpoint'], ['variantType'], ['aFeatureOfTomorrow']])(
    '%s is refused by name when a table is attached',
    async (feature) => {
      await plainTable({}, ['timestampNtz', feature]);
      expect(await lake.failure(attachment())).toBe(UNKNOWN);
      await expect(lake.sql(attachment())).rejects.toThrow(`tables with: ${feature}.`);
      expect(await lake.failure(`select * from ${t}`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    },
  );

  it.each([
    ['deletionVectors', [protocol(['deletionVectors'])]],
    ['columnMapping', [metadata([ID, NAME], { configuration: { 'delta.columnMapping.mode': 'name' } })]],
    ['typeWidening', [metadata([{ ...ID, metadata: { 'delta.typeChanges': [] } }, NAME])]],
    [
      'deletionVectors',
      [
        {
          add: {
            path: 'x',
            partitionValues: {},
            size: 1,
            dataChange: true,
            deletionVector: { storageType: 'u' },
          },
        },
      ],
    ],
  ])('%s is refused by name when a later commit brings it', async (feature, actions) => {
    await plainTable();
    await attach();
    expect(await rows()).toHaveLength(2);
    await folder.commit(1, actions);
    expect(await lake.failure(`select * from ${t}`)).toBe(UNKNOWN);
    await expect(lake.sql(`describe history ${t}`)).rejects.toThrow(`tables with: ${feature}.`);
    expect(await lake.sql('select 1 as other')).toEqual([{ other: 1 }]);
    await lake.sql(`drop table ${t}`);
  });

  it('column mapping that maps nothing is read', async () => {
    await plainTable({ configuration: { 'delta.columnMapping.mode': 'none' } }, ['columnMapping']);
    await attach();
    expect(await rows()).toEqual(['1 a', '2 b']);
  });

  it('is refused too for a reader version, a type, a file far away and a checkpoint of another kind', async () => {
    await folder.commit(0, [{ protocol: { minReaderVersion: 4, minWriterVersion: 8 } }, metadata([ID])]);
    expect(await lake.failure(attachment())).toBe('DELTA_INVALID_PROTOCOL_VERSION KD004');
    await folder.commit(0, [protocol(), metadata([{ name: 'v', type: 'variant' }])]);
    expect(await lake.failure(attachment())).toBe('UNSUPPORTED_FEATURE 0A000');
    const far = { path: 's3://bucket/x.parquet', partitionValues: {}, size: 1, dataChange: true };
    await folder.commit(0, [protocol(), metadata([ID]), { add: far }]);
    await attach();
    expect(await lake.failure(`select * from ${t}`)).toBe('UNSUPPORTED_FEATURE 0A000');
    await rename(
      folder.logFile(0),
      folder.logFile(0, 'checkpoint.c0ffee00-0000-4000-8000-000000000003.json'),
    );
    expect(await lake.failure(`select * from ${t}`)).toBe(UNKNOWN);
  });
});

describe('ATTACH TABLE', () => {
  it('makes the schema, replaces an attached table, and leaves an ordinary one alone', async () => {
    await plainTable();
    const name = `main.new_schema_${number}.t`;
    await attach(folder.path, name);
    const other = await DeltaDirectory.create();
    await other.commit(0, [protocol(), metadata([ID, NAME])]);
    expect(await attach(other.path, name)).toEqual([{ version: 0n }]);
    expect(await rows(name)).toEqual([]);
    await lake.sql(`create table ${t} (id int) using delta`);
    expect(await lake.failure(attachment())).toBe('TABLE_OR_VIEW_ALREADY_EXISTS 42P07');
    expect(await lake.value(`select count(*) from ${t}`)).toBe(0n);
    await other.remove();
  });

  it('refuses a place without a Delta table, a relative path and more than it knows', async () => {
    const missing = 'DELTA_MISSING_DELTA_TABLE 42P01';
    expect(await lake.failure(attachment(join(folder.path, 'nowhere')))).toBe(missing);
    expect(await lake.failure(attachment())).toBe(missing);
    await plainTable();
    expect(await lake.failure(attachment(join(folder.path, 'part-1.parquet')))).toBe(missing);
    expect(await lake.failure(attachment('table'))).toBe('UNSUPPORTED_FEATURE 0A000');
    expect(await lake.failure(`${attachment()} for ever`)).toBe('PARSE_SYNTAX_ERROR 42601');
    expect(await lake.failure(`attach '${folder.path}'`)).toBe('PARSE_SYNTAX_ERROR 42601');
  });

  it('survives a restart of an engine with a directory, whatever has become of the table', async () => {
    await plainTable();
    const directory = await mkdtemp(join(tmpdir(), 'lakeferry-attached-'));
    const first = await testEngine(directory);
    await first.sql(attachment());
    await first.sql(attachment(folder.path, `${t}_gone`));
    await first.sql(`drop table ${t}_gone`);
    await first.close();
    await folder.commit(1, [await folder.add("select 3 as id, 'c' as name")]);
    const second = await testEngine(directory);
    expect(await second.value(`select count(*) from ${t}`)).toBe(3n);
    expect(await second.failure(`select * from ${t}_gone`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await second.close();
    await truncate(folder.logFile(0), 20);
    const third = await testEngine(directory);
    expect(await third.failure(`select * from ${t}`)).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    await third.sql(`drop table ${t}`);
    await third.close();
    await rm(directory, { recursive: true });
  });
});

describe('an attached table is read-only', () => {
  it.each([
    ["insert into T values (3, 'c')"],
    ["insert overwrite T values (3, 'c')"],
    ['update T set id = 9'],
    ['delete from T'],
    ['truncate table T'],
    ['merge into T as t using (select 1 as id) as s on t.id = s.id when matched then delete'],
    ['alter table T add column more int'],
    ["alter table T set tblproperties ('a' = 'b')"],
    ['restore table T to version as of 0'],
    ['optimize T'],
    ['vacuum T retain 0 hours'],
    ['create or replace table T (id int) using delta'],
    ["load file 'FILE' into table T"],
  ])('%s is refused and changes no file', async (statement) => {
    await plainTable();
    await attach();
    const before = await folder.contents();
    const asked = statement.replace('T', t).replace('FILE', join(folder.path, 'part-1.parquet'));
    expect(await lake.failure(asked)).toBe('UNSUPPORTED_FEATURE.TABLE_OPERATION 0A000');
    await expect(lake.sql(asked)).rejects.toThrow(`\`t${number}\` is attached`);
    expect(await rows()).toEqual(['1 a', '2 b']);
    expect(await folder.contents()).toEqual(before);
  });

  it('DROP TABLE forgets it and touches no file', async () => {
    await plainTable();
    await attach();
    const before = await folder.contents();
    expect(await lake.failure(`create table ${t} (id int) using delta`)).toBe(
      'TABLE_OR_VIEW_ALREADY_EXISTS 42P07',
    );
    expect(await lake.sql(`create table if not exists ${t} (id int) using delta`)).toEqual([]);
    await lake.sql(`drop table ${t}`);
    expect(await lake.failure(`select * from ${t}`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    expect(await folder.contents()).toEqual(before);
    await lake.sql(`create table ${t} (id int) using delta`);
  });
});

describe.skipIf(!existsSync(FIXTURES))(
  'tables that Spark wrote (in ../shared/fixtures; skipped without)',
  () => {
    it('without partitions: every version, and every change between them', async () => {
      expect(await attach(join(FIXTURES, 'cdf-table-non-partitioned'))).toEqual([{ version: 4n }]);
      const counts = async (version: number) => lake.value(`select count(*) from ${t}@v${version}`);
      expect(await Promise.all([0, 1, 2, 3, 4].map(counts))).toEqual([10n, 10n, 10n, 9n, 11n]);
      expect(await only(`select * from ${t} where name = 'Borb'`)).toEqual({
        id: 10,
        name: 'Borb',
        birthday: 19_830,
        long_field: 99_999_999_999_999_999n,
        boolean_field: true,
        double_field: 3.14,
        smallint_field: 1,
      });
      expect((await changes(1, 4)).filter((change) => !/^update_.* [1-2] [2-6] /.test(change))).toEqual([
        'update_postimage 2 7 Dennis',
        'update_preimage 2 7 Dennis',
        'delete 3 7 Dennis',
        'insert 4 1 Alex',
        'insert 4 2 Alan',
      ]);
      await expectFeedToExplainVersions(['id', 'name', 'birthday'], 4);
    });

    it('with partitions and times in its commits: every version, and every change between them', async () => {
      expect(await attach(join(FIXTURES, 'cdc_ict_table'))).toEqual([{ version: 3n }]);
      expect(await lake.sql(`select * from ${t} order by name`)).toEqual([
        { name: 'Kate', birthyear: 1995, age: 37 },
        { name: 'Steve', birthyear: 1986, age: 41 },
      ]);
      const times = (await lake.sql(`describe history ${t}`)).map((row) => row['timestamp']);
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
        `select ${list} from table_changes('${t}', ${version}, ${version}) where _change_type in ('${types.join("', '")}')`;
      for (let version = 1; version <= last; version += 1) {
        const explained = `select ${list} from ${t}@v${version - 1}
        except all ${feed(version, 'delete', 'update_preimage')}
        union all ${feed(version, 'insert', 'update_postimage')}`;
        const order = `order by ${list}`;
        expect(await lake.sql(`select * from (${explained}) ${order}`)).toEqual(
          await lake.sql(`select ${list} from ${t}@v${version} ${order}`),
        );
      }
    }
  },
);
