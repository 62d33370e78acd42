import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { syncToHalt } from '../support/halts.ts';
import { type Lake, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

const NINES = '9'.repeat(38);
/** Days at which calendars and formats of years change. */
const DAYS = [
  '0001-01-01',
  '0099-12-31',
  '1582-10-04',
  '1582-10-15',
  '1899-12-31',
  '1900-01-01',
  '9999-12-31',
];
const CONTROL = Array.from({ length: 31 }, (_, at) => `chr(${at + 1})`).join(', ');

describe('values at the edges of their types', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.edges');
  });
  afterAll(() => lake?.close());

  it('arrive for numbers, text and VARIANT', async () => {
    const numbers = [
      `cast('${NINES.slice(0, 20)}.${NINES.slice(0, 18)}' as decimal(38,18)), cast('${NINES}' as decimal(38,0)), cast('NaN' as float), cast('NaN' as double)`,
      `cast('-0.000000000000000001' as decimal(38,18)), cast('-${NINES}' as decimal(38,0)), cast('-Infinity' as float), cast('Infinity' as double)`,
      `cast('0' as decimal(38,18)), cast('1' as decimal(38,0)), cast('-0.0' as float), cast('-0.0' as double)`,
      `cast('-${NINES.slice(0, 20)}.1' as decimal(38,18)), cast('0' as decimal(38,0)), cast('1.4E-45' as float), cast('4.9E-324' as double)`,
      `cast('0.1' as decimal(38,18)), cast('10' as decimal(38,0)), cast('3.4028235E38' as float), cast('-1.7976931348623157E308' as double)`,
    ];
    const texts = [
      `concat(${CONTROL}, chr(127))`,
      "concat_ws('', chr(92), 'N', chr(92), '.', chr(92), chr(92), 't')",
      "'\\\\N'",
      "'𝄞 👩‍🚀 \\uD834\\uDD1E'",
      "'ﷺ \\u2028 \\uFEFF \\uFFFF \\u0301'",
      "repeat('é\\t', 500000)",
      "''",
      'null',
    ];
    const variants = [
      `parse_json('{"b": [1, 2.50, null, {"x": "é\\\\u0001"}], "a": 12345678901234567890.123}')`,
      "parse_json('null')",
      "parse_json('[]')",
      "to_variant_object(named_struct('t', timestamp'2024-02-29 12:34:56.123456', 'd', date'0001-01-01', 'x', X'00FF'))",
    ];
    const rows = texts.map((text, at) =>
      [numbers[at] ?? 'null, null, null, null', text, variants[at] ?? 'null'].join(', '),
    );
    const columns = 'd decimal(38,18), w decimal(38,0), f float, g double, s string, v variant';
    expect(Math.max(numbers.length, variants.length)).toBeLessThan(rows.length);
    await expectArrival('scalars', `id int, ${columns}`, rows);
  });

  it('arrive for old and far dates and times, whatever the time zone of who writes them', async () => {
    const times = (day: string) =>
      `date'${day}', timestamp'${day} 00:00:00', timestamp_ntz'${day} 23:59:59.999999'`;
    // Offsets of zones had seconds in them before 1900, and days are skipped or come twice.
    await expectArrival(
      'times',
      'id int, d date, t timestamp, n timestamp_ntz',
      [...DAYS.map(times), 'null, null, null'],
      async (write) => {
        await lake.sql("set time zone 'Africa/Monrovia'");
        expect(await lake.sql('select current_timezone() as zone')).toEqual([{ zone: 'Africa/Monrovia' }]);
        await write(100);
        await lake.sql("set time zone 'UTC'");
      },
    );
  });

  it('are rejected by row for dates and times that Spark writes with a sign', async () => {
    const source = 'main.edges.beyond';
    const types = { x: 'text' };
    const config = aSync(source, 'public.beyond', ['id'], { columns: { exclude: [], rename: {}, types } });
    await lake.sql(
      `create table ${source} (id int, d date, t timestamp, n timestamp_ntz, x date) using delta`,
    );
    await lake.sql(
      `insert into ${source} select 1, date'-0044-03-15', null, null, null
         union all select 2, date'+10000-01-01', null, null, null
         union all select 3, null, timestamp'0000-12-31 23:59:59.999999', null, null
         union all select 4, null, timestamp'+10000-01-01 00:00:00', null, null
         union all select 5, null, null, timestamp_ntz'0000-01-01 00:00:00', null
         union all select 6, null, null, null, date'0000-12-31'`,
    );
    expect(await syncToHalt(lake, config)).toMatchObject({
      kind: 'row_rejected',
      message: expect.stringMatching(
        /5 rows.*2 × column "d": a date or time is outside of the years 1 to 9999/,
      ),
    });
    expect(await syncNow(lake, { ...config, rejectedRows: 'quarantine' })).toEqual({ outcome: 'idle' });
    expect(await lake.database.query('select id, x from public.beyond')).toEqual([
      { id: 6, x: '0000-12-31' },
    ]);
  });

  it('are rejected where the bytes of a text are not UTF-8, alone and in an array of text', async () => {
    const source = 'main.edges.bytes';
    const columns = { exclude: [], rename: {}, types: { a: 'text[]' } };
    const config = aSync(source, 'public.bytes', ['id'], { columns });
    await lake.sql(`create table ${source} (id int, v string, a array<string>) using delta`);
    await lake.sql(
      `insert into ${source} values (1, 'whole', array('é')), (2, null, null),
         (3, cast(X'EDA080' as string), null), (4, 'whole', array('é', cast(X'61FF' as string)))`,
    );
    expect(await syncToHalt(lake, config)).toMatchObject({
      kind: 'row_rejected',
      message: expect.stringMatching(/2 rows.*column "v".*not UTF-8.*column "a".*not UTF-8/),
    });
    await lake.sql(`delete from ${source} where id > 2`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 2n, rows: 2 });
  });

  it('arrive three levels deep, with NULL at every level', async () => {
    const types = {
      v: 'array<struct<Name:string,At:timestamp,m:map<string,array<decimal(38,18)>>>>',
      s: 'struct<a:struct<b:struct<c:int>>>',
    };
    // What from_json makes needs no cast, in which Delta would write a struct of NULLs for a NULL struct.
    const row = (v: unknown, s: unknown) =>
      Object.entries({ v, s })
        .map(([of, value]) => {
          const json = JSON.stringify(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'");
          return `from_json(${value === null ? 'null' : `'${json}'`}, '${types[of as 'v' | 's']}')`;
        })
        .join(', ');
    const one = (name: string | null, map: unknown) => [
      { Name: name, At: '1899-12-31 23:59:59.123456', m: map },
    ];
    await expectArrival('nested', `id int, v ${types.v}, s ${types.s}`, [
      row(one('gone', {}), null),
      row(one('it\'s "q" \\ \n\t', { k: [1e-18, null], '': [] }), { a: { b: { c: 1 } } }),
      row(one(null, { k: null }), { a: { b: { c: null } } }),
      row(one('', null), { a: { b: null } }),
      row([null], { a: null }),
      row([], null),
      row(null, null),
    ]);
    const levels = [
      ['true', 's'],
      ['s', 's.a'],
      ['s.a', 's.a.b'],
      ['s.a.b', 's.a.b.c'],
      ['true', 'v'],
      ['nullif(size(v), 0)', 'get(v, 0)'],
      ['get(v, 0)', 'get(v, 0).m'],
      ['get(v, 0).m', "get(v, 0).m['k']"],
    ];
    const [found] = await lake.sql(
      `select ${levels.map(([outer, inner]) => `count_if((${outer}) is not null and ${inner} is null) > 0`).join(' and ')} as everywhere
       from main.edges.nested`,
    );
    expect(found).toEqual({ everywhere: true });
  });

  it('arrive in maps, whose keys are the text that Spark casts them to', async () => {
    const source = 'main.edges.maps';
    const config = aSync(source, 'public.maps', ['id']);
    // DESCRIBE TABLE shows the first 25 fields of a struct.
    const fields = Array.from({ length: 25 }, (_, at) => `f${at}`);
    await lake.sql(
      `create table ${source} (id int, i map<int,string>, o map<boolean,string>, n map<decimal(38,18),string>,
         d map<date,string>, t map<timestamp,string>, b map<binary,string>,
         deep array<struct<Inner:map<date,map<date,string>>>>,
         wide struct<${fields.map((field) => `${field}:int,`).join('')}Last:map<date,string>>) using delta`,
    );
    const insert = (id: number) =>
      lake.sql(
        `insert into ${source} select ${id}, map(-7, 'x', 8, null), map(true, 'x'),
           map(cast(0.000000000000000001 as decimal(38,18)), 'x'), map(date'1582-10-15', 'x'),
           map(timestamp'2024-02-29 12:34:56.123456', 'x'), map(X'00FF', 'x', X'', 'y'),
           array(named_struct('Inner', map(date'2024-02-29', map(date'0001-01-01', 'x'))), null),
           named_struct(${fields.map((field) => `'${field}', 1, `).join('')}'Last', map(date'1999-12-31', 'x'))
         union all
         select ${id + 1}, null, null, null, null, null, null, array(named_struct('Inner', null)), null`,
      );
    await insert(1);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    await expectEntries(source, 'maps', 1);
    await insert(3);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    await expectEntries(source, 'maps', 2);
  });

  it('say that VOID, and a map whose keys have no text, cannot be mapped', async () => {
    const source = 'main.edges.textless';
    await lake.sql(`create table ${source} (id int, m map<struct<a:int>,string>, n void) using delta`);
    expect(await syncToHalt(lake, aSync(source, 'public.textless', ['id']))).toMatchObject({
      kind: 'type_unsupported',
      message: expect.stringMatching(/m has the type map<struct<a:int>,string>.*n has the type void/),
      remedy: expect.stringContaining('Exclude'),
    });
  });

  /** Each entry of each map, with its key as text. */
  async function expectEntries(source: string, target: string, version: number): Promise<void> {
    const at = `${source} version as of ${version}`;
    const maps = ['i', 'o', 'n', 'd', 't', 'b'];
    const keyInSpark = (map: string) =>
      ({ t: 'cast(unix_micros(k) as string)', b: 'hex(k)' })[map] ?? 'cast(k as string)';
    const inSpark = await lake.sql(
      `${maps.map((map) => `select '${map}' as map, id, ${keyInSpark(map)} as k, v from ${at} lateral view explode(${map}) as k, v`).join(' union all ')}
       union all select 'deep', id, concat(k, '/', l), v from ${at}
         lateral view explode(deep) as e lateral view explode(e.inner) as k, m lateral view explode(m) as l, v
       union all select 'wide', id, cast(k as string), v from ${at} lateral view explode(wide.last) as k, v`,
    );
    const keyInPostgres = (map: string) =>
      ({
        t: '(extract(epoch from k::timestamptz) * 1000000)::bigint::text',
        b: "upper(encode(decode(k, 'base64'), 'hex'))",
      })[map] ?? 'k';
    const inPostgres = await lake.database.query(
      `${maps.map((map) => `select '${map}' as map, id, ${keyInPostgres(map)} as k, v from public.${target}, jsonb_each_text(${map}) as _(k, v)`).join(' union all ')}
       union all select 'deep', id, k || '/' || l, v from public.${target}, jsonb_array_elements(deep) as e,
         jsonb_each(nullif(e->'Inner', 'null')) as _(k, m), jsonb_each_text(m) as __(l, v)
       union all select 'wide', id, k, v from public.${target}, jsonb_each_text(nullif(wide->'Last', 'null')) as _(k, v)`,
    );
    const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
    expect(lines(inPostgres)).toEqual(lines(inSpark));
    expect(inPostgres.length).toBeGreaterThanOrEqual(10);
  }

  /** Rows with the ids 1, 2, … are loaded; the same with higher ids come by a window, written as `around` says. */
  async function expectArrival(
    name: string,
    columns: string,
    rows: readonly string[],
    around: (write: (idsFrom: number) => Promise<unknown>) => Promise<unknown> = (write) => write(100),
  ) {
    const source = `main.edges.${name}`;
    const config = aSync(source, `public.${name}`, ['id']);
    const write = (idsFrom: number) =>
      lake.sql(
        `insert into ${source} ${rows.map((row, at) => `select ${idsFrom + at}, ${row}`).join(' union all ')}`,
      );
    await lake.sql(`create table ${source} (${columns}) using delta`);
    await write(1);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 1n, rows: rows.length });
    await around(write);
    await lake.sql(`delete from ${source} where id = 1`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 3n, rows: 2 * rows.length - 1 });
    await expectLoadedEqual(lake, config);
  }
});
