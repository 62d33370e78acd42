/**
 * What stands behind the local SQL warehouse's Thrift front. An engine takes the text of a statement in the
 * Databricks dialect and gives its result; the front turns it into Arrow batches for the driver.
 */
export interface WarehouseEngine {
  readonly name: string;
  /** A session of its own; settings made in one do not show in another. */
  openSession(): Promise<EngineSession>;
  close(): Promise<void>;
}

export interface EngineSession {
  /** Throws EngineError for whatever the statement is to blame for. Stops soon after `signal` aborts. */
  execute(statement: string, signal: AbortSignal): Promise<EngineResult>;
  close(): Promise<void>;
}

export interface EngineResult {
  readonly columns: readonly EngineColumn[];
  /** Batches of rows; may be read once. */
  readonly batches: AsyncIterable<EngineBatch>;
}

/**
 * `type` is Delta's type text in lower case. Values: boolean → boolean; tinyint, smallint, int, float, double →
 * number; bigint → bigint; decimal, string, variant, interval → text; array, map, struct → JSON text; binary →
 * Uint8Array; date → days since 1970-01-01; timestamp, timestamp_ntz → microseconds since the epoch as bigint;
 * NULL → null.
 */
export interface EngineColumn {
  readonly name: string;
  readonly type: string;
}

/** `values` holds one array per column, in column order, each with `rows` values. */
export interface EngineBatch {
  readonly rows: number;
  readonly values: readonly (readonly unknown[])[];
}

/** A failure with Databricks' own error class and SQLSTATE, e.g. `TABLE_OR_VIEW_NOT_FOUND`, `42P01`. */
export class EngineError extends Error {
  readonly errorClass: string;
  readonly sqlState: string;

  constructor(errorClass: string, sqlState: string, detail: string, options?: { cause?: unknown }) {
    super(`[${errorClass}] ${detail} SQLSTATE: ${sqlState}`, options);
    this.name = 'EngineError';
    this.errorClass = errorClass;
    this.sqlState = sqlState;
  }
}

/** What a statement ends with that its caller gave up. */
export function canceled(): EngineError {
  return new EngineError('OPERATION_CANCELED', 'HY008', 'The statement was canceled.');
}
