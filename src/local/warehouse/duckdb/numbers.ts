import { unsupported } from './errors.ts';
import { MAX_PRECISION } from './types.ts';

const SUFFIXES: Readonly<Record<string, string>> = {
  L: 'bigint',
  S: 'smallint',
  Y: 'tinyint',
  D: 'double',
  F: 'float',
};

const BEYOND_BIGINT = 9_223_372_036_854_775_808n;

/** One beyond the largest value. With a minus sign before it, which is no part of the literal, it is the smallest. */
const BEYOND: Readonly<Record<string, bigint>> = { bigint: BEYOND_BIGINT, smallint: 32_768n, tinyint: 128n };

/** A number literal of Databricks SQL, with its suffix, in DuckDB's dialect. */
export function numberSql(literal: string): string {
  const [, digits, suffix = ''] = /^(.*?)(BD|[LSYDF])?$/i.exec(literal) as unknown as [
    string,
    string,
    string?,
  ];
  const type = SUFFIXES[suffix.toUpperCase()];
  if (suffix.toUpperCase() === 'BD') return decimal(digits);
  if (type !== undefined && /^\d+$/.test(digits) && BigInt(digits) === BEYOND[type]) return digits;
  if (type !== undefined) return `cast('${digits}' as ${type})`;
  if (/e/i.test(digits)) return digits;
  if (digits.includes('.') || BigInt(digits) > BEYOND_BIGINT) return decimal(digits);
  return digits;
}

function decimal(digits: string): string {
  const [whole = '', fraction = ''] = digits.split('.');
  const precision = Math.max(1, whole.replace(/^0+/, '').length + fraction.length);
  if (/e/i.test(digits) || precision > MAX_PRECISION)
    throw unsupported('decimal literals of more than 38 digits');
  return `cast('${digits}' as decimal(${precision}, ${fraction.length}))`;
}
