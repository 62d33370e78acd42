/** A Delta column type, as far as it decides how a value becomes Postgres text. */
export type DeltaType =
  | { readonly kind: ScalarKind /** Text that does not compare byte by byte. */; readonly collated?: true }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'array'; readonly element: DeltaType }
  | { readonly kind: 'map'; readonly key: DeltaType; readonly value: DeltaType }
  /** No fields where the text does not tell them. */
  | { readonly kind: 'struct'; readonly fields: readonly StructField[] }
  | { readonly kind: 'unknown'; readonly text: string };

export interface StructField {
  readonly name: string;
  readonly type: DeltaType;
}

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

/** A map that is not JSON's as it is (see `plainForm`), somewhere in the text of a type. */
const KEYS_TO_REWRITE = /map<(?!(?:string|boolean|tinyint|smallint|int|bigint|float|double)\b)/i;

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
 * Parses type text as DESCRIBE TABLE prints it, in any case. A map whose keys have no text of their own in JSON is
 * `unknown`, and so is what holds one.
 */
export function parseDeltaType(text: string): DeltaType {
  const type = parse(text.trim());
  return hasKeysWithoutText(type) ? { kind: 'unknown', text: text.trim().toLowerCase() } : type;
}

function parse(text: string): DeltaType {
  const type = text.toLowerCase();
  const scalar = SCALARS.find((name) => name === type) ?? ALIASES[type];
  if (scalar) return { kind: scalar };
  if (/^(varchar|char)\(\d+\)$/.test(type)) return { kind: 'string' };
  const collation = /^(?:string|(?:varchar|char)\(\d+\)) collate (\S+)$/.exec(type)?.[1];
  if (collation) return { kind: 'string', ...(collation === 'utf8_binary' ? {} : { collated: true }) };
  const decimal = /^(?:decimal|dec|numeric)(?:\((\d+)(?:,\s*(\d+))?\))?$/.exec(type);
  if (decimal) {
    return { kind: 'decimal', precision: Number(decimal[1] ?? 10), scale: Number(decimal[2] ?? 0) };
  }
  const nested = /^(array|map|struct)<(.*)>$/is.exec(text);
  if (nested) return parseNested(nested[1]?.toLowerCase(), partsOf(nested[2] ?? ''), text);
  return { kind: 'unknown', text: type };
}

function parseNested(kind: string | undefined, parts: readonly string[], text: string): DeltaType {
  const [first = '', second = ''] = parts;
  if (kind === 'array') return { kind, element: parse(first) };
  if (kind === 'map') return { kind, key: parse(first), value: parse(second) };
  const fields = parts.map((part) => /^(.*?):(.*)$/s.exec(part));
  if (fields.some((field) => field === null)) {
    return KEYS_TO_REWRITE.test(text) ? { kind: 'unknown', text } : { kind: 'struct', fields: [] };
  }
  return {
    kind: 'struct',
    fields: fields.map((field) => ({ name: field?.[1] ?? '', type: parse(field?.[2] ?? '') })),
  };
}

/** Splits at commas that no bracket encloses. */
function partsOf(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if ('<('.includes(character)) depth += 1;
    else if ('>)'.includes(character)) depth -= 1;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

function hasKeysWithoutText(type: DeltaType): boolean {
  switch (type.kind) {
    case 'array':
      return hasKeysWithoutText(type.element);
    case 'map':
      return isNested(type.key) || type.key.kind === 'unknown' || hasKeysWithoutText(type.value);
    case 'struct':
      return type.fields.some((field) => hasKeysWithoutText(field.type));
    default:
      return false;
  }
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
