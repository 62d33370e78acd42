import type { CommitVersion } from '../change/commit-version.ts';
import type { Window } from '../change/window.ts';
import type { SourceTable, TargetTable } from '../schema/table-name.ts';
import type { Mapping } from './mapping.ts';
import type { Slice } from './slices.ts';

/**
 * What a plan reads: the whole table at one version, the changes of a window, or again the rows that are put aside, at
 * the version that the target shows.
 */
export type Work =
  | { readonly kind: 'snapshot'; readonly version: CommitVersion }
  | ({ readonly kind: 'window' } & Window)
  | { readonly kind: 'retry'; readonly version: CommitVersion };

/**
 * A decision that never changes once it is made. Everything a writer needs is in it, so that a message can be
 * applied by a writer that knows nothing else, however late.
 */
export interface Plan {
  /** A random uuid: the identity by which fence, ledger, finish, release and `done` compare. */
  readonly id: string;
  readonly sync: string;
  /** Revision of the sync's row that this plan's own reconcile read: the plan opens under it or never. */
  readonly base: string;
  readonly source: SourceTable;
  /** Delta's id of the source table. */
  readonly sourceTableId: string;
  readonly target: TargetTable;
  readonly work: Work;
  /** Commit time of the version that the target shows once the plan is finished, milliseconds since the epoch. */
  readonly throughCommittedAt: number;
  /** Key-hash buckets, 1 to 500; one chunk each, unless it is halved. */
  readonly slices: number;
  /** Whether a slice may be written in parts; if not, any two of its rows belong into one transaction. */
  readonly divisible: boolean;
  /** Chunks that are on their way at once, 1 to 100. */
  readonly writers: number;
  /** Page buckets of one chunk, 1 to 4,096. */
  readonly pages: number;
  readonly mapping: Mapping;
}

/** One message's work: a plan and one of its slices, or a part of one. */
export interface Chunk extends Slice {
  readonly plan: Plan;
}

/** The version that the target shows once the plan is finished. */
export function throughOf(plan: Plan): CommitVersion {
  return plan.work.kind === 'window' ? plan.work.through : plan.work.version;
}
