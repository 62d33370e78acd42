import type { Plan } from '../../plan/plan.ts';
import type { Rejects } from './rejected-rows.ts';
import type { TableFacts } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/** What the steps of one chunk's transaction share. */
export interface ApplyScope {
  readonly tx: Transaction;
  readonly plan: Plan;
  readonly table: TableFacts;
  /** The key's own equality, for each key column. */
  readonly equals: readonly string[];
  /** Names of what enforces the key; see `isRowFault`. */
  readonly keyIndexes: ReadonlySet<string>;
  readonly rejects: Rejects;
  /** The part of the plan's keys that the chunk has; more than 0, at most 1. */
  readonly chunkShare: number;
  /** A person lets the plan delete what it would. */
  readonly deletesApproved: boolean;
}
