import type { ErrorKind } from '../error/error-kind.ts';

/**
 * What the functions count. Metrics are summed over all syncs: one per sync would cost more than the functions
 * themselves, so the sync's name stands beside each for searching. A call never throws.
 */
export interface Metrics {
  /** A plan of so many commit versions was opened. */
  planOpened(sync: string, versions: number): void;
  /** So many messages, one for each chunk, were sent by planner or writer. */
  chunksSent(sync: string, chunks: number): void;
  /** A chunk was committed, `ms` after its message was taken up. */
  chunkApplied(sync: string, counts: AppliedRows, ms: number): void;
  /** A message led to no write. */
  chunkSkipped(sync: string, outcome: 'already_applied' | 'divided' | 'in_progress' | 'fenced'): void;
  /** An attempt at a chunk failed; it may be tried again. */
  chunkFailed(sync: string, kind: ErrorKind): void;
  /** A sync halts, or a tick finds it halted. */
  halted(sync: string, kind: ErrorKind): void;
  lag(sync: string, lag: Lag): void;
}

/** Commits that the target lacks, and the age of the oldest of them in seconds; both 0 when it lacks none. */
export interface Lag {
  readonly versions: number;
  readonly seconds: number;
  /** More seconds than the sync's `maxLag`. */
  readonly overMaxLag: boolean;
}

export interface AppliedRows {
  readonly upserted: number;
  readonly deleted: number;
  readonly rejected: number;
}

export const noMetrics: Metrics = {
  planOpened() {},
  chunksSent() {},
  chunkApplied() {},
  chunkSkipped() {},
  chunkFailed() {},
  halted() {},
  lag() {},
};
