import { SyncError } from '../../error/sync-error.ts';

/**
 * Whether Postgres refused a statement for the sake of a row in it, so that the rest can be written without that
 * row. All else (a lost connection, a lock, a limit of time or memory, a table that changed) concerns every row.
 * `keyIndexes` are the names of what enforces the key: of two rows with one key, nobody knows the right one.
 */
export function isRowFault(error: unknown, keyIndexes: ReadonlySet<string>): error is SyncError {
  if (!(error instanceof SyncError) || error.fields.sqlState === undefined) return false;
  if (error.kind === 'unique_conflict') return !keyIndexes.has(String(error.fields['constraint']));
  return error.kind === 'row_rejected';
}
