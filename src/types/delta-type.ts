/** A Delta column type, as far as it decides how a value becomes Postgres text. */
export type DeltaType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'array'; readonly element: DeltaType }
  | { readonly kind: 'map' | 'struct' }
  | { readonly kind: 'unknown'; readonly text: string };

type ScalarKind = (typeof SCALARS)[number];

const SCALARS = [
  'boolean',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
  'variant',
] as const;

/** Names that Spark prints or accepts for the same type. */
const ALIASES: Readonly<Record<string, ScalarKind>> = {
  byte: 'tinyint',
  short: 'smallint',
  integer: 'int',
  long: 'bigint',
  real: 'float',
  timestamp_ltz: 'timestamp',
};

/**
 * Parses type text as DESCRIBE TABLE prints it, in any case. What is inside a map or struct does not matter for
 * the encoding, and may be cut short by the server ("… 3 more fields"); it is not looked at.
 */
export function parseDeltaType(text: string): DeltaType {
  const type = text.trim().toLowerCase();
  const scalar = SCALARS.find((name) => name === type) ?? ALIASES[type];
  if (scalar) return { kind: scalar };
  if (/^(varchar|char)\(\d+\)$/.test(type)) return { kind: 'string' };
  if (type.startsWith('string collate ')) return { kind: 'string' };
  const decimal = /^(?:decimal|dec|numeric)(?:\((\d+)(?:,\s*(\d+))?\))?$/.exec(type);
  if (decimal) {
    return { kind: 'decimal', precision: Number(decimal[1] ?? 10), scale: Number(decimal[2] ?? 0) };
  }
  if (type.startsWith('array<') && type.endsWith('>')) {
    return { kind: 'array', element: parseDeltaType(type.slice('array<'.length, -1)) };
  }
  if (type.startsWith('map<')) return { kind: 'map' };
  if (type.startsWith('struct<')) return { kind: 'struct' };
  return { kind: 'unknown', text: type };
}

/** Types whose equality is exact and the same on both sides, so that they can identify a row. */
export function canBeKey(type: DeltaType): boolean {
  switch (type.kind) {
    case 'float':
    case 'double':
    case 'variant':
    case 'array':
    case 'map':
    case 'struct':
    case 'unknown':
      return false;
    default:
      return true;
  }
}

export function isNested({ kind }: DeltaType): boolean {
  return kind === 'array' || kind === 'map' || kind === 'struct' || kind === 'variant';
}
