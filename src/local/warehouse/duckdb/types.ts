import {
  DuckDBDecimalType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { type Cursor, isWord } from './cursor.ts';
import { syntaxError, unsupported } from './errors.ts';
import { quoteName } from './literal.ts';

/** A Delta type with all of its parts. */
export type WarehouseType =
  | { readonly kind: ScalarName }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'varchar' | 'char'; readonly length: number }
  | { readonly kind: 'array'; readonly element: WarehouseType }
  | { readonly kind: 'map'; readonly key: WarehouseType; readonly value: WarehouseType }
  | { readonly kind: 'struct'; readonly fields: readonly StructField[] };

export interface StructField {
  readonly name: string;
  readonly type: WarehouseType;
}

/** TIMESTAMP is an instant, so DuckDB's type with a time zone holds it; TIMESTAMP_NTZ is the one without. */
const DUCKDB_SCALARS = {
  boolean: 'BOOLEAN',
  tinyint: 'TINYINT',
  smallint: 'SMALLINT',
  int: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ntz: 'TIMESTAMP',
  void: '"NULL"',
} as const;

type ScalarName = keyof typeof DUCKDB_SCALARS;

const ALIASES: Readonly<Record<string, ScalarName>> = {
  byte: 'tinyint',
  short: 'smallint',
  integer: 'int',
  long: 'bigint',
  real: 'float',
  timestamp_ltz: 'timestamp',
};

export const MAX_PRECISION = 38;

/** The scalar type of a name that is also a cast function, e.g. `double('NaN')`. */
export function scalarType(name: string): WarehouseType | undefined {
  const lower = name.toLowerCase();
  if (lower === 'decimal') return { kind: 'decimal', precision: 10, scale: 0 };
  const kind = ALIASES[lower] ?? (lower as ScalarName);
  return Object.hasOwn(DUCKDB_SCALARS, kind) && kind !== 'void' ? { kind } : undefined;
}

/** Reads a type of Databricks SQL. Throws for one that the local warehouse cannot hold. */
export function parseType(cursor: Cursor): WarehouseType {
  const node = cursor.peek();
  if (node?.kind !== 'word') throw cursor.failure();
  const name = cursor.name().toLowerCase();
  switch (name) {
    case 'decimal':
    case 'dec':
    case 'numeric':
      return parseDecimal(cursor);
    case 'varchar':
    case 'char':
    case 'character': {
      const length = Number(numbersOf(cursor, 1)[0]);
      if (length < 1) throw syntaxError(`The length of ${name} must be positive.`);
      return { kind: name === 'varchar' ? 'varchar' : 'char', length };
    }
    case 'array': {
      cursor.expectSymbol('<');
      const element = parseType(cursor);
      cursor.expectSymbol('>');
      return { kind: 'array', element };
    }
    case 'map': {
      cursor.expectSymbol('<');
      const key = parseType(cursor);
      cursor.expectSymbol(',');
      const value = parseType(cursor);
      cursor.expectSymbol('>');
      return { kind: 'map', key, value };
    }
    case 'struct':
      return parseStruct(cursor);
  }
  const type = scalarType(name);
  if (!type) throw unsupported(`the type ${name}`);
  return type;
}

function parseDecimal(cursor: Cursor): WarehouseType {
  const [precision = 10n, scale = 0n] = cursor.atGroup() ? numbersOf(cursor, 2) : [];
  if (precision < 1n || precision > MAX_PRECISION || scale > precision) {
    throw syntaxError('A decimal has 1 to 38 digits, and at most as many of them after the point.');
  }
  return { kind: 'decimal', precision: Number(precision), scale: Number(scale) };
}

function numbersOf(cursor: Cursor, most: number): bigint[] {
  const { items } = cursor.group();
  const numbers = items.flatMap((node) =>
    node.kind === 'number' && /^\d+$/.test(node.text) ? [BigInt(node.text)] : [],
  );
  if (numbers.length < 1 || numbers.length > most || items.length !== numbers.length * 2 - 1)
    throw cursor.failure();
  return numbers;
}

function parseStruct(cursor: Cursor): WarehouseType {
  cursor.expectSymbol('<');
  const fields: StructField[] = [];
  do {
    const name = cursor.name();
    cursor.takeSymbol(':');
    const type = parseType(cursor);
    if (isWord(cursor.peek(), 'NOT')) throw unsupported('NOT NULL inside a struct');
    if (cursor.take('COMMENT')) cursor.string();
    fields.push({ name, type });
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol('>');
  return { kind: 'struct', fields };
}

/** Delta's type text in lower case, as DESCRIBE TABLE prints it. */
export function typeText(type: WarehouseType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'varchar':
    case 'char':
      return `${type.kind}(${type.length})`;
    case 'array':
      return `array<${typeText(type.element)}>`;
    case 'map':
      return `map<${typeText(type.key)},${typeText(type.value)}>`;
    case 'struct': {
      const plain = (name: string) => (/^\w+$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``);
      return `struct<${type.fields.map((field) => `${plain(field.name)}:${typeText(field.type)}`).join(',')}>`;
    }
    default:
      return type.kind;
  }
}

export function duckTypeText(type: WarehouseType): string {
  switch (type.kind) {
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'varchar':
    case 'char':
      return 'VARCHAR';
    case 'array':
      return `${duckTypeText(type.element)}[]`;
    case 'map':
      return `MAP(${duckTypeText(type.key)}, ${duckTypeText(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields.map(({ name, type: of }) => `${quoteName(name)} ${duckTypeText(of)}`).join(', ')})`;
    default:
      return DUCKDB_SCALARS[type.kind];
  }
}

const BY_ID: ReadonlyMap<DuckDBTypeId, ScalarName> = new Map<DuckDBTypeId, ScalarName>([
  [DuckDBTypeId.BOOLEAN, 'boolean'],
  [DuckDBTypeId.TINYINT, 'tinyint'],
  [DuckDBTypeId.UTINYINT, 'smallint'],
  [DuckDBTypeId.SMALLINT, 'smallint'],
  [DuckDBTypeId.USMALLINT, 'int'],
  [DuckDBTypeId.INTEGER, 'int'],
  [DuckDBTypeId.UINTEGER, 'bigint'],
  [DuckDBTypeId.BIGINT, 'bigint'],
  // What DuckDB's sums and counts give; Spark's give a bigint, and fail beyond it.
  [DuckDBTypeId.HUGEINT, 'bigint'],
  [DuckDBTypeId.UBIGINT, 'bigint'],
  [DuckDBTypeId.FLOAT, 'float'],
  [DuckDBTypeId.DOUBLE, 'double'],
  [DuckDBTypeId.VARCHAR, 'string'],
  [DuckDBTypeId.UUID, 'string'],
  [DuckDBTypeId.ENUM, 'string'],
  [DuckDBTypeId.TIME, 'string'],
  [DuckDBTypeId.BLOB, 'binary'],
  [DuckDBTypeId.DATE, 'date'],
  [DuckDBTypeId.TIMESTAMP_TZ, 'timestamp'],
  [DuckDBTypeId.TIMESTAMP, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_S, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_MS, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_NS, 'timestamp_ntz'],
  [DuckDBTypeId.SQLNULL, 'void'],
]);

/** The Delta type that holds every value of a DuckDB type; throws where there is none. */
export function typeOfDuck(type: DuckDBType): WarehouseType {
  if (type instanceof DuckDBDecimalType) return { kind: 'decimal', precision: type.width, scale: type.scale };
  if (type instanceof DuckDBListType) return { kind: 'array', element: typeOfDuck(type.valueType) };
  if (type instanceof DuckDBMapType) {
    return { kind: 'map', key: typeOfDuck(type.keyType), value: typeOfDuck(type.valueType) };
  }
  if (type instanceof DuckDBStructType) {
    const fields = type.entryNames.map((name, index) => ({
      name,
      type: typeOfDuck(type.entryTypes[index] as DuckDBType),
    }));
    return { kind: 'struct', fields };
  }
  const kind = BY_ID.get(type.typeId);
  if (!kind) throw unsupported(`values of the type ${type.toString().toLowerCase()}`);
  return { kind };
}
