import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** `[Databricks SQL expression, what Postgres shows for it as text]`; every type is also tried with NULL. */
type Value = readonly [expression: string, shown: string];

interface Case {
  readonly type: string;
  /** Postgres type, where it is not the default. */
  readonly as?: string;
  readonly values: readonly Value[];
}

const MAX_38 = '9'.repeat(38);
const LONG = 200_000;

const CASES: readonly Case[] = [
  {
    type: 'boolean',
    values: [
      ['true', 'true'],
      ['false', 'false'],
    ],
  },
  {
    type: 'tinyint',
    values: [
      ['cast(-128 as tinyint)', '-128'],
      ['cast(127 as tinyint)', '127'],
    ],
  },
  {
    type: 'smallint',
    values: [
      ['cast(-32768 as smallint)', '-32768'],
      ['cast(32767 as smallint)', '32767'],
    ],
  },
  {
    type: 'int',
    values: [
      ['cast(-2147483648 as int)', '-2147483648'],
      ['2147483647', '2147483647'],
      ['0', '0'],
    ],
  },
  {
    type: 'bigint',
    values: [
      ['cast(-9223372036854775808 as bigint)', '-9223372036854775808'],
      ['9223372036854775807', '9223372036854775807'],
      ['9007199254740993', '9007199254740993'],
    ],
  },
  {
    type: 'float',
    values: [
      ["cast('NaN' as float)", 'NaN'],
      ["cast('Infinity' as float)", 'Infinity'],
      ["cast('-Infinity' as float)", '-Infinity'],
      ["cast('-0.0' as float)", '-0'],
      ["cast('1.4E-45' as float)", '1e-45'],
      ["cast('3.4028235E38' as float)", '3.4028235e+38'],
      ["cast('0.1' as float)", '0.1'],
    ],
  },
  {
    type: 'double',
    values: [
      ["cast('NaN' as double)", 'NaN'],
      ["cast('Infinity' as double)", 'Infinity'],
      ["cast('-Infinity' as double)", '-Infinity'],
      ["cast('-0.0' as double)", '-0'],
      ["cast('4.9E-324' as double)", '5e-324'],
      ["cast('1.7976931348623157E308' as double)", '1.7976931348623157e+308'],
      ["cast('0.1' as double)", '0.1'],
      ["cast('123456789.123456789' as double)", '123456789.12345679'],
    ],
  },
  {
    type: 'decimal(10,2)',
    values: [
      ['-0.05', '-0.05'],
      ['99999999.99', '99999999.99'],
      ['0', '0.00'],
    ],
  },
  {
    type: 'decimal(38,0)',
    values: [
      [`cast('${MAX_38}' as decimal(38,0))`, MAX_38],
      [`cast('-${MAX_38}' as decimal(38,0))`, `-${MAX_38}`],
    ],
  },
  {
    type: 'decimal(38,18)',
    values: [
      [
        "cast('12345678901234567890.123456789012345678' as decimal(38,18))",
        '12345678901234567890.123456789012345678',
      ],
      ["cast('0.000000000000000001' as decimal(38,18))", '0.000000000000000001'],
    ],
  },
  {
    type: 'string',
    values: [
      ["''", ''],
      ["'a\\tb'", 'a\tb'],
      ["'a\\nb'", 'a\nb'],
      ["'a\\rb\\r\\n'", 'a\rb\r\n'],
      ["'a\\\\b'", 'a\\b'],
      ["'\\\\N'", '\\N'],
      ["'\\\\\\\\N\\\\t'", '\\\\N\\t'],
      ["'\\\\.'", '\\.'],
      ["'it\\'s \"quoted\"'", 'it\'s "quoted"'],
      ["'𝄞 and 👩‍🚀'", '𝄞 and 👩‍🚀'],
      ["concat('a', chr(1), chr(127), 'b')", 'a\u0001\u007fb'],
      ["' leading and trailing '", ' leading and trailing '],
      ["'NULL'", 'NULL'],
      [`repeat('x\\t', ${LONG})`, 'x\t'.repeat(LONG)],
    ],
  },
  { type: 'varchar(20)', values: [["'twenty at most'", 'twenty at most']] },
  {
    type: 'string',
    as: 'varchar(20)',
    values: [
      ["'twenty at most'", 'twenty at most'],
      ["'𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞'", '𝄞'.repeat(20)],
    ],
  },
  {
    type: 'string',
    as: 'uuid',
    values: [["'6f1b6c7e-3c55-4f6a-9a3e-0d7b6a2b1c00'", '6f1b6c7e-3c55-4f6a-9a3e-0d7b6a2b1c00']],
  },
  { type: 'string', as: 'jsonb', values: [['\'{"a": [1, null]}\'', '{"a": [1, null]}']] },
  {
    type: 'binary',
    values: [
      ["X''", '\\x'],
      ["X'00FF5C0A09'", '\\x00ff5c0a09'],
    ],
  },
  {
    type: 'date',
    values: [
      ["date'0001-01-01'", '0001-01-01'],
      ["date'9999-12-31'", '9999-12-31'],
      ["date'1582-10-04'", '1582-10-04'],
      ["date'1970-01-01'", '1970-01-01'],
    ],
  },
  {
    type: 'timestamp',
    values: [
      ["timestamp'2024-02-29 12:34:56.123456'", '2024-02-29 12:34:56.123456+00'],
      ["timestamp'0001-01-01 00:00:00'", '0001-01-01 00:00:00+00'],
      ["timestamp'9999-12-31 23:59:59.999999'", '9999-12-31 23:59:59.999999+00'],
      ["timestamp'1969-12-31 23:59:59.999999'", '1969-12-31 23:59:59.999999+00'],
      ["timestamp'2024-01-01 00:00:00.000001'", '2024-01-01 00:00:00.000001+00'],
    ],
  },
  {
    type: 'timestamp_ntz',
    values: [
      ["timestamp_ntz'2024-02-29 12:34:56.123456'", '2024-02-29 12:34:56.123456'],
      ["timestamp_ntz'0001-01-01 00:00:00'", '0001-01-01 00:00:00'],
      ["timestamp_ntz'9999-12-31 23:59:59.999999'", '9999-12-31 23:59:59.999999'],
    ],
  },
  {
    type: 'array<int>',
    values: [
      ['array(1, null, 3)', '[1, null, 3]'],
      ['cast(array() as array<int>)', '[]'],
    ],
  },
  {
    type: 'array<string>',
    values: [["array('a\"b', '\\\\', 'x\\ty', '', null)", '["a\\"b", "\\\\", "x\\ty", "", null]']],
  },
  {
    type: 'array<string>',
    as: 'text[]',
    values: [
      [
        "array('a,b', '\"', '\\\\', '', null, 'NULL', '{}', 'x\\ty\\n')",
        '{"a,b","\\"","\\\\","",NULL,"NULL","{}","x\ty\n"}',
      ],
      ['cast(array() as array<string>)', '{}'],
    ],
  },
  {
    type: 'array<bigint>',
    as: 'bigint[]',
    values: [['array(9223372036854775807, null)', '{9223372036854775807,NULL}']],
  },
  {
    type: 'array<timestamp>',
    as: 'timestamptz[]',
    values: [
      ["array(timestamp'2024-02-29 12:34:56.123456', null)", '{"2024-02-29 12:34:56.123456+00",NULL}'],
    ],
  },
  { type: 'array<binary>', as: 'bytea[]', values: [["array(X'00FF', null)", '{"\\\\x00ff",NULL}']] },
  { type: 'map<string,int>', values: [["map('a b', 1, 'c\"', null)", '{"c\\"": null, "a b": 1}']] },
  { type: 'map<int,string>', values: [["map(1, 'one', 20, 'twenty')", '{"1": "one", "20": "twenty"}']] },
  {
    type: 'map<date,int>',
    values: [["map(date'2024-02-29', 1, date'0001-01-01', null)", '{"0001-01-01": null, "2024-02-29": 1}']],
  },
  { type: 'map<binary,string>', values: [["map(X'00FF', 'x')", '{"AP8=": "x"}']] },
  {
    type: 'array<map<string,map<decimal(4,2),int>>>',
    values: [["array(map('a', map(-0.50, 1)), null)", '[{"a": {"-0.50": 1}}, null]']],
  },
  {
    type: 'struct<a:int,b:string>',
    values: [
      ["named_struct('a', 1, 'b', 'x\\ty\\\\')", '{"a": 1, "b": "x\\ty\\\\"}'],
      ["named_struct('a', cast(null as int), 'b', cast(null as string))", '{"a": null, "b": null}'],
    ],
  },
  {
    type: 'struct<d:decimal(38,18),n:bigint,ok:boolean>',
    values: [
      [
        "named_struct('d', cast('12345678901234567890.123456789012345678' as decimal(38,18)), 'n', 9223372036854775807, 'ok', true)",
        '{"d": 12345678901234567890.123456789012345678, "n": 9223372036854775807, "ok": true}',
      ],
    ],
  },
  {
    type: 'array<struct<k:string,m:map<string,array<int>>>>',
    values: [
      [
        "array(named_struct('k', 'x', 'm', map('y', array(1, null))), null)",
        '[{"k": "x", "m": {"y": [1, null]}}, null]',
      ],
    ],
  },
];

describe('a value of each type arrives unchanged', () => {
  let lake: Lake;
  let table = 0;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.types');
  });
  afterAll(() => lake?.close());

  it.each(CASES.map((one) => [`${one.type}${one.as ? ` as ${one.as}` : ''}`, one] as const))(
    '%s, by snapshot and by window',
    async (_, { type, as, values }) => {
      const name = `t${table++}`;
      const source = `main.types.${name}`;
      const columns = { exclude: [], rename: {}, types: as === undefined ? {} : { v: as } };
      const byWindow = aSync(source, `public.${name}_window`, ['id'], { columns });
      const bySnapshot = aSync(source, `public.${name}_snapshot`, ['id'], { columns });
      await lake.sql(`create table ${source} (id int, v ${type}) using delta`);
      expect(await syncNow(lake, byWindow)).toEqual({ outcome: 'idle' });

      const rows = [...values.map(([expression]) => expression), 'null'];
      await lake.sql(
        `insert into ${source} ${rows.map((expression, id) => `select ${id}, cast(${expression} as ${type})`).join(' union all ')}`,
      );
      expect(await syncNow(lake, byWindow)).toEqual({ outcome: 'idle' });
      expect(await syncNow(lake, bySnapshot)).toEqual({ outcome: 'idle' });

      const expected = [...values.map(([, shown]) => shown), null];
      for (const { target } of [byWindow, bySnapshot]) {
        const shown = await lake.database.query<{ v: string | null }>(
          `select v::text from public.${target.table} order by id`,
        );
        expect(shown.map(({ v }) => v)).toEqual(expected);
      }
    },
  );

  it('keeps what JSON itself cannot say as text inside nested types', async () => {
    const source = 'main.types.nested';
    await lake.sql(`create table ${source} (id int, v struct<f:double,t:timestamp,b:binary>) using delta`);
    await lake.sql(
      `insert into ${source} select 1, named_struct('f', cast('NaN' as double), 't', timestamp'2024-02-29 12:34:56.123456', 'b', X'00FF')`,
    );
    expect(await syncNow(lake, aSync(source, 'public.nested', ['id']))).toEqual({ outcome: 'idle' });
    const [row] = await lake.database.query<{ v: { f: string; t: string; b: string } }>(
      'select v from public.nested',
    );
    expect(row?.v.f).toBe('NaN');
    expect(row?.v.t).toMatch(/^2024-02-29[ T]12:34:56\.123456/);
    expect(row?.v.b).toBe('AP8=');
  });
});
