import type { SyncStatus } from '../sync/read-status.ts';
import { normalised } from './sync-status.ts';

/**
 * The document of `lakeferry status --json`. Versions are decimal text, counts numbers, times ISO 8601 in UTC. `"unknown"` stands for
 * what could not be looked at, null for what is not there: nothing applied, never looked, no error.
 */
export function statusJson(rows: readonly SyncStatus[]) {
  return { syncs: rows.map((row) => statusValue(normalised(row))) };
}

function statusValue({
  sync,
  state,
  through,
  latest,
  lookedAt,
  lag,
  overMaxLag,
  rows,
  rejectedKeys,
  drift,
  chunks,
  pace,
  lastError,
  paused,
}: SyncStatus) {
  return {
    sync,
    state,
    through: through === 'none' ? null : (through ?? 'unknown'),
    latest: latest ?? 'unknown',
    lookedAt: lookedAt === undefined ? (state === 'unknown' ? 'unknown' : null) : isoTime(lookedAt),
    lag: {
      versions: lag?.versions ?? 'unknown',
      seconds: lag?.seconds ?? 'unknown',
      overMaxLag: overMaxLag ?? 'unknown',
    },
    rows: {
      upserted: rows ? Number(rows.upserted) : 'unknown',
      deleted: rows ? Number(rows.deleted) : 'unknown',
      rejected: rows ? Number(rows.rejected) : 'unknown',
    },
    rejectedKeys: rejectedKeys === undefined ? 'unknown' : Number(rejectedKeys),
    drift: drift ?? [],
    chunks: chunks ?? null,
    pace: pace ?? 1,
    paused: paused ? { ...paused, at: isoTime(paused.at) } : null,
    lastError: lastError ? { ...lastError, at: isoTime(lastError.at) } : null,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
