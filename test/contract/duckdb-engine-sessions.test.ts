import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_NAMESPACE } from '../../src/local/warehouse/duckdb/catalog.ts';
import { Database } from '../../src/local/warehouse/duckdb/database.ts';
import { runStatement } from '../../src/local/warehouse/duckdb/statement.ts';
import { CurrentTables } from '../../src/local/warehouse/duckdb/statement-context.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { type TestEngine, testEngine } from '../support/duckdb-engine.ts';
import { NO_SIGNAL } from '../support/engine-session.ts';

let lake: TestEngine;

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());

describe('names', () => {
  it('one, two and three parts resolve with the session’s catalog and schema, in any case', async () => {
    await lake.sql('create schema if not exists names');
    await lake.sql('create table main.names.T1 as select 1 as a');
    const session = await lake.session();
    expect(await session.failure('select * from t1')).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await session.sql('use names');
    expect(await session.value('select a from T1')).toBe(1);
    await session.sql('use catalog hive_metastore');
    expect(await session.failure('select * from names.t1')).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await session.sql('use main.names');
    expect(
      await session.sql('select current_catalog() as c, current_schema() as s, t1.a from names.t1'),
    ).toEqual([{ c: 'main', s: 'names', a: 1 }]);
    await session.close();
  });

  it('what one session sets does not show in another', async () => {
    const [one, other] = [await lake.session(), await lake.session()];
    await one.sql('use catalog hive_metastore');
    expect(await other.value('select current_catalog() as c')).toBe('main');
    await Promise.all([one.close(), other.close()]);
  });

  it.each([
    ['use schema nowhere', 'SCHEMA_NOT_FOUND 42704'],
    ['use catalog nowhere', 'NO_SUCH_CATALOG_EXCEPTION 42704'],
    ['create table nowhere.t (a int)', 'SCHEMA_NOT_FOUND 42704'],
    ['create schema main.default', 'SCHEMA_ALREADY_EXISTS 42P06'],
    ['create table errors_t (a int)', 'TABLE_OR_VIEW_ALREADY_EXISTS 42P07'],
    ['create table errors_u (a int, A string)', 'COLUMN_ALREADY_EXISTS 42711'],
    ['create table errors_u as select 1 as a, 2 as a', 'COLUMN_ALREADY_EXISTS 42711'],
    ['create table errors_u (a int) using parquet', 'UNSUPPORTED_FEATURE 0A000'],
    ['alter table errors_t add column a int', 'COLUMN_ALREADY_EXISTS 42711'],
    ['alter table errors_t add column b int not null', 'DELTA_ADDING_COLUMN_WITH_NOT_NULL 42K09'],
    ['drop table errors_u', 'TABLE_OR_VIEW_NOT_FOUND 42P01'],
    ['insert into errors_t (b) values (1)', 'UNRESOLVED_COLUMN.WITH_SUGGESTION 42703'],
    ['update errors_t set b = 1', 'UNRESOLVED_COLUMN.WITH_SUGGESTION 42703'],
    ['delete from errors_t where b = 1', 'UNRESOLVED_COLUMN.WITH_SUGGESTION 42703'],
    ['select x.a from errors_t as y', 'UNRESOLVED_COLUMN.WITH_SUGGESTION 42703'],
    ['select a from errors_t as x, errors_t as y', 'AMBIGUOUS_REFERENCE 42704'],
    ['select a, count(*) from errors_t', 'MISSING_AGGREGATION 42803'],
    ['select (select id from range(2)) as v', 'SCALAR_SUBQUERY_TOO_MANY_ROWS 21000'],
    ['select 1 / 0', 'DIVIDE_BY_ZERO 22012'],
    ['select 1 % 0', 'REMAINDER_BY_ZERO 22012'],
    ['select 9223372036854775807 + 1', 'ARITHMETIC_OVERFLOW 22003'],
    ["select raise_error('stop')", 'USER_RAISED_EXCEPTION P0001'],
    ['select * from errors_t timestamp as of "2024-01-01"', 'UNSUPPORTED_FEATURE 0A000'],
    ['select * from a.b.c.d', 'UNSUPPORTED_FEATURE 0A000'],
    ['explain select 1', 'UNSUPPORTED_FEATURE 0A000'],
    ['create view v as select 1', 'UNSUPPORTED_FEATURE 0A000'],
    ['set time zone "Europe/Zurich"', 'UNSUPPORTED_FEATURE 0A000'],
    ['set ansi_mode = false', 'UNSUPPORTED_FEATURE 0A000'],
    ['set legacy_time_parser_policy = legacy', 'UNSUPPORTED_FEATURE 0A000'],
    ['set nonsense = 1', 'CONFIG_NOT_AVAILABLE 42K0I'],
    ['set statement_timeout = x', 'INVALID_CONF_VALUE 22022'],
    ['select 1; select 2', 'UNSUPPORTED_FEATURE 0A000'],
  ])('%s: %s', async (statement, failure) => {
    await lake.sql('create table if not exists errors_t (a int)');
    expect(await lake.failure(statement)).toBe(failure);
  });

  it('what must not be there twice can be made IF NOT EXISTS, and dropped IF EXISTS', async () => {
    await lake.sql('create table if not exists twice (a int)');
    await lake.sql('create table if not exists twice (b string)');
    expect(await lake.sql('describe history twice')).toHaveLength(1);
    await lake.sql('drop table if exists twice');
    await lake.sql('drop table if exists twice');
    await lake.sql('create schema if not exists twice');
    expect(await lake.failure('drop schema nowhere')).toBe('SCHEMA_NOT_FOUND 42704');
    await lake.sql('drop schema if exists twice');
  });

  it('SET takes the zone UTC and a statement timeout', async () => {
    const session = await lake.session();
    await session.sql("set time zone 'UTC'");
    await session.sql('set timezone = UTC');
    await session.sql('set statement_timeout = 1');
    expect(
      await session.failure(
        'select count(*) from range(100000000) a, range(100000000) b where a.id * b.id = 7',
      ),
    ).toBe('STATEMENT_TIMEOUT 57KD0');
    await session.sql('set statement_timeout = 0');
    expect(await session.value('select 1')).toBe(1);
    await session.close();
  });
});

describe('many at once', () => {
  it('writers of several sessions take turns, and no version is lost', async () => {
    await lake.sql('create table many (id int)');
    const sessions = await Promise.all(Array.from({ length: 8 }, () => lake.session()));
    await Promise.all(
      sessions.flatMap((session, at) =>
        [0, 1, 2].map((n) => session.sql(`insert into many values (${at * 3 + n})`)),
      ),
    );
    expect(await lake.value('select count(distinct id) from many')).toBe(24n);
    const feed = await lake.sql(
      "select count(*) as n, count(distinct _commit_version) as v from table_changes('many', 1, 24)",
    );
    expect(feed).toEqual([{ n: 24n, v: 24n }]);
    await Promise.all(sessions.map((session) => session.close()));
  });

  it('a reader sees whole commits only', async () => {
    await lake.sql('create table whole as select id, 0 as v from range(500)');
    const writer = await lake.session();
    let done = false;
    const writing = (async () => {
      for (let round = 1; round <= 15; round += 1) await writer.sql(`update whole set v = ${round}`);
      done = true;
    })();
    while (!done) {
      const [seen] = await lake.sql('select count(*) as n, count(distinct v) as kinds from whole');
      expect(seen).toEqual({ n: 500n, kinds: 1n });
    }
    await writing;
    await writer.close();
  });

  it('a reader whose rows a VACUUM took away in the meantime gets an error, not fewer rows', async () => {
    const database = await Database.open(undefined, systemClock);
    const context = {
      database,
      connection: await database.connect(),
      session: { namespace: DEFAULT_NAMESPACE, statementTimeoutSeconds: 0 },
      nowMicros: 0n,
    };
    await runStatement(context, 'create table t as select 1 as a');
    await runStatement(context, 'delete from t');
    const [old, feed, newest] = [
      new CurrentTables(context),
      new CurrentTables(context),
      new CurrentTables(context),
    ];
    old.snapshot(['t'], 0n);
    feed.changes(['t'], 0n, undefined);
    newest.snapshot(['t'], undefined);
    await runStatement(context, 'vacuum t retain 0 hours');
    expect(() => old.checkStillKept()).toThrow('BEYOND_DELETED_FILE_RETENTION');
    expect(() => feed.checkStillKept()).toThrow('BEYOND_DELETED_FILE_RETENTION');
    expect(() => newest.checkStillKept()).not.toThrow();
    context.connection.close();
    await database.close();
  });

  it('a statement that waits or runs stops whenever its signal aborts, and leaves the session usable', async () => {
    await lake.sql('create table stopped as select id from range(1000)');
    const canceled = expect.objectContaining({ errorClass: 'OPERATION_CANCELED', sqlState: 'HY008' });
    const long =
      'insert into stopped select a.id * b.id from range(1000000) a, range(1000000) b where a.id * b.id = -1';
    // The statement has some thirty turns of the event loop behind it before its rows are read.
    for (let turns = 0; turns < 120; turns++) {
      const session = await lake.engine.openSession();
      const controller = new AbortController();
      const running = session.execute(long, controller.signal);
      const waiting = session.execute('delete from stopped', controller.signal);
      const both = Promise.allSettled([running, waiting]);
      for (let turn = 0; turn < turns % 40; turn++) await new Promise(setImmediate);
      controller.abort();
      await both;
      await expect(running).rejects.toThrow(canceled);
      await expect(waiting).rejects.toThrow(canceled);
      const counted = await session.execute('select count(*) as n from stopped', NO_SIGNAL);
      for await (const batch of counted.batches) expect(batch.values).toEqual([[1000n]]);
      await session.close();
    }
    expect(await lake.sql('describe history stopped')).toHaveLength(1);
  });
});

describe('on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lakeferry-duckdb-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('tables, history, feed and namespaces survive close and open', async () => {
    const data = join(directory, 'warehouse');
    const first = await testEngine(data);
    await first.sql('create schema shop');
    await first.sql("create table shop.orders (id int not null comment 'key', name string default 'none')");
    await first.sql("insert into shop.orders values (1, 'a'), (2, 'b')");
    await first.sql('vacuum shop.orders retain 0 hours');
    await first.sql("update shop.orders set name = 'c' where id = 2");
    await first.sql('create table gone (a int)');
    await first.sql('drop table gone');
    const history = await first.sql('describe history shop.orders');
    const detail = await first.sql('describe detail shop.orders');
    await first.close();

    const second = await testEngine(data);
    expect(await second.sql('describe history shop.orders')).toEqual(history);
    expect(await second.sql('describe detail shop.orders')).toEqual(detail);
    expect(
      await second.sql("select id, name, _change_type from table_changes('shop.orders', 4) order by 3"),
    ).toEqual([
      { id: 2, name: 'c', _change_type: 'update_postimage' },
      { id: 2, name: 'b', _change_type: 'update_preimage' },
    ]);
    expect(await second.failure('select * from shop.orders version as of 0')).toContain(
      'BEYOND_DELETED_FILE_RETENTION',
    );
    expect(await second.failure('insert into shop.orders (name) values ("x")')).toContain('NOT_NULL');
    await second.sql('insert into shop.orders (id) values (3)');
    expect(await second.value('select name from shop.orders where id = 3')).toBe('none');
    expect(await second.failure('select * from gone')).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    await second.sql('create table gone (b int)');
    expect(await second.sql('show tables')).toHaveLength(1);
    await second.close();
  });

  it('a directory that another process has open is refused by name', async () => {
    const here = await testEngine(directory);
    const engine = new URL('../../src/local/warehouse/duckdb/engine.ts', import.meta.url).href;
    const script = `import { openDuckDbEngine } from ${JSON.stringify(engine)};
      await openDuckDbEngine({ directory: ${JSON.stringify(directory)} }).catch((error) => console.log(error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toContain('[CONCURRENT_ACCESS] Another process has');
    await here.close();
  });

  describe('loadFile', () => {
    const target = { catalog: 'main', schema: 'loaded', table: 'Rows' };
    let files: TestEngine;
    beforeAll(async () => {
      files = await testEngine();
    });
    afterAll(() => files.close());

    it('reads a CSV with inferred types into a new table, and replaces it by an ordinary commit', async () => {
      const path = join(directory, "it's.csv");
      await writeFile(
        path,
        'id,name,amount,day,at,ok\n1,a,1.5,2024-01-31,2024-01-31 10:00:00,true\n2,"b, c",,,,false\n',
      );
      expect(await files.engine.loadFile(path, target)).toEqual({ rows: 2, version: 0n });
      expect(
        (await files.sql('describe loaded.rows')).map((row) => `${row['col_name']} ${row['data_type']}`),
      ).toEqual(['id bigint', 'name string', 'amount double', 'day date', 'at timestamp_ntz', 'ok boolean']);
      expect(await files.engine.loadFile(path, target)).toEqual({ rows: 2, version: 1n });
      const feed = await files.sql(
        "select _change_type, count(*) as n from table_changes('loaded.rows', 0) group by 1 order by 1",
      );
      expect(feed).toEqual([
        { _change_type: 'delete', n: 2n },
        { _change_type: 'insert', n: 4n },
      ]);
    });

    it('reads JSON, nested values and all', async () => {
      const path = join(directory, 'rows.json');
      await writeFile(
        path,
        '[{"id": 1, "tags": ["x"], "more": {"a": 1.5}}, {"id": 2, "tags": null, "more": null}]',
      );
      expect(await files.engine.loadFile(path, { ...target, table: 'json' })).toEqual({
        rows: 2,
        version: 0n,
      });
      expect(await files.sql('select * from loaded.json order by id')).toEqual([
        { id: 1n, tags: '["x"]', more: '{"a":1.5}' },
        { id: 2n, tags: null, more: null },
      ]);
    });

    it('reads Parquet', async () => {
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const path = join(directory, 'rows.parquet');
      const writer = await (await DuckDBInstance.create(':memory:')).connect();
      await writer.run(
        `copy (select 1::bigint as id, 1.25::decimal(10,2) as d, '\\xAA'::blob as b) to '${path}' (format parquet)`,
      );
      writer.closeSync();
      expect(await files.engine.loadFile(path, { ...target, table: 'parquet' })).toEqual({
        rows: 1,
        version: 0n,
      });
      expect(await files.sql('select * from loaded.parquet')).toEqual([{ id: 1n, d: '1.25', b: 'aa' }]);
    });

    it.each([
      ['missing.csv', undefined, 'PATH_NOT_FOUND'],
      ['rows.xlsx', 'x', 'UNSUPPORTED_FILE_FORMAT'],
      ['broken.parquet', 'not parquet at all', 'FAILED_READ_FILE'],
      ['broken.json', '{"a": ', 'FAILED_READ_FILE'],
    ])('refuses %s clearly, and makes no table', async (name, content, errorClass) => {
      const path = join(directory, name);
      if (content !== undefined) await writeFile(path, content);
      await expect(files.engine.loadFile(path, { ...target, table: 'never' })).rejects.toThrow(
        expect.objectContaining({ errorClass, message: expect.stringContaining(name) }),
      );
      expect(await files.failure('select * from loaded.never')).toBe('TABLE_OR_VIEW_NOT_FOUND 42P01');
    });
  });
});
