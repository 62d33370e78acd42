import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitStatements, type TestEngine, testEngine } from '../support/duckdb-engine.ts';

let lake: TestEngine;

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());

/** The value of an expression without a table. */
const of = (expression: string) => lake.value(`select ${expression} as v`);

const UNSUPPORTED = 'UNSUPPORTED_FEATURE 0A000';
const SYNTAX = 'PARSE_SYNTAX_ERROR 42601';

describe('lexical rules', () => {
  it.each([
    [String.raw`'it\'s'`, "it's"],
    [String.raw`'a\\b\tc\nd'`, 'a\\b\tc\nd'],
    [String.raw`'\u00e4\U0001F600\101'`, 'ä😀A'],
    [String.raw`r'\n'`, '\\n'],
    [`"double" 'single'`, 'doublesingle'],
    [`'it''s'`, "it's"],
    [`'-- no comment' /* a /* nested */ comment */ -- the end`, '-- no comment'],
    [`'a;b'`, 'a;b'],
    ["'a\\0b'", 'a\0b'],
    [`'(unbalanced'`, '(unbalanced'],
  ])('%s is a string literal', async (literal, value) => {
    expect(await of(literal)).toBe(value);
  });

  it('backticks quote any name, and double quotes none', async () => {
    expect(await lake.sql('select 1 as `a "b" ``c`, "x" as `select`')).toEqual([
      { 'a "b" `c': 1, select: 'x' },
    ]);
  });

  it('a name may be a word that DuckDB reserves', async () => {
    expect(await lake.sql('select at + 1 as lambda, unique.at from (select 1 as at) as unique')).toEqual([
      { lambda: 2, at: 1 },
    ]);
  });

  it('an unnamed expression is named by its text', async () => {
    expect(
      (await lake.columns('select distinct count(*), 1 + 1, id, id as x from range(3) group by id')).map(
        (c) => c.name,
      ),
    ).toEqual(['count(*)', '1 + 1', 'id', 'x']);
  });

  it('splits a script at its semicolons only', () => {
    expect(splitStatements("select ';' -- ;\n; ;\nselect `;` /* ; */;")).toEqual([
      "select ';'",
      'select `;`',
    ]);
  });

  it.each([
    "select 'open",
    'select `open',
    'select (1',
    'select 1)',
    'select /* open',
    "select X'0G'",
    'select # 1',
    'selec 1',
    'select 1 from',
    '',
  ])('%s is a syntax error', async (statement) => {
    expect(await lake.failure(statement)).toBe(SYNTAX);
  });
});

describe('expressions', () => {
  it.each<[string, unknown]>([
    ['pmod(-7, 3)', 2],
    ['pmod(7, 3)', 1],
    ['7 div 2', 3],
    ['7 / 2', 3.5],
    ['-7 % 3', -1],
    ["concat('a', 1, true)", 'a1true'],
    ["concat('a', null)", null],
    ["concat_ws('-', 'a', null, 1.50)", 'a-1.50'],
    ["concat(chr(92), 'N', chr(0))", '\\N\0'],
    ["hex(X'0aFF')", '0AFF'],
    ["instr('abc', 'c')", 3n],
    ["length('äb')", 2n],
    ["length(X'0102')", 2n],
    ["replace(replace('a\\tb', chr(9), 'X'), 'a', 'Y')", 'YXb'],
    ["substring('abcdef', 0, 2)", 'ab'],
    ["substring('abc', -5, 3)", 'a'],
    ["substring('abcdef', -3)", 'def'],
    [
      "date_format(timestamp'2020-01-02 03:04:05.000006', 'yyyy-MM-dd HH:mm:ss.SSSSSS')",
      '2020-01-02 03:04:05.000006',
    ],
    ["unix_micros(timestamp'1969-12-31 23:59:59.999999')", -1n],
    ["cast(timestamp'2020-01-01 00:00:00.120' as string)", '2020-01-01 00:00:00.12'],
    ["cast(date'0001-01-01' as string)", '0001-01-01'],
    ["cast(X'C3A4' as string)", 'ä'],
    ['cast(1.7 as int)', 1],
    ['cast(-1.7D as bigint)', -1n],
    ["cast(' 12 ' as int)", 12],
    ["cast('YES' as boolean)", true],
    ["try_cast('1.5' as int)", null],
    ["try_cast('2020-13-01' as date)", null],
    ["cast('Infinity' as double)", Number.POSITIVE_INFINITY],
    ["double('NaN')", Number.NaN],
    ['-0.0D', -0],
    ['1.5BD', '1.5'],
    ['5L', 5n],
    ['-9223372036854775808L', -9223372036854775808n],
    ['99999999999999999999', '99999999999999999999'],
    ["X'0AFF'", '0aff'],
    ['null <=> null', true],
    ['1 == 1', true],
    ["'a_b' like 'a\\_b'", true],
    ["'axb' like 'a\\_b'", false],
    ["if(1 > 2, 'a', 'b')", 'b'],
    ["coalesce(null, nvl(null, 'x'))", 'x'],
    ['greatest(1, null, 3)', 3],
    ['least(2, 1)', 1],
    ['ceil(1.2)', 2n],
    ['floor(-1.2D)', -2n],
    ['typeof(array(1, null))', 'array<int>'],
    [
      "typeof(named_struct('a', 1.5, 'b', map('k', timestamp'2020-01-01 00:00:00')))",
      'struct<a:decimal(2,1),b:map<string,timestamp>>',
    ],
    ['element_at(array(1, 2), -1)', 2],
    ['sort_array(array(2, null, 1))', '[null,1,2]'],
    ["array_join(array('a', null, 'b'), ',')", 'a,b'],
    ["transform(array('a', null), x -> coalesce(concat(x, '!'), 'NULL'))", '["a!","NULL"]'],
    ['filter(array(1, 2, 3), x -> x > 1)', '[2,3]'],
    ['size(sequence(1, 4))', 4n],
    ['struct(1, 2 as b)', '{"col1":1,"b":2}'],
    ["map('k', 1)", '{"k":1}'],
    ["datediff(date'2020-03-01', date'2020-02-01')", 29],
    ["dayofweek(date'2020-01-05')", 1n],
    ["regexp_replace('aXbX', 'X', '-')", 'a-b-'],
    ["date'2020-01-31' = to_date('2020-01-31')", true],
  ])('%s', async (expression, value) => {
    expect(await of(expression)).toEqual(value);
  });

  it('text of a column of any type, also where it is an alias or belongs to an outer query', async () => {
    const t =
      "(select timestamp'2020-01-01 00:00:00.5' as a, 12345678901234567890.12BD as d, X'61' as x, 1e300 as f)";
    expect(
      await lake.sql(
        `select a as b, cast(b as string) as c, cast(d as string) as d, concat(x, f) as x from ${t}`,
      ),
    ).toEqual([
      { b: 1_577_836_800_500_000n, c: '2020-01-01 00:00:00.5', d: '12345678901234567890.12', x: 'a1e+300' },
    ]);
    expect(await lake.value(`select (select cast(o.a as string)) as c from ${t} as o`)).toBe(
      '2020-01-01 00:00:00.5',
    );
    expect(await lake.value('select cast(max(id) as string) as m from range(3)')).toBe('2');
    expect(
      await lake.value('select cast(s.at as string) as m from (select struct(current_date() as at) as s)'),
    ).toMatch(/^20/);
    expect(await lake.failure('select cast(l as string) from (select array(1) as l)')).toBe(UNSUPPORTED);
  });

  it('current_timestamp() is the engine’s clock, the same throughout a statement', async () => {
    const clock = { now: () => Date.UTC(2024, 0, 31, 10) };
    const still = await testEngine(undefined, clock);
    try {
      expect(
        await still.sql(
          "select current_timestamp() as a, now() - interval '10' days as b, current_date() as c",
        ),
      ).toEqual([{ a: 1_706_695_200_000_000n, b: 1_705_831_200_000_000n, c: 19_753 }]);
    } finally {
      await still.close();
    }
  });

  it('xxhash64 takes any number of values of any type, is the same each time, and tells NULLs apart', async () => {
    const many = `xxhash64(${Array.from({ length: 20 }, (_, at) => (at % 2 ? `'${at}'` : at)).join(', ')}, null, X'00', array(1))`;
    const [row] = await lake.sql(
      `select ${many} as a, ${many} as b, xxhash64(null, 'x') as c, xxhash64('x', null) as d`,
    );
    expect(row?.['a']).toBe(row?.['b']);
    expect(typeof row?.['a']).toBe('bigint');
    expect(row?.['c']).not.toBe(row?.['d']);
    expect(row?.['c']).not.toBeNull();
  });

  it('xxhash64 spreads over buckets, negative values included', async () => {
    const buckets = await lake.sql(
      'select pmod(xxhash64(id), 4) as b, count(*) as n, count_if(xxhash64(id) < 0) as negative from range(4000) group by 1 order by 1',
    );
    expect(buckets.map((row) => row['b'])).toEqual([0n, 1n, 2n, 3n]);
    for (const { n, negative } of buckets) {
      expect(Number(n)).toBeGreaterThan(800);
      expect(Number(negative)).toBeGreaterThan(300);
    }
  });

  it('collect_list leaves NULLs out and is empty where nothing is left', async () => {
    const query =
      "select k, collect_list(v) as l, array_join(collect_list(v), '|') as t from values (1, 'a'), (1, null), (2, null) as x(k, v) group by k order by k";
    expect(await lake.sql(query)).toEqual([
      { k: 1, l: '["a"]', t: 'a' },
      { k: 2, l: '[]', t: '' },
    ]);
  });

  it.each([
    'x[0]',
    'x::int',
    'x:y',
    'read_text(x)',
    'json_extract(x, 1)',
    "x rlike 'a'",
    '!x',
    '?',
    'transform(x, (e, i) -> e + i)',
    'cast(x as variant)',
    'cast(x as struct<a:interval>)',
    "date_format(x, 'EEE')",
    "to_json(x, map('pretty', 'true'))",
    "interval '1' year to month",
    'timestampadd(day, 1, x)',
  ])('%s is refused by name', async (expression) => {
    expect(await lake.failure(`select ${expression} from values (1) as t(x)`)).toBe(UNSUPPORTED);
  });
});

describe('to_json', () => {
  const value = `named_struct('n', cast(null as int), 'nan', double('NaN'), 'inf', cast('-Infinity' as float), 'd', 1.50BD,
    'big', 9007199254740993L, 'ts', timestamp'2020-01-01 00:00:00.123456', 'ntz', timestamp_ntz'0001-01-01 00:00:00.5',
    'bytes', X'0AFF', 'text', 'a"b\\\\c\\n', 'list', array(named_struct('x', 1), null), 'map', map('k', array(0.1F)), 'date', date'9999-12-31')`;

  it('leaves null fields out and cuts to milliseconds by default, as Spark does', async () => {
    expect(await of(`to_json(${value})`)).toBe(
      '{"nan":"NaN","inf":"-Infinity","d":1.50,"big":9007199254740993,"ts":"2020-01-01T00:00:00.123Z","ntz":"0001-01-01T00:00:00.500",' +
        '"bytes":"Cv8=","text":"a\\"b\\\\c\\n","list":[{"x":1},null],"map":{"k":[0.1]},"date":"9999-12-31"}',
    );
  });

  it('keeps nulls and writes the given timestamp formats', async () => {
    const options =
      "map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX', 'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS')";
    const text = String(await lake.value(`select to_json(x, ${options}) as j from (select ${value} as x)`));
    expect(JSON.parse(text)).toMatchObject({
      n: null,
      nan: 'NaN',
      ts: '2020-01-01 00:00:00.123456Z',
      ntz: '0001-01-01 00:00:00.500000',
    });
  });

  it('works inside other expressions, for several calls and for NULL', async () => {
    expect(
      await lake.sql(`with t as (select array(1) as a, map('k', 2) as m, cast(null as struct<a:int>) as s)
        select concat(to_json(a), to_json(m)) as j, to_json(s) as n, length(to_json(array(to_json(a)))) as l from t`),
    ).toEqual([{ j: '[1]{"k":2}', n: null, l: 7n }]);
  });

  it('refuses a scalar', async () => {
    expect(await lake.failure('select to_json(1)')).toBe('DATATYPE_MISMATCH.INVALID_JSON_SCHEMA 42K09');
  });
});

describe('queries', () => {
  it('CTEs hide tables, each from its own definition on', async () => {
    await lake.sql('create table cte_t as select 1 as a');
    expect(
      await lake.sql(
        'with cte_t as (select a + 1 as a from cte_t), u as (select a + 1 as a from cte_t) select * from cte_t, u as x',
      ),
    ).toEqual([{ a: 3 }]);
    expect(
      await lake.sql(
        'with w as (select 1 as a) select (select max(a) from w) as m where exists (select 1 from w)',
      ),
    ).toEqual([{ m: 1 }]);
  });

  it('window functions, named windows and QUALIFY', async () => {
    const query = `select id, lead(id) over latest as next, count(*) over () as n from range(3)
      qualify row_number() over latest <= 2 window latest as (partition by id % 1 order by id desc) order by id`;
    expect(await lake.sql(query)).toEqual([
      { id: 1n, next: 0n, n: 3n },
      { id: 2n, next: 1n, n: 3n },
    ]);
  });

  it('FILTER belongs to an aggregate, and is a function elsewhere', async () => {
    expect(await lake.value('select count(*) filter (where id > 0) as n from range(3)')).toBe(2n);
    expect(await lake.value('select size(filter(array(1, 2), x -> x > 1)) as n')).toBe(1n);
  });

  it('a named window may stand behind ORDER BY, in each branch of a union', async () => {
    const branch = (window: string) => `select max(id) over ${window} as m from range(2)`;
    const query = `${branch('w')} qualify m >= 0 window w as () union all ${branch('x')} order by 1 window x as ()`;
    expect(await lake.sql(query)).toEqual([{ m: 1n }, { m: 1n }, { m: 1n }, { m: 1n }]);
  });

  it('NULLs come first in ascending order and last in descending', async () => {
    const ids = async (order: string) =>
      (await lake.sql(`select x from values (2), (null), (1) as t(x) order by x ${order}`)).map(
        (row) => row['x'],
      );
    expect(await ids('asc')).toEqual([null, 1, 2]);
    expect(await ids('desc')).toEqual([2, 1, null]);
    expect(await ids('desc nulls first')).toEqual([null, 2, 1]);
  });

  it('joins, semi and anti joins, set operations and * except', async () => {
    expect(
      await lake.sql(
        'select a.* except (y) from values (1, 2), (3, 4) as a(x, y) left semi join values (1) as b(x) on a.x = b.x',
      ),
    ).toEqual([{ x: 1 }]);
    expect(
      await lake.sql('select x from values (1), (2) as a(x) left anti join values (1) as b(x) using (x)'),
    ).toEqual([{ x: 2 }]);
    expect(await lake.sql('(select 1 as x union select 1) minus select 2')).toEqual([{ x: 1 }]);
    expect(
      await lake.sql(
        'select a.id, b.id as o from range(2) a join (range(2) b join range(1) c on b.id = c.id) on a.id = b.id',
      ),
    ).toEqual([{ id: 0n, o: 0n }]);
  });

  it('a query without rows still has its columns', async () => {
    expect(await lake.columns('select 1 as a, timestamp_ntz"2020-01-01" as b limit 0')).toEqual([
      { name: 'a', type: 'int' },
      { name: 'b', type: 'timestamp_ntz' },
    ]);
  });

  it('a wide result comes in batches, complete and in order', async () => {
    const rows = await lake.sql('select id from range(10000) order by id');
    expect(rows).toHaveLength(10_000);
    expect(rows.at(-1)).toEqual({ id: 9999n });
  });
});

describe('a first script', () => {
  const SCRIPT = `
    USE CATALOG hive_metastore; -- the catalog that is always there
    CREATE SCHEMA IF NOT EXISTS source_data;
    USE SCHEMA source_data;
    CREATE TABLE IF NOT EXISTS hive_metastore.source_data.profiles (
      customer_id STRING NOT NULL COMMENT 'The key; never NULL',
      segment STRING COMMENT 'Segment (e.g., new, loyal)',
      total_spend DECIMAL(10, 2) COMMENT 'Sum of all orders',
      propensity_score DOUBLE COMMENT 'From 0 to 1 (e.g., churn)',
      is_active BOOLEAN COMMENT 'Has an open account',
      created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP() COMMENT 'First seen'
    )
    USING DELTA
    TBLPROPERTIES (
      'delta.enableChangeDataFeed' = 'true',
      'delta.feature.allowColumnDefaults' = 'enabled'
    )
    COMMENT 'Profiles, one row per customer.';
    INSERT INTO hive_metastore.source_data.profiles
    (customer_id, segment, total_spend, propensity_score, is_active, created_at)
    VALUES
    ('c1', 'new', 250.75, 0.85, true, current_timestamp() - INTERVAL '10' DAYS),
    ('c2', 'loyal', 50.20, 0.10, false, current_timestamp() - INTERVAL '1' DAY);
    ALTER TABLE hive_metastore.source_data.profiles
    SET TBLPROPERTIES (delta.enableChangeDataFeed = true);`;

  it('runs statement by statement, with its comments, defaults and properties', async () => {
    const session = await lake.session();
    for (const statement of splitStatements(SCRIPT)) await session.sql(statement);
    expect(await session.sql('select total_spend, is_active from profiles where customer_id = "c2"')).toEqual(
      [{ total_spend: '50.20', is_active: false }],
    );
    await session.sql('insert into profiles (customer_id) values ("c3")');
    expect(await session.value('select count(*) from profiles where created_at <= current_timestamp()')).toBe(
      3n,
    );
    expect(await session.value('select count(*) from table_changes("profiles", 0)')).toBe(3n);
    await session.close();
  });
});
