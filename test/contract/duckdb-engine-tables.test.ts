import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestEngine, testEngine } from '../support/duckdb-engine.ts';
import type { Row } from '../support/engine-session.ts';

let lake: TestEngine;
let number = 0;
/** A table of its own for each test. */
let t = '';

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());
beforeEach(() => {
  number += 1;
  t = `t${number}`;
});

/** `type version id name` of each change, in order of version, id and type. */
async function changes(first: number, last: number, table = t): Promise<string[]> {
  const rows = await lake.sql(
    `select * from table_changes('main.default.${table}', ${first}, ${last}) order by _commit_version, id, _change_type`,
  );
  return rows.map((row) => `${row['_change_type']} ${row['_commit_version']} ${row['id']} ${row['name']}`);
}

async function rows(table = t): Promise<string[]> {
  return (await lake.sql(`select id, name from ${table} order by id`)).map(
    (row) => `${row['id']} ${row['name']}`,
  );
}

async function history(table = t): Promise<string[]> {
  const commits = await lake.sql(`describe history ${table}`);
  return commits.map((row) => `${row['version']} ${row['operation']}`);
}

async function metrics(table = t): Promise<Record<string, string>> {
  const [newest] = await lake.sql(`describe history ${table} limit 1`);
  return JSON.parse(String(newest?.['operationMetrics']));
}

async function create(...names: string[]): Promise<void> {
  await lake.sql(`create table ${t} (id int, name string) using delta`);
  if (names.length === 0) return;
  await lake.sql(
    `insert into ${t} values ${names.map((name, index) => `(${index + 1}, '${name}')`).join(', ')}`,
  );
}

describe('statements that write', () => {
  it('CREATE TABLE is version 0 and changes no row', async () => {
    await create();
    expect(await history()).toEqual(['0 CREATE TABLE']);
    expect(await changes(0, 0)).toEqual([]);
  });

  it('INSERT is one version, with an insert for each row', async () => {
    await create('a', 'b');
    expect(await changes(1, 1)).toEqual(['insert 1 1 a', 'insert 1 2 b']);
    expect(await metrics()).toMatchObject({ numOutputRows: '2' });
  });

  it('INSERT takes a column list in any order and fills the others with their default', async () => {
    await lake.sql(
      `create table ${t} (id int, name string default 'none', at timestamp default current_timestamp())`,
    );
    await lake.sql(`insert into ${t} (id) values (1)`);
    await lake.sql(`insert into ${t} (name, id) values (default, 2), ('x', 3)`);
    expect(await rows()).toEqual(['1 none', '2 none', '3 x']);
    expect(await lake.value(`select count(at) from ${t}`)).toBe(3n);
  });

  it('INSERT of a query reads the table as it was before', async () => {
    await create('a', 'b');
    await lake.sql(`insert into table ${t} select id + 10, name from ${t}`);
    expect(await rows()).toEqual(['1 a', '2 b', '11 a', '12 b']);
  });

  it('INSERT with a wrong number of values is refused', async () => {
    await create();
    expect(await lake.failure(`insert into ${t} values (1)`)).toBe(
      'INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS 21S01',
    );
    expect(await lake.failure(`insert into ${t} select 1, 'a', 3`)).toBe(
      'INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS 21S01',
    );
    expect(await lake.failure(`insert into ${t} (id, id) values (1, 2)`)).toBe('COLUMN_ALREADY_EXISTS 42711');
  });

  it('INSERT OVERWRITE deletes every old row and inserts every new one in one version', async () => {
    await create('a', 'b');
    await lake.sql(`insert overwrite ${t} select id, name from ${t} where id = 2 union all select 3, 'c'`);
    expect(await changes(2, 2)).toEqual(['delete 2 1 a', 'delete 2 2 b', 'insert 2 2 b', 'insert 2 3 c']);
    expect(await rows()).toEqual(['2 b', '3 c']);
  });

  it('UPDATE gives a pre- and a postimage for each row it touches, also where nothing differs', async () => {
    await create('a', 'b', 'c');
    await lake.sql(`update ${t} set name = 'b' where id < 3`);
    expect(await changes(2, 2)).toEqual([
      'update_postimage 2 1 b',
      'update_preimage 2 1 a',
      'update_postimage 2 2 b',
      'update_preimage 2 2 b',
    ]);
    expect(await metrics()).toMatchObject({ numUpdatedRows: '2' });
  });

  it('UPDATE of a key gives a preimage under the old key and a postimage under the new one', async () => {
    await create('a');
    await lake.sql(`update ${t} as x set x.id = x.id + 8`);
    expect(await changes(2, 2)).toEqual(['update_preimage 2 1 a', 'update_postimage 2 9 a']);
  });

  it('UPDATE evaluates all of its values on the old row, and subqueries on the old table', async () => {
    await create('a', 'b');
    await lake.sql(
      `update ${t} set id = id + 1, name = concat(name, id) where id = (select max(id) from ${t})`,
    );
    expect(await rows()).toEqual(['1 a', '3 b2']);
  });

  it('DELETE gives a delete for each row', async () => {
    await create('a', 'b', 'c');
    const answer = await lake.sql(`delete from ${t} x where x.id in (select id from ${t} where name <> 'b')`);
    expect(answer).toEqual([{ num_affected_rows: 2n }]);
    expect(await changes(2, 2)).toEqual(['delete 2 1 a', 'delete 2 3 c']);
    expect(await metrics()).toMatchObject({ numDeletedRows: '2' });
  });

  it('DELETE and UPDATE that touch no row still are a version', async () => {
    await create('a');
    await lake.sql(`delete from ${t} where id = 9`);
    await lake.sql(`update ${t} set name = 'z' where id is null`);
    expect(await history()).toEqual(['3 UPDATE', '2 DELETE', '1 WRITE', '0 CREATE TABLE']);
    expect(await changes(2, 3)).toEqual([]);
  });

  it('a condition that is not deterministic is refused', async () => {
    await create('a');
    const refused = 'DELTA_NON_DETERMINISTIC_FUNCTION_NOT_SUPPORTED 0AKDC';
    expect(await lake.failure(`update ${t} set id = 2 where (rand() < 0.5)`)).toBe(refused);
    expect(await lake.failure(`delete from ${t} where name = uuid()`)).toBe(refused);
  });

  it('TRUNCATE deletes every row and names no count', async () => {
    await create('a', 'b');
    await lake.sql(`truncate table ${t}`);
    expect(await changes(2, 2)).toEqual(['delete 2 1 a', 'delete 2 2 b']);
    expect(await metrics()).not.toHaveProperty('numDeletedRows');
  });

  it('OPTIMIZE is a version without changes', async () => {
    await create('a');
    await lake.sql(`optimize ${t}`);
    expect(await history()).toEqual(['2 OPTIMIZE', '1 WRITE', '0 CREATE TABLE']);
    expect(await changes(2, 2)).toEqual([]);
  });

  it('a statement that fails changes nothing and takes no version', async () => {
    await create('1', '2');
    expect(await lake.failure(`update ${t} set id = cast(concat(name, 'x') as int)`)).toBe(
      'CAST_INVALID_INPUT 22018',
    );
    expect(await lake.failure(`insert overwrite ${t} select 1 / (id - 1), name from ${t}`)).toBe(
      'DIVIDE_BY_ZERO 22012',
    );
    expect(await rows()).toEqual(['1 1', '2 2']);
    expect(await history()).toEqual(['1 WRITE', '0 CREATE TABLE']);
    await lake.sql(`delete from ${t} where id = 1`);
    expect(await changes(2, 2)).toEqual(['delete 2 1 1']);
  });

  it('NOT NULL is enforced for INSERT, UPDATE and MERGE', async () => {
    const refused = 'DELTA_NOT_NULL_CONSTRAINT_VIOLATED 23502';
    await lake.sql(`create table ${t} (id int not null, name string)`);
    await lake.sql(`insert into ${t} values (1, 'a')`);
    expect(await lake.failure(`insert into ${t} (name) values ('b')`)).toBe(refused);
    expect(await lake.failure(`update ${t} set id = null`)).toBe(refused);
    expect(
      await lake.failure(
        `merge into ${t} using (select 5 as k) s on id = k when not matched then insert (name) values ('x')`,
      ),
    ).toBe(refused);
    expect(await rows()).toEqual(['1 a']);
  });
});

describe('MERGE', () => {
  it('updates, deletes and inserts by the first clause whose condition holds', async () => {
    await create('a', 'b', 'c', 'd');
    const answer = await lake.sql(`
      merge into ${t} as x using (select * from values (1, 'A'), (2, 'gone'), (3, 'case'), (7, 'new'), (8, 'skip') as v(id, name)) as s
      on x.id = s.id
      when matched and s.name = 'gone' then delete
      when matched and case when s.name = 'case' then true else false end then update set name = case when true then 'C' end
      when matched then update set *
      when not matched and s.name <> 'skip' then insert *
      when not matched by source and x.id = 4 then update set name = concat(x.name, '!')`);
    expect(answer).toEqual([
      { num_affected_rows: 5n, num_updated_rows: 3n, num_deleted_rows: 1n, num_inserted_rows: 1n },
    ]);
    expect(await rows()).toEqual(['1 A', '3 C', '4 d!', '7 new']);
    expect(await changes(2, 2)).toEqual([
      'update_postimage 2 1 A',
      'update_preimage 2 1 a',
      'delete 2 2 b',
      'update_postimage 2 3 C',
      'update_preimage 2 3 c',
      'update_postimage 2 4 d!',
      'update_preimage 2 4 d',
      'insert 2 7 new',
    ]);
    expect(await metrics()).toMatchObject({
      numTargetRowsInserted: '1',
      numTargetRowsUpdated: '3',
      numTargetRowsDeleted: '1',
    });
  });

  it('takes a table as its source, under its own name', async () => {
    await create('a');
    await lake.sql(`create table ${t}_source as select * from values (1, 'z'), (2, 'y') as v(id, name)`);
    await lake.sql(`merge into ${t} using ${t}_source on ${t}.id = ${t}_source.id
      when matched then update set name = ${t}_source.name when not matched then insert (id, name) values (id, name)
      when not matched by source then delete`);
    expect(await rows()).toEqual(['1 z', '2 y']);
  });

  it('refuses two source rows for one target row, unless all that happens is a delete', async () => {
    await create('a');
    const twice = `(select * from values (1, 'x'), (1, 'y') as v(id, name)) s on ${t}.id = s.id`;
    expect(
      await lake.failure(`merge into ${t} using ${twice} when matched then update set name = s.name`),
    ).toBe('DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE 21506');
    await lake.sql(`merge into ${t} using ${twice} when matched then delete`);
    expect(await changes(2, 2)).toEqual(['delete 2 1 a']);
  });

  it('works again after it failed', async () => {
    await create('a');
    const bad = `merge into ${t} using (select 1 as id) s on ${t}.id = s.id when matched then update set id = 1 / 0`;
    expect(await lake.failure(bad)).toBe('DIVIDE_BY_ZERO 22012');
    await lake.sql(`merge into ${t} using (select 1 as id) s on ${t}.id = s.id when matched then delete`);
    expect(await rows()).toEqual([]);
  });
});

describe('identity and time travel', () => {
  const detail = async (): Promise<Row> => (await lake.sql(`describe detail ${t}`))[0] as Row;

  it('DROP and CREATE give a new id and versions from 0', async () => {
    await create('a');
    const { id } = await detail();
    await lake.sql(`drop table ${t}`);
    expect(await lake.failure(`select * from ${t}`)).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await create();
    expect((await detail())['id']).not.toBe(id);
    expect(await history()).toEqual(['0 CREATE TABLE']);
  });

  it('CREATE OR REPLACE AS continues the versions with a new id, deletes the old rows and inserts the new', async () => {
    await create('a');
    const { id } = await detail();
    await lake.sql(`create or replace table ${t} as select id, name from ${t} union all select 5, 'e'`);
    expect((await detail())['id']).not.toBe(id);
    expect(await history()).toEqual(['2 CREATE OR REPLACE TABLE AS SELECT', '1 WRITE', '0 CREATE TABLE']);
    expect(await changes(1, 2)).toEqual(['insert 1 1 a', 'delete 2 1 a', 'insert 2 1 a', 'insert 2 5 e']);
  });

  it('a version can be read as it was, by VERSION AS OF and by @v', async () => {
    await create('a');
    await lake.sql(`update ${t} set name = 'b'`);
    await lake.sql(`delete from ${t}`);
    const at = (version: number) => lake.sql(`select name from main.default.${t} version as of ${version}`);
    expect(await at(0)).toEqual([]);
    expect(await at(1)).toEqual([{ name: 'a' }]);
    expect(await at(2)).toEqual([{ name: 'b' }]);
    expect(await at(3)).toEqual([]);
    expect(
      await lake.sql(`select x.name from \`${t}\`@v2 as x join ${t} for version as of 1 as y on x.id = y.id`),
    ).toEqual([{ name: 'b' }]);
    expect(await lake.failure(`select * from ${t} version as of 4`)).toBe('DELTA_VERSION_NOT_FOUND 22003');
  });

  it('RESTORE brings rows and columns back in an ordinary version', async () => {
    await create('a', 'b');
    await lake.sql(`update ${t} set name = 'B' where id = 2`);
    await lake.sql(`alter table ${t} add column extra int`);
    await lake.sql(`restore table ${t} to version as of 1`);
    expect(await rows()).toEqual(['1 a', '2 b']);
    expect(await lake.sql(`describe ${t}`)).toHaveLength(2);
    const restored = await lake.sql(`select * from table_changes('${t}', 4, 4) order by _change_type`);
    expect(restored.map((row) => `${row['_change_type']} ${row['name']}`)).toEqual(['delete B', 'insert b']);
    expect(await lake.failure(`restore table ${t} to version as of 9`)).toBe('DELTA_VERSION_NOT_FOUND 22003');
  });

  it('VACUUM RETAIN 0 HOURS keeps the newest version and the feed after it only', async () => {
    await create('a', 'b');
    await lake.sql(`delete from ${t} where id = 1`);
    await lake.sql(`vacuum ${t} retain 0 hours`);
    const gone = 'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION 42KD9';
    expect(await lake.failure(`select * from ${t} version as of 1`)).toBe(gone);
    expect(await lake.failure(`select * from table_changes('${t}', 2)`)).toBe(gone);
    expect(await lake.failure(`restore ${t} to version as of 1`)).toBe(gone);
    await lake.sql(`insert into ${t} values (3, 'c')`);
    expect(await rows()).toEqual(['2 b', '3 c']);
    expect(await changes(3, 5)).toEqual(['insert 5 3 c']);
    expect(await lake.value(`select count(*) from ${t} version as of 2`)).toBe(1n);
  });

  it('a table made by a query gets its columns and is version 0', async () => {
    await lake.sql(`create table ${t} as select id, concat('n', id) as name, id / 2 as half from range(3)`);
    expect(await history()).toEqual(['0 CREATE TABLE AS SELECT']);
    expect(await changes(0, 0)).toEqual(['insert 0 0 n0', 'insert 0 1 n1', 'insert 0 2 n2']);
    expect((await lake.sql(`describe ${t}`)).map((row) => `${row['col_name']} ${row['data_type']}`)).toEqual([
      'id bigint',
      'name string',
      'half double',
    ]);
  });
});

describe('the change feed', () => {
  it('is inclusive at both ends and runs to the latest version without an end', async () => {
    await create();
    for (const id of [1, 2, 3]) await lake.sql(`insert into ${t} values (${id}, 'n')`);
    expect(await changes(2, 2)).toEqual(['insert 2 2 n']);
    expect(await lake.value(`select count(*) from table_changes('${t}', 2)`)).toBe(2n);
  });

  it('gives the commit time of each version as its history does', async () => {
    await create('a');
    const [committed] = await lake.sql(
      `select distinct _commit_timestamp as at from table_changes('${t}', 1, 1)`,
    );
    const [newest] = await lake.sql(`describe history ${t} limit 1`);
    expect(committed?.['at']).toBe(newest?.['timestamp']);
  });

  it('takes a name of backticked parts', async () => {
    await lake.sql(`create schema if not exists \`odd schema\``);
    await lake.sql('create table main.`odd schema`.`my-table` as select 1 as `a b`');
    expect(
      await lake.sql("select `a b`, _change_type from table_changes('`main`.`odd schema`.`my-table`', 0, 0)"),
    ).toEqual([{ 'a b': 1, _change_type: 'insert' }]);
  });

  it('refuses ranges that it does not have', async () => {
    await create('a');
    expect(await lake.failure(`select * from table_changes('${t}', 2)`)).toBe(
      'DELTA_CDC_START_VERSION_AFTER_LATEST 22003',
    );
    expect(await lake.failure(`select * from table_changes('${t}', 1, 0)`)).toBe(
      'DELTA_INVALID_CDC_RANGE 22003',
    );
    expect(await lake.failure(`select * from table_changes('${t}', 0, 2)`)).toBe(
      'DELTA_VERSION_NOT_FOUND 22003',
    );
    expect(await lake.failure(`select * from table_changes('nowhere.at.all', 0)`)).toBe(
      'TABLE_OR_VIEW_NOT_FOUND 42P01',
    );
  });

  it('knows in which versions it was on', async () => {
    await create('a');
    await lake.sql(`alter table ${t} set tblproperties (delta.enableChangeDataFeed = false)`);
    await lake.sql(`insert into ${t} values (2, 'b')`);
    await lake.sql(`alter table ${t} set tblproperties ('delta.enableChangeDataFeed' = 'true')`);
    await lake.sql(`insert into ${t} values (3, 'c')`);
    const off = 'DELTA_MISSING_CHANGE_DATA KD002';
    expect(await changes(0, 1)).toEqual(['insert 1 1 a']);
    expect(await lake.failure(`select * from table_changes('${t}', 1, 2)`)).toBe(off);
    expect(await lake.failure(`select * from table_changes('${t}', 3, 5)`)).toBe(off);
    expect(await changes(4, 5)).toEqual(['insert 5 3 c']);
    expect(await rows()).toEqual(['1 a', '2 b', '3 c']);
  });

  it('bridges added columns, with NULL for older rows', async () => {
    await create('a');
    await lake.sql(`alter table ${t} add columns (extra string comment 'more', again array<int>)`);
    await lake.sql(`insert into ${t} values (2, 'b', 'x', array(1))`);
    const feed = await lake.sql(`select id, extra, again from table_changes('${t}', 0, 3) order by id`);
    expect(feed).toEqual([
      { id: 1, extra: null, again: null },
      { id: 2, extra: 'x', again: '[1]' },
    ]);
  });

  it.each([
    ['rename column name to title', 'RENAME COLUMN', { oldColumnPath: 'name', newColumnPath: 'title' }],
    ['drop column name', 'DROP COLUMNS', { columns: '["name"]' }],
  ])('stops at "%s", and says in the history what it did', async (change, operation, parameters) => {
    await create('a');
    await lake.sql(`alter table ${t} ${change}`);
    expect((await history())[0]).toBe(`2 ${operation}`);
    const [newest] = await lake.sql(`describe history ${t} limit 1`);
    expect(JSON.parse(String(newest?.['operationParameters']))).toEqual(parameters);
    expect(await lake.failure(`select * from table_changes('${t}', 1, 2)`)).toBe(
      'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE 0AKDC',
    );
    expect(await changes(0, 1)).toEqual(['insert 1 1 a']);
    expect(await lake.sql(`select id from table_changes('${t}', 2, 2)`)).toEqual([]);
  });

  it('stops at a REPLACE that gives a column another type', async () => {
    await create('a');
    await lake.sql(`create or replace table ${t} as select cast(1 as bigint) as id, 'z' as name`);
    expect(await lake.failure(`select * from table_changes('${t}', 1, 2)`)).toBe(
      'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE 0AKDC',
    );
    expect(await lake.value(`select id from ${t}`)).toBe(1n);
    expect(await lake.value(`select id from ${t} version as of 1`)).toBe(1);
  });
});

describe('DESCRIBE and SHOW', () => {
  it('DESCRIBE HISTORY has Delta’s columns, newest first, and a limit', async () => {
    await create('a');
    const columns = await lake.columns(`describe history ${t}`);
    expect(columns.map(({ name }) => name)).toEqual([
      'version',
      'timestamp',
      'userId',
      'userName',
      'operation',
      'operationParameters',
      'job',
      'notebook',
      'clusterId',
      'readVersion',
      'isolationLevel',
      'isBlindAppend',
      'operationMetrics',
      'userMetadata',
      'engineInfo',
    ]);
    const newest = await lake.sql(`desc history ${t} limit 1`);
    expect(newest).toHaveLength(1);
    expect(newest[0]).toMatchObject({ version: 1n, readVersion: 0n, isBlindAppend: true });
  });

  it('DESCRIBE TABLE and DETAIL show comments and properties', async () => {
    await lake.sql(`create table ${t} (id bigint comment 'the key', \`a b\` decimal(38, 4)) using delta
      partitioned by (id) tblproperties ('x.y' = 'z', delta.enableChangeDataFeed = true) comment 'a table'`);
    expect(await lake.sql(`describe table ${t}`)).toEqual([
      { col_name: 'id', data_type: 'bigint', comment: 'the key' },
      { col_name: 'a b', data_type: 'decimal(38,4)', comment: null },
    ]);
    const [detail] = await lake.sql(`describe detail ${t}`);
    expect(detail).toMatchObject({
      format: 'delta',
      name: `main.default.${t}`,
      description: 'a table',
      numFiles: 0n,
    });
    expect(JSON.parse(String(detail?.['properties']))).toEqual({
      'x.y': 'z',
      'delta.enableChangeDataFeed': 'true',
    });
  });

  it('SHOW lists tables and schemas of a namespace', async () => {
    await lake.sql('create catalog if not exists shop');
    await lake.sql('create schema shop.gold');
    await lake.sql('create table shop.gold.orders (id int)');
    expect(await lake.sql('show tables in shop.gold')).toEqual([
      { database: 'gold', tableName: 'orders', isTemporary: false },
    ]);
    expect(await lake.sql('show schemas in shop')).toEqual([
      { databaseName: 'default' },
      { databaseName: 'gold' },
    ]);
  });
});
