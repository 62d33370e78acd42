import { SyncError } from '../../error/sync-error.ts';
import { type ResultRow, textCell } from './client.ts';

/** A count that the statement gives as text. Throws `source_incomplete` where there is none. */
export function count(row: ResultRow, name: string): number {
  const value = Number(textCell(row, name));
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SyncError('source_incomplete', `The warehouse gave no count in the result column ${name}.`, {
    column: name,
  });
}

/** Milliseconds since the epoch of a timestamp, as the driver gives it in a session in UTC. */
export function millisecondsOf(value: unknown): number {
  const time = value instanceof Date ? value.getTime() : Date.parse(`${String(value).replace(' ', 'T')}Z`);
  if (Number.isFinite(time)) return time;
  throw new SyncError('source_failed', 'The warehouse gave no time where there is always one.', {});
}
