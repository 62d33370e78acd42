import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Checkpoint, CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import type { Chunk, Plan } from '../../src/plan/plan.ts';
import { slicesOf } from '../../src/plan/slices.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import type { Page, RetryKeys, Source, SourceLook } from '../../src/source/source.ts';
import type { Services } from '../../src/sync/services.ts';
import type { FinishOutcome, Target, TargetState } from '../../src/target/target.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import type { MemoryDatabase } from '../support/memory-database.ts';
import { MemorySource, type SourceState } from '../support/memory-source.ts';
import type { Perform, Step } from '../support/memory-store.ts';
import { MemoryTarget } from '../support/memory-target.ts';
import type { Bounds, Fault, Rules } from './bounds.ts';
import type { Interner } from './intern.ts';
import type { Call, Joint, Take } from './local-states.ts';
import { type Checkpoints, NEVER, NOW, type World, withDatabase, withFault } from './world.ts';

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

/** The calls that a process can make, as the explorer wants them. */
export class Turns {
  readonly #take: Take;

  constructor(take: Take) {
    this.#take = take;
  }

  /** A step on a part of the world. */
  async on<State, Answer>(
    step: Step<State, Answer>,
    part: (world: World) => State,
    put: (world: World, state: State) => World,
    joint: Joint = 'never',
    checkpoint?: Call['checkpoint'],
  ): Promise<Answer> {
    const { name, ready, run } = step;
    const call: Call = {
      name,
      joint,
      ...(checkpoint && { checkpoint }),
      ready: (world) => ready?.(part(world)) ?? true,
      run(world) {
        try {
          const before = part(world);
          const { state, answer } = run(before);
          return [{ world: state === before ? world : put(world, state), answer: { value: answer } }];
        } catch (thrown) {
          if (thrown instanceof SyncError) return [{ world, answer: { error: thrown } }];
          throw thrown;
        }
      },
    };
    return (await this.#take(call)) as Answer;
  }

  /** Somebody decides: each of the options is followed. */
  async choose<Option>(name: string, options: readonly Option[]): Promise<Option> {
    const answer = await this.#decide(name, (world) =>
      options.map((value) => ({ world, answer: { value } })),
    );
    return answer as Option;
  }

  /** Something may go wrong that has not yet: true if it does. */
  async mayFail(fault: Fault): Promise<boolean> {
    const answer = await this.#decide(`FAULT: ${fault}`, (world) => {
      const well = { world, answer: { value: false } };
      if (world.faults.includes(fault)) return [well];
      return [well, { world: withFault(world, fault), answer: { value: true } }];
    });
    return answer as boolean;
  }

  /** Commits matter to nobody before somebody looks, so they happen just then. */
  async mayCommit(newestVersion: number): Promise<void> {
    await this.#decide('versions committed at the source', (world) => {
      const { tableId, latest } = world.source;
      return Array.from({ length: newestVersion - latest + 1 }, (_, more) => ({
        world: more === 0 ? world : { ...world, source: { tableId, latest: latest + more } },
        answer: { value: more },
      }));
    });
  }

  #decide(name: string, run: Call['run']): Promise<unknown> {
    return this.#take({ name, joint: 'always', ready: () => true, run });
  }
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
      throw new SyncError('source_unavailable', 'The warehouse does not answer.');
    }
    if (await this.#fails('out of time')) throw new SyncError('cancelled', 'The call was cancelled.');
    yield* super.readPages(chunk, signal, keys);
  }

  async #fails(fault: Fault): Promise<boolean> {
    return this.#bounds.faults.includes(fault) && this.#turns.mayFail(fault);
  }
}

/**
 * A revision is the content itself: who reads and writes under it decides by the content alone, so that a write
 * under an equal one that was written meanwhile decides nothing else.
 */
function checkpointsOf(turns: Turns, { reconcile }: Rules, interner: Interner): CheckpointStore {
  const on = <Answer>(
    joint: Joint,
    step: Step<Checkpoints, Answer>,
    checkpoint?: Call['checkpoint'],
  ): Promise<Answer> =>
    turns.on(
      step,
      (world) => world.checkpoints,
      (world, checkpoints) => ({ ...world, checkpoints }),
      joint,
      checkpoint,
    );
  const revisionOf = (checkpoint: Checkpoint | undefined) =>
    checkpoint && String(interner.numberOf(checkpoint));
  return {
    async read() {
      const stored = await on<Checkpoint | undefined>(
        'step',
        { name: 'read the checkpoint', run: (state) => ({ state, answer: state.checkpoint }) },
        'read',
      );
      return { checkpoint: stored ?? { state: 'new' }, revision: revisionOf(stored) };
    },
    write(_sync, { look: _look, pace: _pace, through, ...state }, ifRevision) {
      const checkpoint: Checkpoint = reconcile || through === undefined ? state : { ...state, through };
      const revision = String(interner.numberOf(checkpoint));
      const same = revision === ifRevision;
      return on<Awaited<ReturnType<CheckpointStore['write']>>>(
        same ? 'step' : 'never',
        {
          name: `write the checkpoint: ${checkpoint.state}`,
          run(state) {
            if (revisionOf(state.checkpoint) !== ifRevision)
              return { state, answer: { outcome: 'conflict' } };
            return {
              state: same ? state : { ...state, checkpoint },
              answer: { outcome: 'written', revision },
            };
          },
        },
        { content: same ? '' : revision, ...('plan' in checkpoint && { planId: checkpoint.plan?.id }) },
      );
    },
    addDone: (planId, slice) =>
      on('step', {
        name: `note slice ${slice} as done`,
        run(state) {
          const done = state.done[planId] ?? [];
          if (done.includes(slice)) return { state, answer: undefined };
          return {
            state: { ...state, done: { ...state.done, [planId]: [...done, slice].sort() } },
            answer: undefined,
          };
        },
      }),
    async recordFailure() {},
    async readProgress(planId) {
      const done = await on<readonly number[]>('step', {
        name: 'read the progress',
        run: (state) => ({ state, answer: state.done[planId] ?? [] }),
      });
      return { done: new Set(done), failures: new Map() };
    },
    close() {},
  };
}

function queueOf(turns: Turns, interner: Interner): ChunkQueue {
  return {
    send: (chunks) =>
      turns.on<World['sent'], void>(
        {
          name: `send ${chunks.length} chunks`,
          run(sent) {
            const known = new Set(sent.map((chunk) => interner.numberOf(chunk)));
            const added = chunks.filter((chunk) => !known.has(interner.numberOf(chunk)));
            const all = [...sent, ...added].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
            return { state: added.length === 0 ? sent : all, answer: undefined };
          },
        },
        ({ sent }) => sent,
        (world, sent) => ({ ...world, sent }),
      ),
    async returnAfter() {},
    close() {},
  };
}

function nameOf({ plan, slice, of }: Chunk): string {
  return `${plan.id}/${of}/${slice}`;
}
