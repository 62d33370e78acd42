import { describe, expect, it } from 'vitest';
import { canBeKey, parseDeltaType } from '../../src/types/delta-type.ts';
import { defaultPostgresType, holdsWithoutLoss, parsePostgresType } from '../../src/types/postgres-type.ts';

function holds(delta: string, postgres: string): boolean {
  const target = parsePostgresType(postgres);
  if (!target) throw new Error(`not a type: ${postgres}`);
  return holdsWithoutLoss(parseDeltaType(delta), target);
}

describe('Postgres types', () => {
  it.each([
    ['int8', 'bigint'],
    ['VARCHAR(255)', 'character varying(255)'],
    ['timestamptz', 'timestamp with time zone'],
    ['timestamp(6) with time zone', 'timestamp with time zone'],
    ['decimal(10, 2)', 'numeric(10,2)'],
    ['text[]', 'text[]'],
  ])('reads %s as %s', (spelling, canonical) => {
    expect(parsePostgresType(spelling)?.name).toBe(parsePostgresType(canonical)?.name);
  });

  it.each([
    ['boolean', 'boolean'],
    ['tinyint', 'smallint'],
    ['bigint', 'bigint'],
    ['decimal(38,18)', 'numeric(38,18)'],
    ['varchar(10)', 'text'],
    ['timestamp_ntz', 'timestamp without time zone'],
    ['array<struct<a:int,b:array<string>>>', 'jsonb'],
    ['map<string,int>', 'jsonb'],
    ['variant', 'jsonb'],
  ])('holds %s in %s by default', (delta, postgres) => {
    expect(defaultPostgresType(parseDeltaType(delta))).toBe(postgres);
    expect(holds(delta, postgres)).toBe(true);
  });

  it('has no counterpart for intervals and void', () => {
    expect(defaultPostgresType(parseDeltaType('interval day to second'))).toBeUndefined();
    expect(defaultPostgresType(parseDeltaType('void'))).toBeUndefined();
  });

  it.each([
    ['double', 'real', 'rounds'],
    ['double', 'numeric', 'has no -0.0'],
    ['bigint', 'double precision', 'rounds past 2^53'],
    ['decimal(10,4)', 'numeric(10,2)', 'rounds'],
    ['timestamp', 'date', 'drops the time'],
    ['timestamp', 'timestamp(3) with time zone', 'drops microseconds'],
    ['timestamp_ntz', 'timestamptz', 'invents a zone'],
    ['string', 'char(10)', 'pads'],
    ['string', 'numeric', 'may round'],
    ['binary', 'text', 'is another value'],
    ['array<struct<a:int>>', 'jsonb[]', 'has no array literal of ours'],
    ['array<double>', 'real[]', 'rounds the elements'],
  ])('refuses %s in %s, which %s', (delta, postgres) => {
    expect(holds(delta, postgres)).toBe(false);
  });

  it.each([
    ['int', 'bigint'],
    ['bigint', 'integer'],
    ['decimal(10,2)', 'numeric'],
    ['decimal(10,2)', 'numeric(20,4)'],
    ['string', 'varchar(20)'],
    ['string', 'uuid'],
    ['array<string>', 'text[]'],
    ['array<timestamp>', 'timestamptz[]'],
    ['struct<a:int>', 'text'],
  ])('accepts %s in %s, which holds it or says so', (delta, postgres) => {
    expect(holds(delta, postgres)).toBe(true);
  });
});

describe('Delta types', () => {
  it('reads a struct that the server cut short', () => {
    expect(parseDeltaType('struct<a:int,b:int,... 3 more fields>').kind).toBe('struct');
  });

  it('refuses as keys the types whose equality is not exact on both sides', () => {
    expect(
      ['float', 'double', 'variant', 'map<string,int>'].map((type) => canBeKey(parseDeltaType(type))),
    ).toEqual([false, false, false, false]);
    expect(
      ['string', 'bigint', 'decimal(10,2)', 'timestamp', 'binary'].every((type) =>
        canBeKey(parseDeltaType(type)),
      ),
    ).toBe(true);
  });
});
