import { describe, expect, it } from 'vitest';
import { parseDeltaType } from '../../src/types/delta-type.ts';
import { encodeField } from '../../src/types/encode.ts';
import { parsePostgresType } from '../../src/types/postgres-type.ts';

function reasons(delta: string, postgres: string, nulCharacters: 'reject' | 'strip' = 'reject'): string[] {
  const target = parsePostgresType(postgres);
  if (!target) throw new Error(`not a type: ${postgres}`);
  return encodeField('c1', parseDeltaType(delta), target, nulCharacters).rejections.map(
    ({ reason }) => reason,
  );
}

describe('values that are rejected before Postgres sees them', () => {
  it.each([
    ['string', 'text', ['nul_character', 'invalid_utf8']],
    ['string', 'varchar(4)', ['nul_character', 'invalid_utf8', 'too_long']],
    ['array<string>', 'text[]', ['nul_character', 'invalid_utf8']],
    ['struct<a:string>', 'jsonb', ['nul_character']],
    ['date', 'date', ['out_of_range']],
    ['timestamp', 'timestamptz', ['out_of_range']],
    ['timestamp_ntz', 'timestamp', ['out_of_range']],
    ['date', 'text', []],
    ['timestamp', 'varchar', []],
    ['bigint', 'bigint', []],
    ['binary', 'bytea', []],
  ] as const)('of %s as %s', (delta, postgres, expected) => {
    expect(reasons(delta, postgres)).toEqual(expected);
  });

  it('are not those with a character that is stripped', () => {
    expect(reasons('string', 'text', 'strip')).toEqual(['invalid_utf8']);
    expect(reasons('map<string,string>', 'jsonb', 'strip')).toEqual([]);
  });
});
