import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestEngine, testEngine } from '../support/duckdb-engine.ts';

let lake: TestEngine;
let number = 0;

beforeAll(async () => {
  lake = await testEngine();
});
afterAll(() => lake.close());

async function table(type: string): Promise<string> {
  number += 1;
  await lake.sql(`create table types_${number} (id int, v ${type})`);
  return `types_${number}`;
}

const micros = (iso: string, fraction = 0n) => BigInt(Date.parse(iso)) * 1000n + fraction;

describe('values are stored and read back without loss', () => {
  it.each<[string, string[], unknown[]]>([
    ['boolean', ['true', 'false', 'null'], [true, false, null]],
    ['tinyint', ['-128Y', '127'], [-128, 127]],
    ['smallint', ['-32768S', '32767'], [-32_768, 32_767]],
    ['int', ['-2147483648', '2147483647'], [-2_147_483_648, 2_147_483_647]],
    [
      'bigint',
      ['-9223372036854775808L', '9223372036854775807', '9007199254740993'],
      [-9223372036854775808n, 9223372036854775807n, 9007199254740993n],
    ],
    [
      'float',
      ['1.5F', "float('NaN')", "float('-Infinity')", '0.1F', '-0.0F'],
      [1.5, Number.NaN, Number.NEGATIVE_INFINITY, Math.fround(0.1), -0],
    ],
    [
      'double',
      ["double('NaN')", "cast('Infinity' as double)", '-0.0D', '4.9e-324', '1.7976931348623157e308', '0.1D'],
      [Number.NaN, Number.POSITIVE_INFINITY, -0, 5e-324, 1.7976931348623157e308, 0.1],
    ],
    [
      'decimal(38,0)',
      ['99999999999999999999999999999999999999', '-1'],
      ['99999999999999999999999999999999999999', '-1'],
    ],
    ['decimal(38,38)', [`0.${'0'.repeat(37)}1`], [`0.${'0'.repeat(37)}1`]],
    ['decimal(10,2)', ['-0.05', '1', "'12.345'"], ['-0.05', '1.00', '12.35']],
    [
      'string',
      ["''", String.raw`'a\tb\nc\rd\\e'`, String.raw`'\\N'`, `'"'`, "'😀'", String.raw`'a\0b'`, 'null'],
      ['', 'a\tb\nc\rd\\e', '\\N', '"', '😀', 'a\0b', null],
    ],
    ['varchar(3)', ["'abc'", "'ab  '"], ['abc', 'ab ']],
    ['char(3)', ["'a'", "'abc'"], ['a  ', 'abc']],
    ['binary', ["X''", "X'000AFF'", "'ä'"], ['', '000aff', 'c3a4']],
    ['date', ["date'0001-01-01'", "date'9999-12-31'", "'1970-01-02'"], [-719_162, 2_932_896, 1]],
    [
      'timestamp',
      [
        "timestamp'0001-01-01 00:00:00'",
        "timestamp'9999-12-31 23:59:59.999999'",
        "'2024-01-31T10:20:30.000001Z'",
        "timestamp'2024-01-31 12:20:30+02:00'",
      ],
      [
        -62_135_596_800_000_000n,
        253_402_300_799_999_999n,
        micros('2024-01-31T10:20:30Z', 1n),
        micros('2024-01-31T10:20:30Z'),
      ],
    ],
    [
      'timestamp_ntz',
      ["timestamp_ntz'0001-01-01 00:00:00'", "timestamp_ntz'2024-01-31 10:20:30.123456'"],
      [-62_135_596_800_000_000n, micros('2024-01-31T10:20:30Z', 123_456n)],
    ],
    ['array<string>', ["array('a', null)", 'array()', 'null'], ['["a",null]', '[]', null]],
    [
      'map<string,decimal(20,2)>',
      ["map('k', 12345678901234567.25)", 'map()'],
      ['{"k":12345678901234567.25}', '{}'],
    ],
    [
      'struct<a:int,`b c`:array<struct<t:timestamp,x:double>>>',
      [
        "named_struct('a', 1, 'b c', array(named_struct('t', timestamp'2024-01-01 00:00:00.5', 'x', double('NaN')), null))",
      ],
      ['{"a":1,"b c":[{"t":"2024-01-01 00:00:00.5","x":"NaN"},null]}'],
    ],
    ['map<int,array<binary>>', ["map(7, array(X'0AFF'))"], ['{"7":["Cv8="]}']],
  ])('%s', async (type, literals, values) => {
    const name = await table(type);
    for (const [at, literal] of literals.entries())
      await lake.sql(`insert into ${name} values (${at}, ${literal})`);
    const [column] = await lake.columns(`select v from ${name}`);
    expect(column?.type).toBe(/char/.test(type) ? 'string' : type);
    expect((await lake.sql(`describe ${name}`))[1]).toMatchObject({ data_type: type });
    const newest = literals.length;
    for (const from of [name, `${name} version as of ${newest}`, `table_changes('${name}', 1, ${newest})`]) {
      expect((await lake.sql(`select v from ${from} order by id`)).map((row) => row['v'])).toEqual(values);
    }
  });
});

describe('what does not fit is refused', () => {
  it.each([
    ['tinyint', '128', 'CAST_OVERFLOW 22003'],
    ['int', "'1.5'", 'CAST_INVALID_INPUT 22018'],
    ['int', "double('NaN')", 'CAST_OVERFLOW 22003'],
    ['decimal(4,2)', '100', 'CAST_OVERFLOW 22003'],
    ['date', "'2024-02-30'", 'CAST_INVALID_INPUT 22018'],
    ['boolean', "'maybe'", 'CAST_INVALID_INPUT 22018'],
    ['varchar(2)', "'abc'", 'DELTA_EXCEED_CHAR_VARCHAR_LIMIT 22001'],
    ['char(2)', "'abc'", 'DELTA_EXCEED_CHAR_VARCHAR_LIMIT 22001'],
    ['int', "date'2024-01-01'", 'DATATYPE_MISMATCH 42K09'],
  ])('%s takes no %s', async (type, literal, failure) => {
    const name = await table(type);
    expect(await lake.failure(`insert into ${name} values (1, ${literal})`)).toBe(failure);
    expect(await lake.value(`select count(*) from ${name}`)).toBe(0n);
  });

  it('a fraction is cut off towards zero on the way into a whole number, as Spark does', async () => {
    const name = await table('int');
    await lake.sql(`insert into ${name} values (1, 1.9), (2, -1.9)`);
    await lake.sql(`update ${name} set v = v + 0.9D where id = 1`);
    expect((await lake.sql(`select v from ${name} order by id`)).map((row) => row['v'])).toEqual([1, -1]);
  });

  it.each(['variant', 'interval', 'geometry', 'struct<a:variant>', 'array<nope>'])(
    'the type %s is refused',
    async (type) => {
      expect(await lake.failure(`create table never (v ${type})`)).toBe('UNSUPPORTED_FEATURE 0A000');
    },
  );

  it.each(['decimal(39,0)', 'decimal(2,3)', 'varchar', 'varchar(0)', 'array<int', 'map<int>'])(
    'the type %s is a syntax error',
    async (type) => {
      expect(await lake.failure(`create table never (v ${type})`)).toBe('PARSE_SYNTAX_ERROR 42601');
    },
  );

  it('an error holds no value of a row', async () => {
    const name = await table('int');
    const session = await lake.engine.openSession();
    const failure = session.execute(
      `insert into ${name} values (1, 'secret-value')`,
      new AbortController().signal,
    );
    await expect(failure).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
    await session.close();
  });
});
