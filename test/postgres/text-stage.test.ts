import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrival } from '../support/pages.ts';
import { type Fixture, mappingOf, openFixture, Sync } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.query('create extension citext schema public');
});
afterAll(() => fixture.drop());

/** A line of its own, refused, so that all others of the chunk are read again as text. */
const UNREADABLE = 'x';

async function applied(type: string, values: readonly string[], extra: readonly string[]) {
  const mapping = mappingOf(['id integer', `value ${type.replace('public.', '')}`, 'n integer'], {
    rejectedRows: 'quarantine',
  });
  const sync = new Sync(fixture, mapping);
  await fixture.query(`create table ${sync.qualified} (id integer primary key, value ${type}, n integer)`);
  await sync.load([]);
  const lines = values.map((value, id) => arrival(String(id), value, '1'));
  const outcome = await sync.advance(0, [...lines, ...extra.map((n) => arrival('-1', null, n))]);
  return { outcome, rows: await sync.rows(['id', 'value']) };
}

describe('a value that goes the careful way, through text, is read as COPY reads it', () => {
  test.each([
    ['boolean', ['t', 'false', ' on ', '1']],
    ['smallint', ['-32768', ' 7 ', '+1']],
    ['integer', ['-2147483648', '+1']],
    ['bigint', ['9223372036854775807']],
    ['real', ['NaN', '-0', '1e-45', 'Infinity', '0.1']],
    ['double precision', ['-0', '4.9e-324', '0.1', '1e308']],
    ['numeric', ['1.00', '123456789012345678901234567890.123456789', 'NaN']],
    ['numeric(5,2)', ['1.005', '-999.99', '1e2']],
    ['text', ['', ' ', '\\', 'NULL', '"', '(a,b)', "it's\t\n", 'ü€😀', '\u0001']],
    ['character varying(3)', ['abc', 'ab   ', '', 'üü']],
    ['public.citext', ['AbC', '']],
    ['uuid', ['{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', 'a0eebc999c0b4ef8bb6d6bb9bd380a11']],
    ['jsonb', ['{"b":1, "a": [null, "\\u00e9"], "a": 2}', '"text"', 'null', '1.50']],
    ['json', ['{ "b":1,  "a": [1 ] }', '"text"']],
    ['inet', ['10.1.2.3/8', '::1']],
    ['cidr', ['10.0.0.0/8']],
    ['macaddr', ['08-00-2b-01-02-03']],
    ['bytea', ['\\x00ff', '\\xDEADBEEF', '\\x']],
    ['date', ['2026-02-03', '0044-03-15 BC', 'infinity']],
    ['timestamp without time zone', ['2026-02-03 04:05:06.123456', '2026-02-03 04:05:06.1234567']],
    ['timestamp with time zone', ['2026-02-03 04:05:06.123456Z', '2026-02-03 04:05:06+13:45', '-infinity']],
    ['text[]', ['{}', '{"a\\"b","\\\\",NULL,"NULL",""}', '{a,b}']],
    ['character varying(3)[]', ['{abc,"ab   "}']],
    ['numeric(5,2)[]', ['{1.005,NULL}']],
    ['jsonb[]', ['{"{\\"a\\": 1}"}']],
  ])('as %s', async (type, values) => {
    const plain = await applied(type, values, []);
    const careful = await applied(type, values, [UNREADABLE]);
    expect(plain.outcome).toMatchObject({ counts: { upserted: values.length, rejected: 0 } });
    expect(careful.outcome).toMatchObject({ counts: { upserted: values.length, rejected: 1 } });
    expect(careful.rows).toEqual(plain.rows);
  });

  test.each([
    ['character varying(3)', 'abcd'],
    ['character varying(3)[]', '{abc,abcd}'],
    ['numeric(5,2)', '1000'],
    ['smallint', '32768'],
    ['uuid', 'a0eebc99'],
    ['boolean', 'maybe'],
  ])('and what a %s cannot hold is refused, not cut', async (type, value) => {
    const { outcome, rows } = await applied(type, [value], []);
    expect(outcome).toMatchObject({ counts: { upserted: 0, rejected: 1 } });
    expect(rows).toEqual([]);
  });
});

test('a table with columns named as those of the stages is read as any other', async () => {
  const names = ['line', '_line', 'unit', 'moves', 'operation', 'parsed', 's', 'r'];
  const sync = new Sync(
    fixture,
    mappingOf(['id integer', ...names.map((name) => `${name} text`), 'n integer'], {
      rejectedRows: 'quarantine',
    }),
  );
  await sync.load([]);
  await fixture.query(`alter table ${sync.qualified} add check (n <> 7)`);
  const line = (id: string, n: string) => arrival(id, ...names, n);
  expect(await sync.advance(0, [line('1', '1'), line('2', 'x'), line('3', '7')])).toMatchObject({
    counts: { upserted: 1, rejected: 2 },
  });
  expect(await sync.rows()).toEqual([['1', ...names, '1']]);
});
