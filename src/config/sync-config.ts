import type { SourceTable, TargetTable } from '../schema/table-name.ts';

/** One sync of lakeferry.yaml, parsed and with its defaults. Column names are the source's unless said otherwise. */
export interface SyncConfig {
  readonly name: string;
  readonly source: SourceTable;
  readonly target: TargetTable;
  /** Source columns, one or more, that identify a row. */
  readonly primaryKey: readonly string[];
  readonly columns: ColumnRules;
  /** A Databricks SQL predicate over source columns. A row that leaves it is deleted from the target. */
  readonly where?: string;
  readonly deletes: DeleteMode;
  readonly metadata: MetadataColumns;
  readonly nulCharacters: 'reject' | 'strip';
  readonly rejectedRows: 'halt' | 'quarantine';
  /** Keys that may stand in `lakeferry.rejected_rows` before a sync that quarantines halts. 1 to 100,000. */
  readonly maxRejectedRows: number;
  /** Part of the target's rows, in percent, that one window may delete. 1 to 100. */
  readonly maxDeletePercent: number;
  /** EventBridge Scheduler expression, `rate(5 minutes)` or `cron(…)`; or `continuous`. */
  readonly schedule: string;
  /** A sync that lags by more sets off an alarm. */
  readonly maxLagSeconds: number;
  /** Aim for the net changes of one chunk; a window with more is cut into slices. 1,000 to 10,000,000. */
  readonly maxChunkRows: number;
  /** Chunks of this sync that may be applied at once. 1 to 100. */
  readonly maxWriters: number;
}

export interface ColumnRules {
  /** Only these source columns; all of them when absent. Key columns are always included. */
  readonly include?: readonly string[];
  readonly exclude: readonly string[];
  /** Source column → target column. */
  readonly rename: Readonly<Record<string, string>>;
  /** Source column → Postgres type. */
  readonly types: Readonly<Record<string, string>>;
}

/** What a departure does to the target's row. A soft delete sets `column` (timestamptz) to the time of the apply. */
export type DeleteMode =
  | { readonly mode: 'hard' }
  | { readonly mode: 'soft'; readonly column: string }
  | { readonly mode: 'ignore' };

/** Target columns that Lakeferry fills beside the mapped ones; each is left out unless named. */
export interface MetadataColumns {
  /** `bigint`: version of the commit whose change the row shows. */
  readonly commitVersion?: string;
  /** `timestamptz`: time of that commit. */
  readonly commitTimestamp?: string;
  /** `timestamptz`: when Lakeferry wrote the row. */
  readonly syncedAt?: string;
}
