/** A type as the catalog holds it; `modifier` is `atttypmod`, -1 for none. */
export interface CatalogType {
  readonly oid: number;
  readonly modifier: number;
}

const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const TEXT = 25;
const FLOAT4 = 700;
const FLOAT8 = 701;
const VARCHAR = 1043;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;

/** The digits before the point that any value of the type fits into. */
const INTEGER_DIGITS: Readonly<Record<number, number>> = { [INT2]: 5, [INT4]: 10, [INT8]: 19 };

const WIDER: Readonly<Record<number, readonly number[]>> = {
  [INT2]: [INT4, INT8],
  [INT4]: [INT8],
  [FLOAT4]: [FLOAT8],
  [VARCHAR]: [TEXT],
};

const TIMESTAMPS: readonly number[] = [TIMESTAMP, TIMESTAMPTZ];
/** Fractional digits that Postgres stores without a modifier. */
const MICROSECONDS = 6;

/** Whether a column of type `column` holds every value of type `mapped` as it is: neither rounded nor cut. */
export function holds(column: CatalogType, mapped: CatalogType): boolean {
  if (column.oid === NUMERIC) return numericHolds(column, mapped);
  if (column.oid === VARCHAR && mapped.oid === TEXT) return column.modifier === -1;
  if (WIDER[mapped.oid]?.includes(column.oid)) return true;
  if (column.oid !== mapped.oid) return false;
  if (column.modifier === -1 || column.modifier === mapped.modifier) return true;
  if (column.oid === VARCHAR) return mapped.modifier !== -1 && column.modifier >= mapped.modifier;
  if (TIMESTAMPS.includes(column.oid)) return column.modifier >= MICROSECONDS;
  return false;
}

/** Whether a column without a zone holds every time of type `mapped` in UTC, in which we write all times. */
export function holdsInUtc(column: CatalogType, mapped: CatalogType): boolean {
  if (mapped.oid !== TIMESTAMPTZ || column.oid !== TIMESTAMP) return false;
  return column.modifier === -1 || column.modifier >= MICROSECONDS;
}

function numericHolds(column: CatalogType, mapped: CatalogType): boolean {
  const from = mapped.oid === NUMERIC ? numericDigits(mapped) : integerDigits(mapped);
  if (from === undefined) return mapped.oid === NUMERIC && column.modifier === -1;
  const to = numericDigits(column);
  return to === undefined || (to.whole >= from.whole && to.fraction >= from.fraction);
}

function integerDigits({ oid }: CatalogType) {
  const whole = INTEGER_DIGITS[oid];
  return whole === undefined ? undefined : { whole, fraction: 0 };
}

/** Undefined for numeric without a limit. A scale is a number of 11 bits with a sign. */
function numericDigits({ modifier }: CatalogType) {
  if (modifier === -1) return undefined;
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const fraction = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return { whole: precision - fraction, fraction };
}
