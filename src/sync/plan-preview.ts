import type { CommitVersion } from '../change/commit-version.ts';
import type { HaltCause } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Plan } from '../plan/plan.ts';
import type { SourceColumn } from '../schema/source-column.ts';
import type { NetChanges } from '../source/survey.ts';
import type { DeleteWeight, TableFinding } from '../target/survey.ts';
import type { EstimatedRows } from './make-plan.ts';

/**
 * What the next tick would do for one sync, as far as it could be looked at just now. Times are milliseconds since the
 * epoch.
 */
export interface PlanPreview {
  readonly config: SyncConfig;
  readonly lookedAt: number;
  readonly standing: Standing;
  /** Undefined where source or target could not be looked at, or a halt is expected before there is a plan. */
  readonly next: NextPreview | undefined;
  /** Columns that are new at the source, and that the plan leaves out. */
  readonly leftOut: readonly SourceColumn[];
  /** Keys that are put aside at this moment; undefined when the target could not be asked. */
  readonly rejectedKeys: bigint | undefined;
  /** What the sync is expected to halt for, each with what to do then. */
  readonly halts: readonly Finding[];
  /** What could not be looked at, and why. */
  readonly unknown: readonly Unknown[];
}

/** What a finding is about. */
export type Subject =
  | 'checkpoint'
  | 'source'
  | 'target'
  | 'changes'
  | 'deletes'
  | 'table'
  | 'rights'
  | 'rejected';

export type Finding = Omit<HaltCause, 'at'> & { readonly of: Subject };

/** `kind` is absent where nothing failed, and what was looked at does not tell. */
export type Unknown = Omit<Finding, 'kind'> & Partial<Pick<Finding, 'kind'>>;

/** What the checkpoint says about the next tick. */
export type Standing =
  /** It may plan. */
  | { readonly state: 'free' }
  /** Nothing is deployed, so nothing ticks: `why` says where that was looked for. */
  | { readonly state: 'undeployed'; readonly why: string }
  /** Another planner is at work, until its lease runs out. */
  | { readonly state: 'planning'; readonly leaseUntil: number }
  | { readonly state: 'applying' }
  | { readonly state: 'halted'; readonly cause: HaltCause }
  | {
      readonly state: 'paused';
      readonly by: string;
      readonly reason: string;
      readonly at: number;
      readonly cause?: HaltCause;
    }
  /** The checkpoint could not be read; see `unknown`. */
  | { readonly state: 'unknown' };

export type NextPreview =
  /** The source has nothing new. */
  | { readonly step: 'nothing'; readonly version: CommitVersion }
  /** A plan that is open goes on. */
  | {
      readonly step: 'goes_on';
      readonly plan: Plan;
      /** Slices that are known to be applied; undefined when that could not be asked. */
      readonly done: number | undefined;
      /** Newest version of the source; undefined when it could not be asked. */
      readonly latest: CommitVersion | undefined;
    }
  | ({ readonly step: 'plan' } & WorkPreview);

/** A plan that would be opened. */
export interface WorkPreview {
  readonly plan: Plan;
  /** Times of a window's first and last commit; undefined where its history does not reach back so far. */
  readonly committed: { readonly first: number; readonly last: number } | undefined;
  readonly changes: ChangesPreview;
  /** Undefined when the target table could not be looked at. */
  readonly table: TableFinding | undefined;
  /** Undefined where the plan deletes nothing whatever comes, or where that is not known. */
  readonly deletes: DeletesPreview | undefined;
}

/** Estimated or exact, never something between. */
export type ChangesPreview =
  | ({ readonly kind: 'estimate' } & EstimatedRows)
  | ({ readonly kind: 'exact' } & NetChanges);

export interface DeletesPreview {
  readonly kind: 'estimate' | 'exact';
  readonly rows: number;
  /** Undefined where the target could not be asked. */
  readonly weight: DeleteWeight | undefined;
}
