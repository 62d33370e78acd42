import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { WarehouseEngine } from '../../src/local/warehouse/engine.ts';
import { openSparkEngine } from '../../src/local/warehouse/spark/engine.ts';
import type { SparkAddress } from '../../src/local/warehouse/spark/process.ts';
import { type TestSession, testSession } from '../support/engine-session.ts';

let spark: SparkAddress;
let folder: string;
let engine: WarehouseEngine;
let session: TestSession;

beforeAll(async () => {
  const running = inject('spark');
  if (!running) throw new Error('This suite needs Spark: npm run test:lakehouse');
  spark = running;
  folder = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-engine-'));
  engine = await openSparkEngine({ spark, directory: path.join(folder, 'tables') });
  session = testSession(await engine.openSession());
});
afterAll(async () => {
  await session?.close();
  await engine?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a result', () => {
  it('has every type in the form that the front expects', async () => {
    const rows = await session.sql(`select true as bool, 1Y as tiny, 2S as small, 3 as whole, 4L as large,
      cast(1.5 as float) as single, double('NaN') as double, cast('-0.000000000000000001' as decimal(38,18)) as exact,
      'x' as words, X'00FF' as bytes, date'0001-01-01' as day, timestamp'1582-10-04 23:59:59.999999' as instant,
      timestamp_ntz'9999-12-31 23:59:59.999999' as local, array(1, null) as list, map(1, 'a') as pairs,
      named_struct('a', cast(null as int), 'b', array('c')) as parts, parse_json('{"a": [1, "b"]}') as any, null as nothing`);
    expect(rows).toEqual([
      {
        bool: true,
        tiny: 1,
        small: 2,
        whole: 3,
        large: 4n,
        single: 1.5,
        double: Number.NaN,
        exact: '-0.000000000000000001',
        words: 'x',
        bytes: '00ff',
        day: -719_162,
        instant: -12_220_156_800_000_001n,
        local: 253_402_300_799_999_999n,
        list: '[1,null]',
        pairs: '{"1":"a"}',
        parts: '{"a":null,"b":["c"]}',
        any: '{"a":[1,"b"]}',
        nothing: null,
      },
    ]);
  });

  it('keeps its order and all of its rows over many batches', async () => {
    const rows = await session.sql('select id from range(25000) order by id desc');
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 25_000 }, (_, at) => BigInt(24_999 - at)));
  });

  it('may have two columns of one name, or none', async () => {
    expect(await session.columns('select 1 as a, 2 as a')).toEqual([
      { name: 'a', type: 'int' },
      { name: 'a', type: 'int' },
    ]);
    expect(await session.sql('create schema main.nothing')).toEqual([]);
  });
});

describe('a statement', () => {
  it('is stopped when its caller gives up, and the session goes on', async () => {
    const raw = await engine.openSession();
    const giveUp = new AbortController();
    const endless = raw.execute(
      'select count(*) from range(100000000000) where id % 7 = rand()',
      giveUp.signal,
    );
    giveUp.abort();
    await expect(endless).rejects.toMatchObject({ errorClass: 'OPERATION_CANCELED' });
    expect(await testSession(raw).value('select 1')).toBe(1);
    await raw.close();
  });

  it('ends at the time limit of its session', async () => {
    const limited = testSession(await engine.openSession());
    await limited.sql('set STATEMENT_TIMEOUT = 1');
    expect(await limited.failure('select count(*) from range(100000000000) where id % 7 = rand()')).toBe(
      'STATEMENT_TIMEOUT 57KD0',
    );
    await limited.close();
  });

  it.each([
    ['selec 1', 'PARSE_SYNTAX_ERROR 42601'],
    ['select nope', 'UNRESOLVED_COLUMN.WITHOUT_SUGGESTION 42703'],
    ['select * from main.default.nope', 'TABLE_OR_VIEW_NOT_FOUND 42P01'],
    ['select * from main.nope.nope', 'TABLE_OR_VIEW_NOT_FOUND 42P01'],
    ['select * from elsewhere.default.nope', 'NO_SUCH_CATALOG_EXCEPTION 42704'],
    ["select cast('x' as int)", 'CAST_INVALID_INPUT 22018'],
    ['select 1 / 0', 'DIVIDE_BY_ZERO 22012'],
    ["select raise_error('of a task') from range(3)", 'USER_RAISED_EXCEPTION P0001'],
  ])('fails with the error class of Spark: %s', async (statement, failure) => {
    expect(await session.failure(statement)).toBe(failure);
  });

  it('that asks the change feed for versions to come is refused, as on Databricks', async () => {
    await session.sql('create table main.default.feed (id int) using delta');
    await session.sql('insert into main.default.feed values (1)');
    const changes = (last: number) =>
      `select count(*) from table_changes('\`main\`.\`default\`.\`feed\`', 0, ${last})`;
    expect(await session.value(changes(1))).toBe(1n);
    expect(await session.failure(changes(2))).toBe('DELTA_VERSION_NOT_FOUND 22003');
  });
});

describe('a session', () => {
  it('has settings of its own', async () => {
    const [one, other] = await Promise.all([engine.openSession(), engine.openSession()]).then((both) =>
      both.map(testSession),
    );
    await one?.sql("set time zone 'Asia/Kolkata'");
    expect(await one?.value('select current_timezone()')).toBe('Asia/Kolkata');
    expect(await other?.value('select current_timezone()')).toBe('UTC');
    await Promise.all([one?.close(), other?.close()]);
  });

  it('runs statements beside each other', async () => {
    const raw = testSession(await engine.openSession());
    const values = await Promise.all(
      [1, 2, 3, 4].map((n) => raw.value(`select sum(id) + ${n} from range(1000)`)),
    );
    expect(values).toEqual([499_501n, 499_502n, 499_503n, 499_504n]);
    await raw.close();
  });
});

describe('a warehouse', () => {
  it('has tables of its own, under each of its catalogs', async () => {
    const other = await openSparkEngine({ spark, directory: path.join(folder, 'other') });
    const there = testSession(await other.openSession());
    for (const [at, name] of [session, there].entries()) {
      await name.sql('create table main.default.mine (id int) using delta');
      await name.sql(`insert into main.default.mine values (${at})`);
    }
    expect(await session.value('select id from hive_metastore.default.mine')).toBe(0);
    expect(await there.value('select id from spark_catalog.default.mine')).toBe(1);
    await there.close();
    await other.close();
  });

  it('finds its tables again, and DROP TABLE still removes their files', async () => {
    const directory = path.join(folder, 'kept');
    const before = await openSparkEngine({ spark, directory });
    const first = testSession(await before.openSession());
    await first.sql('create schema main.shop');
    await first.sql('create table main.shop.kept (id int) using delta');
    await first.sql('create table main.default.plain (id int) using delta');
    await first.sql('insert into main.shop.kept values (7)');
    await first.close();
    await before.close();

    const after = await openSparkEngine({ spark, directory });
    const second = testSession(await after.openSession());
    expect(await second.value('select id from main.shop.kept version as of 1')).toBe(7);
    expect(await second.value('select count(*) from main.default.plain')).toBe(0n);
    await second.sql('drop table main.shop.kept');
    expect(await readdir(path.join(directory, 'shop.db'))).toEqual([]);
    await second.close();
    await after.close();
  });

  it('reads a file of its user into a table, and again over it in one more commit', async () => {
    const file = path.join(folder, "o'hara.csv");
    await writeFile(file, 'id,name\n1,a\n2,"b,c"\n');
    const load = `load file '${file.replaceAll("'", "\\'")}' into table \`main\`.\`loaded\`.\`people\``;
    expect(await session.sql(load)).toEqual([{ rows: 2n, version: 0n }]);
    expect(await session.sql(load)).toEqual([{ rows: 2n, version: 1n }]);
    expect(
      await session.sql(
        "select id, name, _change_type from table_changes('main.loaded.people', 1, 1) order by all",
      ),
    ).toEqual([
      { id: 1, name: 'a', _change_type: 'delete' },
      { id: 1, name: 'a', _change_type: 'insert' },
      { id: 2, name: 'b,c', _change_type: 'delete' },
      { id: 2, name: 'b,c', _change_type: 'insert' },
    ]);
    expect(await session.failure(load.replace('.csv', '.gone.csv'))).toBe('PATH_NOT_FOUND 42K03');
    expect(await session.failure(load.replace('.csv', '.xlsx'))).toBe('UNSUPPORTED_FILE 0A000');
  });
});

describe('an attached table', () => {
  let location: string;

  beforeAll(async () => {
    await session.sql('create table main.default.theirs (id int) using delta');
    await session.sql('insert into main.default.theirs values (1)');
    location = path.join(folder, 'tables', 'theirs');
  });

  it('shows what its writers commit, is never written to, and is forgotten by DROP TABLE', async () => {
    const attach = `attach table main.others.view location '${location}'`;
    expect(await session.sql(attach)).toEqual([{ version: 1n }]);
    await session.sql('insert into main.default.theirs values (2)');
    expect(await session.value('select count(*) from main.others.view')).toBe(2n);
    for (const write of [
      'insert into main.others.view values (3)',
      'INSERT OVERWRITE TABLE `others`.`view` values (3)',
      'update others.view set id = 4',
      'delete from main.others.view',
      'merge into main.others.view using (select 1 as id) as s on true when matched then delete',
      'truncate table main.others.view',
      'alter table main.others.view add column more int',
      'optimize main.others.view',
      'vacuum main.others.view',
      'restore table main.others.view to version as of 0',
      'create or replace table main.others.view (id int) using delta',
    ]) {
      expect(await session.failure(write)).toBe('UNSUPPORTED_FEATURE.TABLE_OPERATION 0A000');
    }
    expect(await session.sql(attach)).toEqual([{ version: 2n }]);
    await session.sql('drop table main.others.view');
    expect(await session.value('select count(*) from main.default.theirs')).toBe(2n);
  });

  it('is there again at the next start', async () => {
    const directory = path.join(folder, 'attaching');
    const before = await openSparkEngine({ spark, directory });
    const first = testSession(await before.openSession());
    await first.sql(`attach table main.others.view location '${location}'`);
    await first.close();
    await before.close();
    const after = await openSparkEngine({ spark, directory });
    const second = testSession(await after.openSession());
    expect(await second.value('select count(*) from main.others.view')).toBe(2n);
    expect(await second.failure('delete from main.others.view')).toBe(
      'UNSUPPORTED_FEATURE.TABLE_OPERATION 0A000',
    );
    await second.close();
    await after.close();
  });

  it('may be gone at the next start: the others are there, and nothing is made in its place', async () => {
    const directory = path.join(folder, 'detached');
    const [theirs, moved] = [path.join(folder, 'theirs'), path.join(folder, 'moved')];
    await cp(location, theirs, { recursive: true });
    const open = async () => {
      const engine = await openSparkEngine({ spark, directory });
      return { engine, session: testSession(await engine.openSession()) };
    };
    const before = await open();
    await before.session.sql(`attach table main.others.view location '${theirs}'`);
    await before.session.sql('create table main.default.own (id int) using delta');
    await before.session.close();
    await before.engine.close();

    await rename(theirs, moved);
    const without = await open();
    expect(await without.session.value('select count(*) from main.default.own')).toBe(0n);
    expect(await without.session.failure('select * from main.others.view')).toBe(
      'TABLE_OR_VIEW_NOT_FOUND 42P01',
    );
    expect(existsSync(theirs)).toBe(false);
    await without.session.close();
    await without.engine.close();

    await rename(moved, theirs);
    const back = await open();
    expect(await back.session.value('select count(*) from main.others.view')).toBe(2n);
    await back.session.close();
    await back.engine.close();
  });

  it('must be a Delta table', async () => {
    expect(await session.failure(`attach table main.others.none location '${folder}'`)).toBe(
      'DELTA_MISSING_DELTA_TABLE 42P01',
    );
  });

  it('does not take the place of a table that was written here', async () => {
    expect(await session.failure(`attach table main.default.feed location '${location}'`)).toBe(
      'TABLE_OR_VIEW_ALREADY_EXISTS 42P07',
    );
  });
});

it('answers nobody who lacks the token', async () => {
  const socket = connect(spark.port, '127.0.0.1');
  socket.end(`${JSON.stringify({ token: 'guessed', do: 'open_warehouse', directory: folder })}\n`);
  expect(await text(socket)).toBe('');
});

it('reports a Spark that is gone', async () => {
  const gone = openSparkEngine({ spark: { ...spark, port: 1 }, directory: folder });
  await expect(gone).rejects.toMatchObject({ errorClass: 'INTERNAL_ERROR' });
});
