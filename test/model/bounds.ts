import { ALL_RULES, type TargetRules } from '../support/memory-database.ts';
import type { Histories } from '../support/memory-source.ts';

/** What may go wrong at any moment, each at most once. */
export type Fault =
  /** Postgres is restored to any earlier moment. */
  | 'rewind'
  /** Postgres is empty: neither our schema nor the target. */
  | 'emptied'
  | 'schema dropped'
  /** A person drops the target and makes it anew. */
  | 'target replaced'
  | 'target dropped'
  | 'checkpoint lost'
  /** DynamoDB is restored to any earlier moment. */
  | 'checkpoint restored'
  /** The source is dropped and made again under its name: another table, at version 0. */
  | 'source recreated'
  /** The warehouse fails at a chunk. */
  | 'chunk unreadable'
  /** A writer's time runs out at a chunk. */
  | 'out of time'
  /** The warehouse does not know of the newest commits. */
  | 'stale look';

/** The rules that a negative control can take out. */
export interface Rules extends TargetRules {
  /** `through` is read from Postgres, not from the checkpoint. */
  readonly reconcile: boolean;
}

export interface Bounds {
  readonly histories: Histories;
  /** Commits that happen while we watch; the first of a table is there from the start. */
  readonly newestVersion: number;
  /** Of planners, beside the one of the first load. */
  readonly ticks: number;
  /** Begins with a target that was loaded at version 0, not with nothing. */
  readonly loaded: boolean;
  /** A person may ask for a row that is put aside to be tried again. */
  readonly retries: boolean;
  /** Alive at once. */
  readonly planners: number;
  readonly writers: number;
  /** Any of these numbers of slices may a plan have. */
  readonly slices: readonly number[];
  /** Chunks of a plan that are on their way at once. */
  readonly lanes: number;
  readonly faults: readonly Fault[];
  /**
   * `call`: others may come between any two calls of a process. `step`: a process keeps its turn over calls in a row
   * of which the later ones see nothing that the others change, or are sure to notice a change by a conditional write.
   */
  readonly grain: 'call' | 'step';
  /** Processes that can only go on alike are taken for equal, which makes far fewer states of the same stores. */
  readonly forgets: boolean;
  /** From every state it is tried whether it ends well when nothing more goes wrong. */
  readonly recovers: boolean;
  readonly rules: Rules;
  /** Ends the exploration, which is then not exhaustive. */
  readonly maxStates: number;
}

/** Three keys over four versions: inserts, updates, deletes, and a key that comes back. */
export const HISTORIES: Histories = {
  A: [
    { 0: 'written', 1: 'written' },
    { 0: 'written', 1: 'gone' },
    { 2: 'written', 1: 'written' },
    { 0: 'gone', 2: 'written' },
  ],
  B: [{ 1: 'written' }, { 0: 'written', 2: 'written' }, { 0: 'gone' }, { 1: 'gone', 0: 'written' }],
};

export const EVERY_RULE: Rules = { ...ALL_RULES, reconcile: true };

/** Small enough to be exhausted in a second or so. */
export const SMALL: Bounds = {
  histories: HISTORIES,
  newestVersion: 1,
  ticks: 2,
  loaded: false,
  retries: false,
  planners: 2,
  writers: 1,
  slices: [1, 2],
  lanes: 2,
  faults: [],
  grain: 'step',
  forgets: true,
  recovers: true,
  rules: EVERY_RULE,
  maxStates: 2_000_000,
};
