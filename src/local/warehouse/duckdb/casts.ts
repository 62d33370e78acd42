import { raiseSql } from './errors.ts';
import { duckTypeText, type WarehouseType } from './types.ts';

/** `cast(expression as type)` with Spark's meaning. `expression` may be evaluated by type, but only one branch stays. */
export function castSql(expression: string, type: WarehouseType): string {
  switch (type.kind) {
    case 'boolean':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
    case 'double':
    case 'binary':
    case 'date':
    case 'timestamp_ntz':
      return `lf_to_${type.kind}(${expression})`;
    case 'string':
      return textSql(expression);
    case 'varchar':
      return `left(lf_to_string(${expression}), ${type.length})`;
    case 'char':
      return `rpad(lf_to_string(${expression}), ${type.length}, ' ')`;
    default:
      return `cast(${expression} as ${duckTypeText(type)})`;
  }
}

/** `cast(expression as string)`. */
export function textSql(expression: string): string {
  return `${COLUMN.test(expression) ? 'lf_text' : 'lf_to_string'}(${expression})`;
}

const COLUMN = /^(?:\w+|"(?:[^"]|"")+")(?: \. "(?:[^"]|"")+")*$/;

/** `try_cast`: NULL where the value is malformed or out of range. */
export function tryCastSql(expression: string, type: WarehouseType): string {
  switch (type.kind) {
    case 'boolean':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
      return `lf_try_${type.kind}(${expression})`;
    case 'string':
    case 'binary':
    case 'varchar':
    case 'char':
      return castSql(expression, type);
    default:
      return `try_cast(${expression} as ${duckTypeText(type)})`;
  }
}

/**
 * What a column stores of an expression: the cast, the length rule of varchar and char, and NOT NULL. A violation
 * fails the statement. The column's name stands in the error, the value does not.
 */
export function storedSql(
  expression: string,
  column: { readonly name: string; readonly nullable: boolean },
  type: WarehouseType,
): string {
  const value =
    type.kind === 'varchar' || type.kind === 'char'
      ? limitedSql(expression, type)
      : castSql(expression, type);
  if (column.nullable) return value;
  const violated = raiseSql(
    'DELTA_NOT_NULL_CONSTRAINT_VIOLATED',
    '23502',
    `NOT NULL constraint violated for column: ${column.name}.`,
  );
  return `coalesce(${value}, ${violated})`;
}

function limitedSql(expression: string, type: WarehouseType & { readonly length: number }): string {
  const text = `lf_to_string(${expression})`;
  const violated = raiseSql(
    'DELTA_EXCEED_CHAR_VARCHAR_LIMIT',
    '22001',
    `A value exceeds the length limit of ${type.kind}(${type.length}).`,
  );
  const kept = type.kind === 'char' ? `rpad(${text}, ${type.length}, ' ')` : text;
  return `case when length(rtrim(${text}, ' ')) > ${type.length} then ${violated} else left(${kept}, ${type.length}) end`;
}
