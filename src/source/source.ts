import type { CommitVersion } from '../change/commit-version.ts';
import type { Window } from '../change/window.ts';
import type { Chunk, Work } from '../plan/plan.ts';
import type { SourceColumn } from '../schema/source-column.ts';
import type { SourceTable } from '../schema/table-name.ts';

/** Where the operation of one commit is known from the table's history. */
export interface HistoryEntry {
  readonly version: CommitVersion;
  /** Milliseconds since the epoch. */
  readonly committedAt: number;
  /** Delta's operation name, e.g. `MERGE`. */
  readonly operation: string;
  /** Change rows that the commit may have caused; an estimate, absent where its metrics say nothing. */
  readonly estimatedRows?: number;
  /**
   * Rows that the commit may have deleted; an estimate, absent where its metrics do not tell. What an update moves to
   * another key or out of a filter is not in it.
   */
  readonly estimatedDeletes?: number;
  /**
   * Columns, by their top-level names, that the commit dropped or renamed: their values go without a change row.
   * Only a table with column mapping has such commits.
   */
  readonly lostColumns?: readonly string[];
  /** All columns that a REPLACE COLUMNS left; those of other names went likewise. */
  readonly keptColumns?: readonly string[];
  /** The version that the commit, a RESTORE, went back to; its columns too. */
  readonly restored?: CommitVersion;
}

/** One look at a table. */
export interface SourceLook {
  readonly tableId: string;
  readonly latest: HistoryEntry;
}

/**
 * One result row of a chunk's query: a group of lines of Postgres COPY text.
 *
 * Field order of a line: for a snapshot the mapped columns, then the commit version and commit timestamp where
 * the mapping names them; for a window or a retry the same after a first field that is `u` (upsert) or `d` (delete).
 * A delete has `\N` in all but the key.
 */
export interface Page {
  readonly page: number;
  /** Lines in `payload`. */
  readonly rows: number;
  /** Lines joined by newlines, without a last one; empty when `rows` is 0. */
  readonly payload: string;
  /** Rows that Postgres could not hold, which are not in `payload`. */
  readonly rejected: readonly RejectedRow[];
}

export interface RejectedRow {
  /**
   * `null_key`: a key column is NULL. `nul_character`: a text holds U+0000. `invalid_utf8`: the bytes of a text are
   * not UTF-8. `too_long`: for a varchar(n). `out_of_range`: a date or time outside of the years 1 to 9999.
   */
  readonly reason: 'null_key' | 'nul_character' | 'invalid_utf8' | 'too_long' | 'out_of_range';
  /** Source column at fault. */
  readonly column: string;
  /** Text of the key's values, in key order, without U+0000; null is NULL. */
  readonly key: readonly (string | null)[];
  readonly version: CommitVersion;
}

/**
 * Keys of rows that are to be read again: texts of their values, in key order, as the source encodes them or as
 * Postgres prints them. None is NULL.
 */
export type RetryKeys = readonly (readonly string[])[];

/**
 * The lakehouse side of a sync. Every method takes a signal and stops soon after it aborts; every failure is a
 * SyncError of a `source_…`, `change_feed_off`, `retention_gap`, `schema_break` or `duplicate_source_key` kind.
 */
export interface Source {
  /** Table id first, then the newest version: a table replaced in between shows an id that no writer accepts. */
  look(table: SourceTable, signal: AbortSignal): Promise<SourceLook>;
  /** Columns of the newest version, in order. */
  readColumns(table: SourceTable, signal: AbortSignal): Promise<readonly SourceColumn[]>;
  /** Commits with `after < version <= through`, oldest first; of more than 1,000 about that many of the newest. */
  readHistory(table: SourceTable, window: Window, signal: AbortSignal): Promise<readonly HistoryEntry[]>;
  /**
   * Of all commits with `after < version <= through`, however many they are, those that dropped or renamed columns or
   * restored a version, oldest first. Throws `retention_gap` where the table has or had column mapping and its history
   * does not tell of every commit.
   */
  readSchemaEffects(
    table: SourceTable,
    window: Window,
    signal: AbortSignal,
  ): Promise<readonly HistoryEntry[]>;
  /** Rows that the work reads: of a snapshot from the table's own statistics, of a window by a scan of its changes. */
  countRows(table: SourceTable, work: Work, signal: AbortSignal): Promise<number>;
  /**
   * Pages of a chunk, in any order. Ends normally only if every page came and the counts of the warehouse and of
   * what was delivered agree; otherwise throws `source_incomplete`. The chunk of a retry reads the rows of `keys`.
   */
  readPages(chunk: Chunk, signal: AbortSignal, keys?: RetryKeys): AsyncIterable<Page>;
  /** Delta's id of the table that the name means now. */
  readTableId(table: SourceTable, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}
