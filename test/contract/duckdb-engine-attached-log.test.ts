import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttachedTable } from '../../src/local/warehouse/duckdb/attached/attached-table.ts';
import { Database } from '../../src/local/warehouse/duckdb/database.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { AttachedBench, ID, NAME } from '../support/attached-bench.ts';
import { DeltaDirectory, metadata, protocol, removal } from '../support/delta-directory.ts';
import { type TestEngine, testEngine } from '../support/duckdb-engine.ts';

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

/** Protocol and metadata as a checkpoint has them, of a table with the partition column `name`. */
const CHECKPOINT = `
  select {'minReaderVersion': 1, 'minWriterVersion': 4} as protocol
  union all by name
  select {
    'id': 'c0ffee00-0000-4000-8000-000000000001',
    'schemaString': '{"type":"struct","fields":[
      {"name":"id","type":"integer","nullable":true,"metadata":{}},
      {"name":"name","type":"string","nullable":true,"metadata":{}}]}',
    'partitionColumns': ['name'],
    'configuration': map {'delta.enableChangeDataFeed': 'true'},
    'createdTime': 5::bigint
  } as metaData`;

describe('a log that goes on', () => {
  it('shows what another writer commits at the next statement, in every session', async () => {
    await bench.plainTable();
    await bench.attach();
    const other = await lake.session();
    const count = `select count(*) as n from ${bench.t}`;
    expect(await lake.value(count)).toBe(2n);
    await bench.folder.commit(1, [await bench.folder.add("select 3 as id, 'c' as name")]);
    await bench.folder.commit(2, [await bench.folder.add("select 4 as id, 'd' as name")]);
    expect(await Promise.all([lake.value(count), other.value(count), lake.value(count)])).toEqual([
      4n,
      4n,
      4n,
    ]);
    await other.close();
    expect(await bench.changes(1, 2)).toEqual(['insert 1 3 c', 'insert 2 4 d']);
  });

  it('is read anew where another table stands in the place', async () => {
    await bench.plainTable();
    await bench.attach();
    const { path } = bench.folder;
    const another = await DeltaDirectory.create();
    const id = 'c0ffee00-0000-4000-8000-000000000002';
    const row = await another.add("select 9 as id, 'new' as name");
    await another.commit(0, [protocol(), metadata([ID, NAME], { id }), row]);
    await another.commit(1, []);
    await rm(path, { recursive: true });
    await rename(another.path, path);
    expect(await bench.rows()).toEqual(['9 new']);
    expect(await bench.only(`describe detail ${bench.t}`)).toMatchObject({ id });
    await another.remove();
  });

  it('begins with a checkpoint, whole or in parts, where its first commits are gone', async () => {
    await bench.folder.remove();
    bench = await AttachedBench.open(lake, number, 'a [b]');
    const add = (path: string) =>
      `{'path': '${path}', 'partitionValues': map {'name': 'a'}, 'size': 7, 'dataChange': false}`;
    const files = [
      await bench.folder.parquet('select 1 as id'),
      await bench.folder.parquet('select 2 as id'),
    ];
    const actions = [CHECKPOINT, ...files.map((path) => `select ${add(path)} as add`)];
    await bench.folder.checkpoint(5, actions.join(' union all by name '));
    await writeFile(join(bench.folder.path, '_delta_log', '_last_checkpoint'), '{"version":5,"size":4}');
    await bench.folder.commit(4, []);
    await bench.folder.commit(6, [await bench.folder.add('select 3 as id', { name: 'c' })]);
    expect(await bench.attach()).toEqual([{ version: 6n }]);
    expect(await bench.rows()).toEqual(['1 a', '2 a', '3 c']);
    expect(await bench.rows(`${bench.t}@v5`)).toEqual(['1 a', '2 a']);
    expect(await bench.changes(6, 6)).toEqual(['insert 6 3 c']);
    expect((await lake.sql(`describe history ${bench.t}`)).map((row) => row['version'])).toEqual([6n]);
    const expired = 'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION 42KD9';
    expect(await lake.failure(`select * from ${bench.t}@v4`)).toBe(expired);
    expect(await lake.failure(`select * from table_changes('${bench.t}', 5, 6)`)).toBe(expired);

    await bench.folder.commit(7, []);
    const parts = [actions.slice(0, 1), actions.slice(1)].map((part) => part.join(' union all by name '));
    await bench.folder.checkpoint(7, parts[0] ?? '', { part: 1, of: 2 });
    await rm(bench.folder.logFile(5, 'checkpoint.parquet'));
    await rm(bench.folder.logFile(6));
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('DELTA_VERSIONS_NOT_CONTIGUOUS KD00C');
    await bench.folder.checkpoint(7, parts[1] ?? '', { part: 2, of: 2 });
    expect(await bench.rows()).toEqual(['1 a', '2 a']);
    expect(await bench.changes(7, 7)).toEqual([]);
    await rm(bench.folder.logFile(7));
    expect(await bench.only(`describe detail ${bench.t}`)).toMatchObject({ numFiles: 2n, createdAt: 5000n });
    expect(await lake.sql(`describe history ${bench.t}`)).toEqual([]);
    expect(await bench.rows()).toEqual(['1 a', '2 a']);
  });

  it('is read by the next statement where one was stopped while it read', async () => {
    await bench.folder.checkpoint(5, CHECKPOINT);
    const database = await Database.open(undefined, systemClock);
    const connection = await database.connect();
    const table = new AttachedTable({ catalog: 'main', schema: 'others', table: 't' }, bench.folder.path);
    const stop = new AbortController();
    const stopped = connection.abortable(stop.signal, () => {
      stop.abort();
      return table.refresh(connection);
    });
    await expect(stopped).rejects.toThrow('OPERATION_CANCELED');
    await table.refresh(connection);
    expect(table.latest.version).toBe(5n);
    connection.close();
    await database.close();
  });

  it('that lacks a file, or has one that is none, is refused until it is whole', async () => {
    await bench.plainTable();
    await bench.attach();
    await bench.folder.commit(2, []);
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('DELTA_VERSIONS_NOT_CONTIGUOUS KD00C');
    await bench.folder.commit(1, [await bench.folder.add("select 3 as id, 'c' as name")]);
    expect(await bench.rows()).toEqual(['1 a', '2 b', '3 c']);

    await writeFile(bench.folder.logFile(3), '{"add":{"path":"x","partition');
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    expect(await lake.failure(bench.attachment(bench.folder.path, `${bench.t}_2`))).toBe(
      'DELTA_STATE_RECOVER_ERROR XXKDS',
    );
    await bench.folder.commit(3, []);
    expect(await bench.rows()).toEqual(['1 a', '2 b', '3 c']);

    await rm(bench.folder.logFile(0));
    expect(await lake.failure(`describe detail ${bench.t}`)).toBe('DELTA_TRUNCATED_TRANSACTION_LOG 42K03');
    await rm(join(bench.folder.path, '_delta_log'), { recursive: true });
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('DELTA_MISSING_DELTA_TABLE 42P01');
  });

  it('whose first commit has no schema or no protocol is refused', async () => {
    await bench.folder.commit(0, [protocol()]);
    expect(await lake.failure(bench.attachment())).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    await bench.folder.commit(0, [metadata([ID])]);
    expect(await lake.failure(bench.attachment())).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
  });

  it('keeps its versions when files of rows are gone, and says what they are', async () => {
    const first = await bench.plainTable();
    await bench.folder.commit(1, [removal(first)]);
    const { cdc } = (await bench.folder.changes("select 1 as id, 'a' as name, 'delete' as _change_type")) as {
      cdc: { path: string };
    };
    await bench.folder.commit(2, [{ cdc }]);
    await bench.attach();
    await rm(join(bench.folder.path, (first as { add: { path: string } }).add.path));
    await rm(join(bench.folder.path, cdc.path));
    expect(await bench.rows()).toEqual([]);
    expect(await lake.failure(`select * from ${bench.t}@v0`)).toBe(
      'FAILED_READ_FILE.DBR_FILE_NOT_EXIST KD001',
    );
    expect(await lake.failure(`select * from table_changes('${bench.t}', 2, 2)`)).toBe(
      'DELTA_CHANGE_DATA_FILE_NOT_FOUND KD002',
    );
    await bench.folder.parquet('select 1 as id', 'ab');
    const pattern = { path: 'a%5Bb%5D/part-3.parquet', partitionValues: {}, size: 1, dataChange: true };
    await bench.folder.commit(3, [{ add: pattern }]);
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('FAILED_READ_FILE.DBR_FILE_NOT_EXIST KD001');
  });

  it('that removes a file of a partition that it never told is refused', async () => {
    const fields = metadata([ID, NAME], { partitionColumns: ['id'] });
    const unknown = { path: 'x', deletionTimestamp: 1, dataChange: true };
    await bench.folder.commit(0, [protocol(), fields]);
    await bench.attach();
    await bench.folder.commit(1, [{ remove: unknown }]);
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
  });
});

describe('what the reader does not know', () => {
  const UNKNOWN = 'DELTA_UNSUPPORTED_FEATURES_FOR_READ 56038';
  const FILE = { path: 'x', partitionValues: {}, size: 1, dataChange: true };
  const MARKED = { ...FILE, deletionVector: { storageType: 'u' } };

  it.each([['deletionVectors'], ['typeWidening'], ['v2Checkpoint'], ['variantType'], ['aFeatureOfTomorrow']])(
    '%s is refused by name when a table is attached',
    async (feature) => {
      await bench.plainTable({}, ['timestampNtz', feature]);
      expect(await lake.failure(bench.attachment())).toBe(UNKNOWN);
      await expect(lake.sql(bench.attachment())).rejects.toThrow(`tables with: ${feature}.`);
      expect(await lake.failure(`select * from ${bench.t}`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    },
  );

  it.each([
    ['deletionVectors', [protocol(['deletionVectors'])]],
    ['columnMapping', [metadata([ID, NAME], { configuration: { 'delta.columnMapping.mode': 'name' } })]],
    ['typeWidening', [metadata([{ ...ID, metadata: { 'delta.typeChanges': [] } }, NAME])]],
    ['deletionVectors', [{ add: MARKED }]],
    ['deletionVectors', [{ remove: MARKED }]],
  ])('%s is refused by name when a later commit brings it', async (feature, actions) => {
    await bench.plainTable();
    await bench.attach();
    expect(await bench.rows()).toHaveLength(2);
    await bench.folder.commit(1, actions);
    expect(await lake.failure(`select * from ${bench.t}`)).toBe(UNKNOWN);
    await expect(lake.sql(`describe history ${bench.t}`)).rejects.toThrow(`tables with: ${feature}.`);
    expect(await lake.sql('select 1 as other')).toEqual([{ other: 1 }]);
    await lake.sql(`drop table ${bench.t}`);
  });

  it('column mapping that maps nothing is read', async () => {
    await bench.plainTable({ configuration: { 'delta.columnMapping.mode': 'none' } }, ['columnMapping']);
    await bench.attach();
    expect(await bench.rows()).toEqual(['1 a', '2 b']);
  });

  it('is refused too for a reader version, a type, a file far away and a checkpoint of another kind', async () => {
    await bench.folder.commit(0, [
      { protocol: { minReaderVersion: 4, minWriterVersion: 8 } },
      metadata([ID]),
    ]);
    expect(await lake.failure(bench.attachment())).toBe('DELTA_INVALID_PROTOCOL_VERSION KD004');
    await bench.folder.commit(0, [protocol(), metadata([{ name: 'v', type: 'variant' }])]);
    expect(await lake.failure(bench.attachment())).toBe('UNSUPPORTED_FEATURE 0A000');
    const far = { ...FILE, path: 's3://bucket/x.parquet' };
    await bench.folder.commit(0, [protocol(), metadata([ID]), { add: far }]);
    await bench.attach();
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('UNSUPPORTED_FEATURE 0A000');
    await rename(
      bench.folder.logFile(0),
      bench.folder.logFile(0, 'checkpoint.c0ffee00-0000-4000-8000-000000000003.json'),
    );
    expect(await lake.failure(`select * from ${bench.t}`)).toBe(UNKNOWN);
  });
});

describe('ATTACH TABLE', () => {
  it('makes the schema, replaces an attached table, and leaves an ordinary one alone', async () => {
    await bench.plainTable();
    const name = `main.new_schema_${bench.table}.t`;
    await bench.attach(bench.folder.path, name);
    const other = await DeltaDirectory.create();
    await other.commit(0, [protocol(), metadata([ID, NAME])]);
    expect(await bench.attach(other.path, name)).toEqual([{ version: 0n }]);
    expect(await bench.rows(name)).toEqual([]);
    await lake.sql(`create table ${bench.t} (id int) using delta`);
    expect(await lake.failure(bench.attachment())).toBe('TABLE_OR_VIEW_ALREADY_EXISTS 42P07');
    expect(await lake.value(`select count(*) from ${bench.t}`)).toBe(0n);
    await other.remove();
  });

  it('refuses a place without a Delta table, a relative path and more than it knows', async () => {
    const missing = 'DELTA_MISSING_DELTA_TABLE 42P01';
    expect(await lake.failure(bench.attachment(join(bench.folder.path, 'nowhere')))).toBe(missing);
    expect(await lake.failure(bench.attachment())).toBe(missing);
    await bench.plainTable();
    expect(await lake.failure(bench.attachment(join(bench.folder.path, 'part-1.parquet')))).toBe(missing);
    expect(await lake.failure(bench.attachment('table'))).toBe('UNSUPPORTED_FEATURE 0A000');
    expect(await lake.failure(`${bench.attachment()} for ever`)).toBe('PARSE_SYNTAX_ERROR 42601');
    expect(await lake.failure(`attach '${bench.folder.path}'`)).toBe('PARSE_SYNTAX_ERROR 42601');
  });

  it('survives a restart of an engine with a directory, whatever has become of the table', async () => {
    await bench.plainTable();
    const directory = await mkdtemp(join(tmpdir(), 'lakeferry-attached-'));
    const first = await testEngine(directory);
    await first.sql(bench.attachment());
    await first.sql(bench.attachment(bench.folder.path, `${bench.t}_gone`));
    await first.sql(`drop table ${bench.t}_gone`);
    await first.close();
    await bench.folder.commit(1, [await bench.folder.add("select 3 as id, 'c' as name")]);
    const second = await testEngine(directory);
    expect(await second.value(`select count(*) from ${bench.t}`)).toBe(3n);
    expect(await second.failure(`select * from ${bench.t}_gone`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await second.close();
    await truncate(bench.folder.logFile(0), 20);
    const third = await testEngine(directory);
    expect(await third.failure(`select * from ${bench.t}`)).toBe('DELTA_STATE_RECOVER_ERROR XXKDS');
    await third.sql(`drop table ${bench.t}`);
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
    await bench.plainTable();
    await bench.attach();
    const before = await bench.folder.contents();
    const asked = statement.replace('T', bench.t).replace('FILE', join(bench.folder.path, 'part-1.parquet'));
    expect(await lake.failure(asked)).toBe('UNSUPPORTED_FEATURE.TABLE_OPERATION 0A000');
    await expect(lake.sql(asked)).rejects.toThrow(`\`${bench.table}\` is attached`);
    expect(await bench.rows()).toEqual(['1 a', '2 b']);
    expect(await bench.folder.contents()).toEqual(before);
  });

  it('DROP TABLE forgets it and touches no file', async () => {
    await bench.plainTable();
    await bench.attach();
    const before = await bench.folder.contents();
    expect(await lake.failure(`create table ${bench.t} (id int) using delta`)).toBe(
      'TABLE_OR_VIEW_ALREADY_EXISTS 42P07',
    );
    expect(await lake.sql(`create table if not exists ${bench.t} (id int) using delta`)).toEqual([]);
    await lake.sql(`drop table ${bench.t}`);
    expect(await lake.failure(`select * from ${bench.t}`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    expect(await bench.folder.contents()).toEqual(before);
    await lake.sql(`create table ${bench.t} (id int) using delta`);
  });
});
