import type { CommitVersion } from '../change/commit-version.ts';
import type { Chunk, Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import type { Page, RetryKeys } from '../source/source.ts';

/** The sync's row in Postgres: the truth of what has been applied. */
export interface SyncRow {
  /** Changes with every write of the row: a plan opens only under the revision that its reconcile read. */
  readonly revision: string;
  /** The plan last opened; `open` says whether it still is. */
  readonly plan?: Plan;
  readonly open: boolean;
  readonly through?: CommitVersion;
  /** Commit time of `through`, milliseconds since the epoch. */
  readonly throughCommittedAt?: number;
  /** Highest version that any opened plan may have written, for `sourceTableId`. */
  readonly reach?: CommitVersion;
  readonly sourceTableId?: string;
  readonly mappingDigest?: string;
  readonly targetOid?: number;
  readonly rowsUpserted: bigint;
  readonly rowsDeleted: bigint;
  readonly rowsRejected: bigint;
  /** When a plan was last finished, milliseconds since the epoch. */
  readonly finishedAt?: number;
}

/** The target table as it stands, if it does. */
export interface TargetFacts {
  readonly oid: number;
  readonly empty: boolean;
  /** A unique index or exclusion constraint besides the key: a window must be one slice. */
  readonly uniqueBesidesKey: boolean;
  /** A foreign key to itself: what is written at once must be one slice, a first load too. */
  readonly refersToItself: boolean;
}

export interface TargetState {
  readonly row: SyncRow;
  readonly table?: TargetFacts;
}

export interface ApplyCounts {
  readonly upserted: number;
  readonly deleted: number;
  readonly rejected: number;
}

/**
 * `applied`: committed now. `already_applied`: the ledger has it. `divided`: the ledger has parts of it, and nothing
 * was done; the rest is written in parts, too. `in_progress`: another transaction is at its slice, and was waited for in
 * vain. `fenced`: another plan is open, or none.
 */
export type ApplyOutcome =
  | { readonly outcome: 'applied'; readonly counts: ApplyCounts }
  | { readonly outcome: 'already_applied' }
  | { readonly outcome: 'divided'; readonly missing: readonly Slice[] }
  | { readonly outcome: 'in_progress' }
  | { readonly outcome: 'fenced' };

/** How a plan went. */
export interface PlanSpeed {
  /** Transaction time of the chunk that took longest. */
  readonly slowestMs: number;
  /** Of all chunks together; absent where there were too few rows to tell. */
  readonly rowsPerSecond?: number;
}

export type FinishOutcome =
  | { readonly outcome: 'finished'; readonly through: CommitVersion; readonly speed: PlanSpeed }
  /** Some slices, or parts of them, are not in the ledger yet: these, in order. */
  | { readonly outcome: 'incomplete'; readonly missing: readonly Slice[] }
  /** This plan is no longer the open one. `through` is what the row says now. */
  | { readonly outcome: 'superseded'; readonly through: CommitVersion | undefined };

/** A source row that was put aside, by its key. Times are milliseconds since the epoch. */
export interface RejectedKey {
  /** Text of the key's values, in key order; null is NULL. Row data: for whoever asks for it, never for a log. */
  readonly key: readonly (string | null)[];
  readonly reason: string;
  /** Source column at fault, where one is. */
  readonly column?: string;
  /** What Postgres said, where it was Postgres that refused the row. */
  readonly sqlState?: string;
  readonly constraint?: string;
  /** Version of the newest change of this key that was rejected. */
  readonly version: CommitVersion;
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** Changes of this key that were rejected. */
  readonly attempts: bigint;
}

/** What of a sync is put aside at this moment: how many keys, how many changes of them, and the newest of the keys. */
export interface RejectedKeys {
  readonly keys: bigint;
  readonly attempts: bigint;
  readonly newest: readonly RejectedKey[];
}

/**
 * `refused`: the row's revision is not the plan's base, or what the plan presumes of the target no longer holds;
 * reconcile again.
 */
export type OpenOutcome = 'opened' | 'already_open' | 'refused';

/**
 * The Postgres side of a sync. Every failure is a SyncError of a `target_…`, `unique_conflict`, `row_rejected`
 * or, from a callback, any other kind; then nothing of the call is left in the target.
 */
export interface Target {
  /** Brings the `lakeferry` schema of the target database to this version's form. Safe to run at once from many. */
  migrate(signal: AbortSignal): Promise<void>;
  /**
   * Reads the sync's row (made when missing) and the target table, in one transaction. The table's columns may spell
   * those of `key` in another case.
   */
  readState(
    sync: string,
    table: Plan['target'],
    key: readonly string[],
    signal: AbortSignal,
  ): Promise<TargetState>;
  /** The rows of all syncs, read only: for status. Empty when the schema is not there. */
  readRows(signal: AbortSignal): Promise<ReadonlyMap<string, SyncRow>>;
  /** What stands in `lakeferry.rejected_rows`, at most `limit` keys (1 or more) of it; nothing without the schema. */
  readRejected(sync: string, limit: number, signal: AbortSignal): Promise<RejectedKeys>;
  /** Those of its keys that a retry reads again: at most 10,000, those that have been waiting for the longest time. */
  readRetryKeys(sync: string, signal: AbortSignal): Promise<RetryKeys>;
  /** How many keys stand there, by sync; a sync without any is left out. */
  countRejected(signal: AbortSignal): Promise<ReadonlyMap<string, bigint>>;
  /**
   * The target table's columns, name to type as `format_type` prints it; undefined when there is no such table. A
   * mapping is resolved against them, so that a column that is there keeps its type where that loses nothing
   * (`holdsWithoutLoss` of src/types).
   */
  readColumnTypes(
    table: Plan['target'],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | undefined>;
  /** Creates the target table when missing, or checks that the mapping fits it (`target_incompatible`). */
  ensureTable(plan: Pick<Plan, 'target' | 'mapping' | 'sync'>, signal: AbortSignal): Promise<void>;
  /**
   * Makes the plan the open one. Needs its base, and for a snapshot a target that is empty or holds nothing but
   * the rows of a load that was never finished, which go (`target_not_empty`).
   */
  open(plan: Plan, signal: AbortSignal): Promise<OpenOutcome>;
  /** Lets the plan, and no other, delete more than its mapping allows. False where it is not the open one. */
  approveDeletes(plan: Plan, signal: AbortSignal): Promise<boolean>;
  /**
   * Applies one chunk in one transaction. `beforeCommit` runs after the last page and before the commit; what it
   * throws rolls everything back.
   */
  apply(
    chunk: Chunk,
    pages: () => AsyncIterable<Page>,
    beforeCommit: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<ApplyOutcome>;
  /**
   * Moves `through` and closes the plan if its ledger is complete. Waits for no writer while it is not. Safe to call
   * from many.
   */
  finish(plan: Plan, signal: AbortSignal): Promise<FinishOutcome>;
  /** Closes a retry that is not to be finished. False where the plan is not an open retry. */
  abandonRetry(plan: Plan, signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}
