import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import type { Chunk } from '../../src/plan/plan.ts';
import type { Slice } from '../../src/plan/slices.ts';
import { EMPTY_DATABASE, type MemoryDatabase } from '../support/memory-database.ts';
import type { SourceState } from '../support/memory-source.ts';
import { rollBack } from '../support/memory-writing.ts';
import type { Fault } from './bounds.ts';

/** Postgres, and beside it what only an onlooker knows. */
export interface Postgres {
  readonly database: MemoryDatabase;
  /** What was committed to the table that is there, since its plan was opened. */
  readonly applied: readonly AppliedPart[];
}

export interface AppliedPart extends Slice {
  readonly planId: string;
}

/**
 * DynamoDB. What is for people only is left out: the look at the source, the mirror of `through`, and failures of
 * slices.
 */
export interface Checkpoints {
  readonly checkpoint?: Checkpoint;
  /** The slices that were reported as done, by plan id. */
  readonly done: Readonly<Record<string, readonly number[]>>;
}

/** A process that is alive, and where it stands: the number of a local state. */
export interface Process {
  readonly kind: 'planner' | 'writer';
  /** No two of a kind share it. */
  readonly slot: number;
  readonly local: number;
}

/** Everything that what comes may depend on, as one value. */
export interface World {
  readonly source: SourceState;
  readonly postgres: Postgres;
  /** The moment that a restore of Postgres goes back to. */
  readonly postgresBackup?: Postgres;
  readonly checkpoints: Checkpoints;
  readonly checkpointsBackup?: Checkpoints;
  /** Every chunk that was ever sent, each once: a message may come at any time, again, or never. */
  readonly sent: readonly Chunk[];
  readonly processes: readonly Process[];
  /** Ticks of planners so far. */
  readonly ticks: number;
  /** What went wrong so far. */
  readonly faults: readonly Fault[];
}

export const FIRST_WORLD: World = {
  source: { tableId: 'A', latest: 0 },
  postgres: { database: EMPTY_DATABASE, applied: [] },
  checkpoints: { done: {} },
  sent: [],
  processes: [],
  ticks: 0,
  faults: [],
};

/** The clock stands still: time passes by making what is stored older. */
export const NOW = Date.UTC(2026, 10, 21, 12);

/** No process is told to stop; it is killed. */
export const NEVER = new AbortController().signal;

export function withDatabase(world: World, database: MemoryDatabase): World {
  if (database === world.postgres.database) return world;
  return { ...world, postgres: { ...world.postgres, database } };
}

export function withFault(world: World, fault: Fault): World {
  const faults: Fault[] = [...world.faults, fault];
  return { ...world, faults: faults.sort() };
}

/** The process is gone, and with it its transaction. */
export function withoutProcess(world: World, process: Process): World {
  const processes = world.processes.filter((other) => other !== process);
  const ended =
    process.kind === 'planner' ? world : withDatabase(world, rollBack(world.postgres.database, process.slot));
  return { ...ended, processes };
}

/** The lease of a claim has run out, or the chunks were sent long ago. Undefined when nothing is that could age. */
export function aged(world: World): World | undefined {
  const { checkpoint } = world.checkpoints;
  const with_ = (next: Checkpoint): World => ({
    ...world,
    checkpoints: { ...world.checkpoints, checkpoint: next },
  });
  if (checkpoint?.state === 'planning' && checkpoint.leaseUntil > 0)
    return with_({ ...checkpoint, leaseUntil: 0 });
  if (checkpoint?.state === 'applying' && checkpoint.sentAt > 0) return with_({ ...checkpoint, sentAt: 0 });
  return undefined;
}
