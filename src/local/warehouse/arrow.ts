/**
 * Rows as Arrow IPC messages, written column by column into flat buffers: the builders of apache-arrow take
 * several times as long for text.
 */
import {
  type Data,
  DataType,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
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
    const children = this.#columns.map(({ arrow }, at) => pack(arrow, batch.values[at] ?? [], start, end));
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
}

function bytesOf(writer: RecordBatchStreamWriter): Buffer {
  const bytes = writer.finish().toUint8Array(true);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isVariable(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isBinary(type);
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

type Values = readonly unknown[];

function pack(type: DataType, values: Values, start: number, end: number): Data {
  const length = end - start;
  const nulls = new NullMask(length);
  if (DataType.isUtf8(type)) {
    const { offsets, data } = packText(values, start, end, nulls);
    return makeData({ type, length, ...nulls.part, valueOffsets: offsets, data });
  }
  if (DataType.isBinary(type)) {
    const { offsets, data } = packBytes(values, start, end, nulls);
    return makeData({ type, length, ...nulls.part, valueOffsets: offsets, data });
  }
  if (DataType.isBool(type)) {
    const data = new Uint8Array((length + 7) >> 3);
    each(values, start, end, nulls, (value, at) => {
      if (value === true) data[at >> 3] = (data[at >> 3] ?? 0) | (1 << (at & 7));
    });
    return makeData({ type, length, ...nulls.part, data });
  }
  if (DataType.isDecimal(type)) {
    const data = new BigInt64Array(2 * length);
    each(values, start, end, nulls, (value, at) => {
      const unscaled = unscaledDecimal(value as string, type.precision, type.scale);
      data[2 * at] = BigInt.asIntN(64, unscaled);
      data[2 * at + 1] = unscaled >> 64n;
    });
    return makeData({ type, length, ...nulls.part, data: new Uint32Array(data.buffer) });
  }
  const data = new type.ArrayType(length);
  each(values, start, end, nulls, (value, at) => {
    data[at] = value;
  });
  return makeData({ type, length, ...nulls.part, data } as Parameters<typeof makeData>[0]);
}

function packText(values: Values, start: number, end: number, nulls: NullMask) {
  const offsets = new Int32Array(end - start + 1);
  let bytes = 0;
  for (let row = start; row < end; row++) {
    const value = values[row];
    if (value === null) nulls.add(row - start);
    else bytes += Buffer.byteLength(value as string, 'utf8');
    offsets[row - start + 1] = bytes;
  }
  const data = Buffer.allocUnsafeSlow(bytes);
  each(values, start, end, undefined, (value, at) => {
    data.write(value as string, offsets[at] ?? 0, 'utf8');
  });
  return { offsets, data };
}

function packBytes(values: Values, start: number, end: number, nulls: NullMask) {
  const offsets = new Int32Array(end - start + 1);
  let bytes = 0;
  for (let row = start; row < end; row++) {
    const value = values[row];
    if (value === null) nulls.add(row - start);
    else bytes += (value as Uint8Array).length;
    offsets[row - start + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  each(values, start, end, undefined, (value, at) => {
    data.set(value as Uint8Array, offsets[at]);
  });
  return { offsets, data };
}

/** Calls `put` for every value that is not null, and marks those that are. */
function each(
  values: Values,
  start: number,
  end: number,
  nulls: NullMask | undefined,
  put: (value: unknown, at: number) => void,
): void {
  for (let row = start; row < end; row++) {
    const value = values[row];
    if (value === null) nulls?.add(row - start);
    else put(value, row - start);
  }
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
