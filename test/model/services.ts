import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import type { Chunk, Plan } from '../../src/plan/plan.ts';
import { slicesOf } from '../../src/plan/slices.ts';
import type { Page, RetryKeys, Source, SourceLook } from '../../src/source/source.ts';
import type { Services } from '../../src/sync/services.ts';
import type { FinishOutcome, Target, TargetState } from '../../src/target/target.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import type { MemoryDatabase } from '../support/memory-database.ts';
import { MemorySource, type SourceState } from '../support/memory-source.ts';
import type { Perform } from '../support/memory-store.ts';
import { MemoryTarget } from '../support/memory-target.ts';
import type { Bounds, Fault, Rules } from './bounds.ts';
import type { Interner } from './intern.ts';
import type { Take } from './local-states.ts';
import { checkpointsOf, queueOf } from './stores.ts';
import { Turns } from './turns.ts';
import { NEVER, NOW, withDatabase } from './world.ts';

/**
 * The services of one process, whose every call waits for its turn. `session` names its connection to Postgres.
 */
export function servicesOf(take: Take, session: number, bounds: Bounds, interner: Interner): Services {
  const turns = new Turns(take);
  const checkpoints = checkpointsOf(turns, bounds.rules, interner);
  return {
    source: sourceOf(turns, bounds),
    target: targetOf(turns, session, bounds.rules, checkpoints),
    checkpoints,
    queue: queueOf(turns, interner),
    clock: { now: () => NOW },
    log: silentLog,
    metrics: noMetrics,
  };
}

/** Reads that no change of the world can reach, and such as are only there to save work, need no turn of their own. */
const JOINT_STEPS = [
  'migrate',
  'read the column types',
  'ensure the table',
  'ask whether the chunk is settled',
  'roll back',
];

function targetOf(turns: Turns, session: number, rules: Rules, checkpoints: CheckpointStore): Target {
  const perform: Perform<MemoryDatabase> = (step) =>
    turns.on(
      step,
      ({ postgres }) => postgres.database,
      withDatabase,
      JOINT_STEPS.includes(step.name) ? 'step' : 'never',
    );
  const isWhole = rules.reconcile && rules.reach && rules.ledger;
  return isWhole
    ? new RetryingTarget(perform, session, rules)
    : new LaxTarget(perform, session, rules, checkpoints);
}

/** A target in which one row is put aside, whatever becomes of it. */
class RetryingTarget extends MemoryTarget {
  override async readRetryKeys(): Promise<RetryKeys> {
    return [['1']];
  }
}

/** A target without the rules that other services have a part in. */
class LaxTarget extends RetryingTarget {
  readonly #rules: Rules;
  readonly #checkpoints: CheckpointStore;

  constructor(perform: Perform<MemoryDatabase>, session: number, rules: Rules, checkpoints: CheckpointStore) {
    super(perform, session, rules);
    this.#rules = rules;
    this.#checkpoints = checkpoints;
  }

  override async readState(sync: string, table: Plan['target']): Promise<TargetState> {
    const state = await super.readState(sync, table);
    const { through, reach, ...row } = state.row;
    const known = this.#rules.reconcile
      ? through
      : (await this.#checkpoints.read(sync, NEVER)).checkpoint.through;
    return {
      ...state,
      row: {
        ...row,
        ...(known === undefined ? {} : { through: known }),
        ...(reach === undefined || !this.#rules.reach ? {} : { reach }),
      },
    };
  }

  override async finish(plan: Plan): Promise<FinishOutcome> {
    if (this.#rules.ledger) return super.finish(plan);
    const { done } = await this.#checkpoints.readProgress(plan.id, NEVER);
    const missing = slicesOf(plan).filter(({ slice }) => !done.has(slice));
    return missing.length > 0 ? { outcome: 'incomplete', missing } : super.finish(plan);
  }
}

function sourceOf(turns: Turns, bounds: Bounds): Source {
  const perform: Perform<SourceState> = (step) =>
    turns.on(
      step,
      ({ source }) => source,
      (world, source) => ({ ...world, source }),
      step.name === 'read the pages' ? 'never' : 'step',
    );
  return new FaultySource(perform, turns, bounds);
}

/** A source of which the explorer decides how many rows there are, and what goes wrong. */
class FaultySource extends MemorySource {
  readonly #turns: Turns;
  readonly #bounds: Bounds;

  constructor(perform: Perform<SourceState>, turns: Turns, bounds: Bounds) {
    super(perform, bounds.histories);
    this.#turns = turns;
    this.#bounds = bounds;
  }

  override countRows(): Promise<number> {
    return this.#turns.choose('slices of the plan', this.#bounds.slices);
  }

  /** Commits matter to nobody before they are looked for, so they happen just then. */
  override async look(): Promise<SourceLook> {
    await this.#turns.mayCommit(this.#bounds.newestVersion);
    const seen = await super.look();
    if (seen.latest.version === 0n || !(await this.#fails('stale look'))) return seen;
    return { ...seen, latest: { ...seen.latest, version: parseCommitVersion(seen.latest.version - 1n) } };
  }

  override async *readPages(chunk: Chunk, signal: AbortSignal, keys: RetryKeys): AsyncGenerator<Page> {
    if (await this.#fails('chunk unreadable')) {
      throw new SyncError('source_failed', 'The warehouse failed.');
    }
    if (await this.#fails('out of time')) throw new SyncError('cancelled', 'The call was cancelled.');
    yield* super.readPages(chunk, signal, keys);
  }

  async #fails(fault: Fault): Promise<boolean> {
    return this.#bounds.faults.includes(fault) && this.#turns.mayFail(fault);
  }
}
