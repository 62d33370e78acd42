import type { CommitVersion } from '../change/commit-version.ts';
import type { Mapping } from '../plan/mapping.ts';
import type { Plan } from '../plan/plan.ts';
import type { SourceTable } from '../schema/table-name.ts';

/** The warehouse, as it answers a statement. */
export interface WarehouseFacts {
  /** Its clock, milliseconds since the epoch. */
  readonly now: number;
  /** Whom it takes us for: a user's name, or a service principal's application id. */
  readonly principal: string;
}

/** What a table is set to keep, for whoever reads its changes. */
export interface FeedFacts {
  readonly changeFeed: boolean;
  /** As the table has it, e.g. `interval 7 days`; absent where it is the default. */
  readonly deletedFileRetention?: string;
  readonly logRetention?: string;
}

/** How the keys are in a part of a table: all rows of any key are in it, or none. */
export interface KeySample {
  /** Rows of the whole table, before any filter. */
  readonly tableRows: number;
  /** Of one key in so many. */
  readonly oneIn: number;
  readonly rows: number;
  /** Keys that more than one row has. */
  readonly repeated: number;
  /** Rows with NULL in a key column. */
  readonly nullRows: number;
}

/** Net changes of a plan, counted by the fold that its chunks read. */
export interface NetChanges {
  /** Keys whose row is written. */
  readonly upserts: number;
  /** Keys that go, and whose row the source had before the window. A key that came and went within it is none. */
  readonly deletes: number;
  /** Rows that no target could hold. */
  readonly rejected: number;
  /** Pairs of different rows that come under one key in one commit: the key is none. */
  readonly conflicts: number;
}

/** What may be asked of a source before anything is synced. Nothing here changes it. */
export interface SourceSurvey {
  /** A warehouse that is stopped starts for it. */
  readWarehouse(signal: AbortSignal): Promise<WarehouseFacts>;
  readFeed(table: SourceTable, signal: AbortSignal): Promise<FeedFacts>;
  /** The statement that switches the change feed of a table on, for its owner. */
  switchingOn(table: SourceTable): string;
  /** The statement that keeps the changes of a table for so many days, for its owner. */
  keepingFor(table: SourceTable, days: number): string;
  /** The statements that let the principal read a table, for its owner. */
  grants(table: SourceTable, principal: string): readonly string[];
  /**
   * Looks for keys that are none, among the rows that the mapping's filter keeps. Reads the key columns of the whole
   * table and groups about `keys` of them.
   */
  sampleKeys(
    table: SourceTable,
    version: CommitVersion,
    mapping: Mapping,
    keys: number,
    signal: AbortSignal,
  ): Promise<KeySample>;
  /**
   * Fails as a chunk's query would where the filter is none that the warehouse understands, or the change feed lacks
   * something of a window: of its first commit it reads a row, of the others it sees no more than that their changes
   * were recorded.
   */
  checkReadable(plan: Plan, signal: AbortSignal): Promise<void>;
  /** Reads in one query what all chunks of the plan would read. The plan is a snapshot or a window. */
  countNetChanges(plan: Plan, signal: AbortSignal): Promise<NetChanges>;
}
