import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  type DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBMaterializedResult,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { type EngineBatch, type EngineColumn, EngineError, type EngineResult } from '../engine.ts';
import { engineError } from './errors.ts';
import { type StructField, typeOfDuck, typeText, type WarehouseType } from './types.ts';

/** Values of rows that JavaScript made, in the forms of EngineColumn. */
export function rowsResult(
  columns: readonly EngineColumn[],
  rows: readonly (readonly unknown[])[],
): EngineResult {
  const values = columns.map((_, column) => rows.map((row) => row[column] ?? null));
  return { columns, batches: batchesOf(rows.length === 0 ? [] : [{ rows: rows.length, values }]) };
}

export const NO_RESULT: EngineResult = { columns: [], batches: batchesOf([]) };

/** A query's result, converted as its batches are read. */
export function duckResult(result: DuckDBMaterializedResult): EngineResult {
  const types = result.columnTypes().map(typeOfDuck);
  const columns = types.map((type, index) => ({ name: result.columnName(index), type: typeText(type) }));
  return { columns, batches: readChunks(result, types) };
}

async function* batchesOf(batches: readonly EngineBatch[]): AsyncGenerator<EngineBatch> {
  yield* batches;
}

async function* readChunks(
  result: DuckDBMaterializedResult,
  types: readonly WarehouseType[],
): AsyncGenerator<EngineBatch> {
  const converters = types.map(converterOf);
  for (;;) {
    const chunk = await result.fetchChunk().catch((thrown: unknown) => {
      throw engineError(thrown);
    });
    if (!chunk || chunk.rowCount === 0) return;
    yield {
      rows: chunk.rowCount,
      values: converters.map((convert, column) => columnValues(chunk, column, convert)),
    };
  }
}

type Converter = (value: NonNullable<DuckDBValue>) => unknown;

function columnValues(
  chunk: DuckDBDataChunk,
  column: number,
  convert: Converter | undefined,
): readonly unknown[] {
  const values = chunk.getColumnValues(column);
  return convert ? values.map((value) => (value === null ? null : convert(value))) : values;
}

/** Undefined where DuckDB's value is already in the form that an engine gives. */
function converterOf(type: WarehouseType): Converter | undefined {
  switch (type.kind) {
    case 'bigint':
      return toBigint;
    case 'date':
      return (value) => (value as DuckDBDateValue).days;
    case 'timestamp':
    case 'timestamp_ntz':
      return (value) => (value as DuckDBTimestampValue).micros;
    case 'binary':
      return (value) => (value as DuckDBBlobValue).bytes;
    case 'decimal':
      return String;
    case 'string':
      return (value) => (typeof value === 'string' ? value : String(value));
    case 'array':
    case 'map':
    case 'struct':
      return (value) => jsonText(value, type);
    default:
      return undefined;
  }
}

/** Sums come as 128-bit integers. */
function toBigint(value: NonNullable<DuckDBValue>): bigint {
  const big = BigInt(value as bigint);
  if (BigInt.asIntN(64, big) === big) return big;
  throw new EngineError('ARITHMETIC_OVERFLOW', '22003', 'A value is beyond the range of bigint.');
}

function jsonText(value: DuckDBValue, type: WarehouseType): string {
  if (value === null) return 'null';
  if (value instanceof DuckDBListValue && type.kind === 'array') {
    return `[${value.items.map((item) => jsonText(item, type.element)).join(',')}]`;
  }
  if (value instanceof DuckDBStructValue && type.kind === 'struct') {
    const field = ({ name, type: of }: StructField) =>
      `${JSON.stringify(name)}:${jsonText(value.entries[name] ?? null, of)}`;
    return `{${type.fields.map(field).join(',')}}`;
  }
  if (value instanceof DuckDBMapValue && type.kind === 'map') {
    const key = (of: DuckDBValue) => {
      const text = jsonText(of, type.key);
      return text.startsWith('"') ? text : JSON.stringify(text);
    };
    return `{${value.entries.map((entry) => `${key(entry.key)}:${jsonText(entry.value, type.value)}`).join(',')}}`;
  }
  return jsonScalar(value);
}

function jsonScalar(value: NonNullable<DuckDBValue>): string {
  if (typeof value === 'boolean' || typeof value === 'bigint' || value instanceof DuckDBDecimalValue)
    return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (value instanceof DuckDBBlobValue) return `"${Buffer.from(value.bytes).toString('base64')}"`;
  if (value instanceof DuckDBTimestampTZValue) return `"${new DuckDBTimestampValue(value.micros)}"`;
  return JSON.stringify(String(value));
}
