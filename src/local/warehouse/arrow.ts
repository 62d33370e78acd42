/**
 * Rows as Arrow IPC messages, written column by column into flat buffers: the builders of apache-arrow take
 * longer for text.
 */
import {
  type Binary,
  type Data,
  DataType,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  type Utf8,
} from 'apache-arrow';
import { unscaledDecimal } from './decimal.ts';
import type { EngineBatch } from './engine.ts';

/** What a stream ends with: the continuation mark and a length of zero. The driver's inline batches have none. */
const END_OF_STREAM_BYTES = 8;

export interface ArrowColumn {
  readonly name: string;
  readonly arrow: DataType;
}

export class ArrowEncoder {
  /** The schema message, without end-of-stream. */
  readonly schemaMessage: Buffer;
  readonly #schema: Schema;
  readonly #columns: readonly ArrowColumn[];
  /** Columns whose values differ in size. */
  readonly #variable: readonly number[];
  readonly #scratch: Buffer[] = [];

  constructor(columns: readonly ArrowColumn[]) {
    this.#columns = columns;
    this.#schema = new Schema(columns.map(({ name, arrow }) => new Field(name, arrow, true)));
    this.#variable = columns.flatMap(({ arrow }, at) => (isVariable(arrow) ? [at] : []));
    const writer = new RecordBatchStreamWriter();
    writer.reset(undefined, this.#schema);
    this.schemaMessage = bytesOf(writer).subarray(0, -END_OF_STREAM_BYTES);
  }

  /** The rows `start <= row < end` as one record-batch message, without schema and end-of-stream. */
  encode(batch: EngineBatch, start: number, end: number): Buffer {
    const rows = end - start;
    const children = this.#columns.map(({ arrow }, at) => {
      const span = { values: batch.values[at] ?? [], start, end };
      return isVariable(arrow) ? this.#packVariable(at, arrow, span) : packFixed(arrow, span);
    });
    const data = makeData({ type: new Struct(this.#schema.fields), length: rows, nullCount: 0, children });
    const writer = new RecordBatchStreamWriter();
    writer.write(new RecordBatch(this.#schema, data));
    return bytesOf(writer).subarray(this.schemaMessage.length, -END_OF_STREAM_BYTES);
  }

  /**
   * Where to end a message that starts at `start`: after at most `maxRows` rows and about `maxBytes` bytes (a
   * character counts as one), and never before one row.
   */
  endOfMessage(batch: EngineBatch, start: number, maxRows: number, maxBytes: number): number {
    const limit = Math.min(batch.rows, start + Math.max(1, maxRows));
    const fixedBytes = 8 * this.#columns.length;
    let bytes = 0;
    for (let row = start; row < limit; row++) {
      bytes += fixedBytes;
      for (const at of this.#variable) bytes += sizeOf(batch.values[at]?.[row]);
      if (bytes > maxBytes && row > start) return row;
    }
    return limit;
  }

  #packVariable(at: number, type: Utf8 | Binary, { values, start, end }: Span): Data {
    const nulls = new NullMask(end - start);
    const valueOffsets = new Int32Array(end - start + 1);
    let bytes = 0;
    for (let row = start; row < end; row++) {
      const value = values[row];
      if (value === null) nulls.add(row - start);
      else bytes += byteLengthOf(value);
      valueOffsets[row - start + 1] = bytes;
    }
    const data = this.#scratchFor(at, bytes);
    for (let row = start; row < end; row++) {
      const value = values[row];
      const offset = valueOffsets[row - start] ?? 0;
      if (typeof value === 'string') data.write(value, offset, 'utf8');
      else if (value !== null) data.set(value as Uint8Array, offset);
    }
    return makeData({ type, length: end - start, ...nulls.part, valueOffsets, data } as VariableProps);
  }

  /**
   * Memory for a column's bytes, used again for the next message, which is a copy of it: a fresh buffer of
   * megabytes each time costs page faults and garbage collections.
   */
  #scratchFor(at: number, bytes: number): Buffer {
    let scratch = this.#scratch[at];
    if (scratch === undefined || scratch.length < bytes) {
      scratch = Buffer.allocUnsafeSlow(bytes);
      this.#scratch[at] = scratch;
    }
    return scratch.subarray(0, bytes);
  }
}

type VariableProps = Parameters<typeof makeData>[0];

/** The values `start <= row < end` of a column. */
interface Span {
  readonly values: readonly unknown[];
  readonly start: number;
  readonly end: number;
}

function bytesOf(writer: RecordBatchStreamWriter): Buffer {
  const bytes = writer.finish().toUint8Array(true);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isVariable(type: DataType): type is Utf8 | Binary {
  return DataType.isUtf8(type) || DataType.isBinary(type);
}

function byteLengthOf(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : (value as Uint8Array).length;
}

/** A guess without a pass over the text: a character counts as one byte. */
function sizeOf(value: unknown): number {
  return value === null ? 0 : (value as string | Uint8Array).length;
}

function packFixed(type: DataType, { values, start, end }: Span): Data {
  const length = end - start;
  const nulls = new NullMask(length);
  const each = (put: (value: unknown, at: number) => void) => {
    for (let row = start; row < end; row++) {
      const value = values[row];
      if (value === null) nulls.add(row - start);
      else put(value, row - start);
    }
  };
  if (DataType.isBool(type)) {
    const data = new Uint8Array((length + 7) >> 3);
    each((value, at) => {
      if (value === true) data[at >> 3] = (data[at >> 3] ?? 0) | (1 << (at & 7));
    });
    return makeData({ type, length, ...nulls.part, data });
  }
  if (DataType.isDecimal(type)) {
    const data = new BigInt64Array(2 * length);
    each((value, at) => {
      const unscaled = unscaledDecimal(value as string, type.precision, type.scale);
      data[2 * at] = BigInt.asIntN(64, unscaled);
      data[2 * at + 1] = unscaled >> 64n;
    });
    return makeData({ type, length, ...nulls.part, data: new Uint32Array(data.buffer) });
  }
  const data = new type.ArrayType(length);
  each((value, at) => {
    data[at] = value;
  });
  return makeData({ type, length, ...nulls.part, data } as Parameters<typeof makeData>[0]);
}

/** Arrow's validity bitmap: a cleared bit is a null. Not allocated while there is none. */
class NullMask {
  readonly #length: number;
  #count = 0;
  #bits: Uint8Array | undefined;

  constructor(length: number) {
    this.#length = length;
  }

  add(at: number): void {
    this.#bits ??= new Uint8Array((this.#length + 7) >> 3).fill(0xff);
    this.#bits[at >> 3] = (this.#bits[at >> 3] ?? 0) & ~(1 << (at & 7));
    this.#count += 1;
  }

  get part(): { readonly nullCount: number; readonly nullBitmap: Uint8Array | undefined } {
    return { nullCount: this.#count, nullBitmap: this.#bits };
  }
}
