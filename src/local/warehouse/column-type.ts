import type { TTypeDesc } from '@databricks/sql/thrift/TCLIService_types.js';
import types from '@databricks/sql/thrift/TCLIService_types.js';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  TimestampMicrosecond,
  Utf8,
} from 'apache-arrow';
import { EngineError } from './engine.ts';

/** How a column of a Delta type travels: what the driver is told, and the Arrow type of its values. */
export interface ColumnType {
  readonly descriptor: TTypeDesc;
  readonly arrow: DataType;
}

const { TTypeId } = types;

/**
 * Nested types travel as JSON text under their own Thrift type, which makes the driver parse them. Thrift has one
 * type for TIMESTAMP and TIMESTAMP_NTZ; Arrow's time zone tells them apart.
 */
const BY_NAME: Readonly<Record<string, () => ColumnType>> = {
  boolean: () => plain(TTypeId.BOOLEAN_TYPE, new Bool()),
  tinyint: () => plain(TTypeId.TINYINT_TYPE, new Int8()),
  smallint: () => plain(TTypeId.SMALLINT_TYPE, new Int16()),
  int: () => plain(TTypeId.INT_TYPE, new Int32()),
  bigint: () => plain(TTypeId.BIGINT_TYPE, new Int64()),
  float: () => plain(TTypeId.FLOAT_TYPE, new Float32()),
  double: () => plain(TTypeId.DOUBLE_TYPE, new Float64()),
  string: () => plain(TTypeId.STRING_TYPE, new Utf8()),
  char: () => plain(TTypeId.STRING_TYPE, new Utf8()),
  varchar: () => plain(TTypeId.STRING_TYPE, new Utf8()),
  variant: () => plain(TTypeId.STRING_TYPE, new Utf8()),
  binary: () => plain(TTypeId.BINARY_TYPE, new Binary()),
  date: () => plain(TTypeId.DATE_TYPE, new DateDay()),
  timestamp: () => plain(TTypeId.TIMESTAMP_TYPE, new TimestampMicrosecond('UTC')),
  timestamp_ntz: () => plain(TTypeId.TIMESTAMP_TYPE, new TimestampMicrosecond()),
  array: () => plain(TTypeId.ARRAY_TYPE, new Utf8()),
  map: () => plain(TTypeId.MAP_TYPE, new Utf8()),
  struct: () => plain(TTypeId.STRUCT_TYPE, new Utf8()),
  void: () => plain(TTypeId.NULL_TYPE, new Utf8()),
};

/** Throws EngineError for a type text that is no Delta type. */
export function columnType(typeText: string): ColumnType {
  const name = /^[a-z_]+/.exec(typeText)?.[0] ?? '';
  if (name === 'decimal') return decimalType(typeText);
  if (name === 'interval') {
    const months = /^interval (year|month)\b/.test(typeText);
    return plain(months ? TTypeId.INTERVAL_YEAR_MONTH_TYPE : TTypeId.INTERVAL_DAY_TIME_TYPE, new Utf8());
  }
  const type = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  if (type === undefined) throw unsupported(typeText);
  return type();
}

function decimalType(typeText: string): ColumnType {
  const digits = /^decimal\((\d+), ?(\d+)\)$/.exec(typeText);
  if (digits === null) throw unsupported(typeText);
  const precision = Number(digits[1]);
  const scale = Number(digits[2]);
  return {
    descriptor: descriptorOf(TTypeId.DECIMAL_TYPE, { precision, scale }),
    arrow: new Decimal(scale, precision, 128),
  };
}

function plain(type: types.TTypeId, arrow: DataType): ColumnType {
  return { descriptor: descriptorOf(type), arrow };
}

function descriptorOf(type: types.TTypeId, qualifiers?: Readonly<Record<string, number>>): TTypeDesc {
  const entry = new types.TPrimitiveTypeEntry({ type });
  if (qualifiers !== undefined) {
    entry.typeQualifiers = new types.TTypeQualifiers({
      qualifiers: Object.fromEntries(
        Object.entries(qualifiers).map(([name, i32Value]) => [
          name,
          new types.TTypeQualifierValue({ i32Value }),
        ]),
      ),
    });
  }
  return new types.TTypeDesc({ types: [new types.TTypeEntry({ primitiveEntry: entry })] });
}

function unsupported(typeText: string): EngineError {
  return new EngineError(
    'UNSUPPORTED_DATATYPE',
    '0A000',
    `The local SQL warehouse cannot deliver a column of type ${typeText}.`,
  );
}
