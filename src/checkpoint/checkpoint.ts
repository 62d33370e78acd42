import type { CommitVersion } from '../change/commit-version.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import type { Plan } from '../plan/plan.ts';

/** Why a sync stands still, in words for the operator. */
export interface HaltCause {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly remedy: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What the last successful look at the source saw. */
export interface LastLook {
  readonly latest: CommitVersion;
  readonly latestCommittedAt: number;
  readonly at: number;
}

/** Where one sync stands. Times are milliseconds since the epoch. */
export type CheckpointState =
  | { readonly state: 'new' }
  | { readonly state: 'idle' }
  /**
   * One planner holds the claim until the lease runs out. A plan is there once it was committed; it never changes.
   * `resumed` is the halt that a person ended: until a plan is sent, whoever plans has to know what it was about.
   */
  | {
      readonly state: 'planning';
      readonly claim: string;
      readonly leaseUntil: number;
      readonly plan?: Plan;
      readonly resumed?: HaltCause;
    }
  /**
   * The chunks are on their way. `sentAt` is when they were sent last, or seen to go on; `left` what was missing then,
   * in slices of the plan; `resends` how often what was missing was sent again since it last went on, or a person
   * asked.
   */
  | {
      readonly state: 'applying';
      readonly plan: Plan;
      readonly sentAt: number;
      readonly left: number;
      readonly resends: number;
    }
  /** Nothing happens until a person acts. The plan in flight, if any, goes on from here. */
  | { readonly state: 'halted'; readonly cause: HaltCause; readonly plan?: Plan }
  /** Nothing new is planned until a person resumes it. `cause` is the halt that goes on then, if there is one. */
  | {
      readonly state: 'paused';
      readonly by: string;
      readonly reason: string;
      readonly at: number;
      readonly cause?: HaltCause;
      readonly plan?: Plan;
    };

export type Checkpoint = CheckpointState & {
  /** Mirror of the target's `through`, for status; Postgres is the truth. */
  readonly through?: CommitVersion;
  readonly look?: LastLook;
  /** Absent: full pace. */
  readonly pace?: Pace;
};

/** How gently the target is written to. */
export interface Pace {
  /** Of the rows per chunk and the writers that the configuration allows; more than 0, at most 1. */
  readonly share: number;
  /** Rows per second that a chunk's transaction usually writes. */
  readonly usualRowsPerSecond?: number;
}

/** Why the sync is halted, also while it is paused. */
export function haltCauseOf(checkpoint: CheckpointState): HaltCause | undefined {
  return 'cause' in checkpoint ? checkpoint.cause : undefined;
}

/** A checkpoint as stored. `revision` is a uuid, new at every write; undefined before the first. */
export interface StoredCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly revision: string | undefined;
}

/** What writers report of a plan's slices; for people and for economy, never for safety. */
export interface Progress {
  readonly done: ReadonlySet<number>;
  /** Last failure of a slice, by slice. */
  readonly failures: ReadonlyMap<number, SliceFailure>;
}

export interface SliceFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly attempt: number;
  readonly at: number;
}

/**
 * One checkpoint per sync, one progress record per plan. Every write is one conditional write on one item;
 * reads are strongly consistent. Failures are `checkpoint_unavailable`; `cancelled` once the signal has aborted; and
 * `config_invalid` for a plan that is too large to store.
 */
export interface CheckpointStore {
  /** A sync never written is `new`. */
  read(sync: string, signal: AbortSignal): Promise<StoredCheckpoint>;
  /** Writes if the stored revision still is `ifRevision`; `conflict` means that somebody else wrote since. */
  write(
    sync: string,
    checkpoint: Checkpoint,
    ifRevision: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: 'written'; readonly revision: string } | { readonly outcome: 'conflict' }>;
  addDone(planId: string, slice: number, signal: AbortSignal): Promise<void>;
  /** A message of more than 500 characters is cut. */
  recordFailure(planId: string, slice: number, failure: SliceFailure, signal: AbortSignal): Promise<void>;
  readProgress(planId: string, signal: AbortSignal): Promise<Progress>;
  close(): void;
}
