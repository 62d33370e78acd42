import { describe, expect, it } from 'vitest';
import { plainForm } from '../../src/source/databricks/plain-form.ts';
import { parseDeltaType } from '../../src/types/delta-type.ts';

const form = (type: string) => plainForm('`v`', parseDeltaType(type));

describe('the form in which a column is read', () => {
  it.each([
    'string',
    'string collate UTF8_BINARY',
    'bigint',
    'array<string>',
    'map<string,int>',
    'map<int,struct<a:int>>',
    'struct<A:int,b:map<bigint,array<decimal(10,2)>>>',
    'struct<a:int,... 3 more fields>',
  ])('is the column itself for %s', (type) => {
    expect(form(type)).toBe('`v`');
  });

  it.each([
    ['string collate UTF8_LCASE', "collate(`v`, 'UTF8_BINARY')"],
    ['varchar(9) collate unicode', "collate(`v`, 'UTF8_BINARY')"],
    ['array<string collate UNICODE>', "transform(`v`, e0 -> collate(e0, 'UTF8_BINARY'))"],
  ])('compares text byte by byte for %s', (type, expected) => {
    expect(form(type)).toBe(expected);
  });

  it.each([
    ['map<date,int>', 'transform_keys(`v`, (k0, v0) -> cast(k0 as string))'],
    ['map<decimal(38,18),int>', 'transform_keys(`v`, (k0, v0) -> cast(k0 as string))'],
    ['map<binary,int>', 'transform_keys(`v`, (k0, v0) -> base64(k0))'],
    [
      'map<timestamp,int>',
      "transform_keys(`v`, (k0, v0) -> date_format(k0, 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX'))",
    ],
    [
      'map<string,map<date,int>>',
      'transform_values(`v`, (k0, v0) -> transform_keys(v0, (k1, v1) -> cast(k1 as string)))',
    ],
    [
      "array<struct<Name:string,it's:map<date,int>>>",
      "transform(`v`, e0 -> if(e0 is null, null, named_struct('Name', e0.`Name`, 'it\\'s', transform_keys(e0.`it's`, (k1, v1) -> cast(k1 as string)))))",
    ],
  ])('has text as keys for %s', (type, expected) => {
    expect(form(type)).toBe(expected);
  });

  it.each([
    'map<struct<a:int>,string>',
    'map<array<int>,string>',
    'map<interval day to second,string>',
    'array<struct<a:map<struct<b:int>,int>>>',
    'struct<a:map<date,int>,... 3 more fields>',
  ])('is not known for %s, whose keys have no text or are out of sight', (type) => {
    expect(parseDeltaType(type).kind).toBe('unknown');
  });
});
