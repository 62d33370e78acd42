import { describe, expect, test } from 'vitest';
import { type CatalogType, holds } from '../../src/target/postgres/column-fit.ts';

const type = (oid: number, modifier = -1): CatalogType => ({ oid, modifier });
const numeric = (precision: number, scale: number) => type(1700, ((precision << 16) | (scale & 0x7ff)) + 4);
const [int2, int4, int8] = [type(21), type(23), type(20)];
const [float4, float8] = [type(700), type(701)];
const [text, varchar] = [type(25), type(1043)];
const varcharOf = (length: number) => type(1043, length + 4);
const timestamptz = (precision = -1) => type(1184, precision);
const [timestamp, date, jsonb, json] = [type(1114), type(1082), type(3802), type(114)];

describe('a column holds', () => {
  test.each([
    ['its own type', int4, int4],
    ['smallint in integer', int4, int2],
    ['smallint in bigint', int8, int2],
    ['integer in bigint', int8, int4],
    ['bigint in numeric', type(1700), int8],
    ['bigint in numeric(19,0)', numeric(19, 0), int8],
    ['real in double precision', float8, float4],
    ['varchar in text', text, varcharOf(10)],
    ['text in varchar without limit', varchar, text],
    ['varchar in a longer one', varcharOf(20), varcharOf(10)],
    ['numeric(10,2) in numeric(12,2)', numeric(12, 2), numeric(10, 2)],
    ['numeric(10,2) in numeric(12,4)', numeric(12, 4), numeric(10, 2)],
    ['numeric(10,2) in numeric', type(1700), numeric(10, 2)],
    ['timestamps to the microsecond', timestamptz(6), timestamptz()],
    ['timestamps to the millisecond in finer ones', timestamptz(), timestamptz(3)],
  ])('%s', (_, column, mapped) => {
    expect(holds(column, mapped)).toBe(true);
  });
});

describe('a column does not hold', () => {
  test.each([
    ['integer in smallint', int2, int4],
    ['bigint in numeric(18,0)', numeric(18, 0), int8],
    ['bigint in numeric(20,2)', numeric(20, 2), int8],
    ['double precision in real', float4, float8],
    ['real in numeric', type(1700), float4],
    ['text in varchar(n)', varcharOf(100), text],
    ['varchar in a shorter one', varcharOf(9), varcharOf(10)],
    ['varchar without limit in varchar(n)', varcharOf(9), varchar],
    ['numeric(10,2) in numeric(10,4)', numeric(10, 4), numeric(10, 2)],
    ['numeric(10,2) in numeric(10,1)', numeric(10, 1), numeric(10, 2)],
    ['numeric in numeric(38,2)', numeric(38, 2), type(1700)],
    ['numeric(5,-2) in numeric(5,0)', numeric(5, 0), numeric(5, -2)],
    ['timestamps in coarser ones', timestamptz(3), timestamptz()],
    ['timestamptz in timestamp', timestamp, timestamptz()],
    ['date in timestamp', timestamp, date],
    ['jsonb in json', json, jsonb],
    ['integer in text', text, int4],
  ])('%s', (_, column, mapped) => {
    expect(holds(column, mapped)).toBe(false);
  });
});
