import { SyncError } from '../../src/error/sync-error.ts';
import type { TickOptions } from '../../src/sync/plan-sync.ts';
import type { Bounds } from './bounds.ts';
import { eventsOf } from './environment.ts';
import { Interner } from './intern.ts';
import { appliedAfter, brokenBy, isExpected } from './invariants.ts';
import { type Joint, type LocalState, LocalStates, type Outcome } from './local-states.ts';
import { describeChunk, planner, writer } from './processes.ts';
import { aged, type Process, type World, withDatabase, withoutProcess } from './world.ts';

/** One turn of somebody, and the world after it. */
export interface Turn {
  readonly words: readonly string[];
  readonly world: World;
  /** What of the invariants the turn broke. */
  readonly broken?: string;
}

/** Everything that can happen next in a world within the bounds. */
export class Successors {
  readonly interner = new Interner();
  readonly locals: LocalStates;
  readonly #bounds: Bounds;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.locals = new LocalStates(this.interner, bounds.forgets);
  }

  /** Equal for equal worlds. */
  numberOf({ postgres, postgresBackup, checkpoints, checkpointsBackup, ...world }: World): number {
    const part = (value: object | undefined) => (value === undefined ? '' : this.interner.numberOf(value));
    const { source, sent, processes, ticks, faults } = world;
    let text = `${source.tableId}${source.latest} ${part(postgres)},${part(postgresBackup)},${part(checkpoints)},`;
    text += `${part(checkpointsBackup)},${part(sent)},${ticks},${faults}`;
    for (const { kind, slot, local } of processes)
      text += `;${kind === 'planner' ? 'p' : 'w'}${slot}.${local}`;
    return this.interner.numberOfText(text);
  }

  async of(world: World): Promise<readonly Turn[]> {
    const turns: Turn[] = [];
    for (const event of eventsOf(world, this.#bounds))
      turns.push({ words: [event.words], world: event.world });
    for (const process of world.processes) {
      turns.push(...(await this.step(world, process)));
      const killed = withoutProcess(world, process);
      turns.push({ words: [`${this.#nameOf(process)} dies`], world: killed });
    }
    turns.push(...(await this.#beginnings(world)));
    return turns;
  }

  /** The next turn of a process, once for each way that it may go; none while it waits, but that it gives up. */
  async step(world: World, process: Process, words: readonly string[] = []): Promise<readonly Turn[]> {
    const local = this.locals.get(process.local);
    if (!('call' in local.at)) return [];
    const { call } = local.at;
    const turns: Turn[] = [];
    for (const outcome of call.ready(world) ? call.run(world) : [gaveUp(world)]) {
      turns.push(...(await this.#go(world, process, local, call.name, call.joint, outcome, words)));
    }
    return turns;
  }

  /** Whether the process does not wait for a lock. */
  isReady(world: World, process: Process): boolean {
    const { at } = this.locals.get(process.local);
    return 'call' in at && at.call.ready(world);
  }

  async #go(
    before: World,
    process: Process,
    local: LocalState,
    name: string,
    joint: Joint,
    { world, answer }: Outcome,
    earlier: readonly string[],
  ): Promise<readonly Turn[]> {
    const known = this.locals.after(local, answer);
    const next = known instanceof Promise ? await known : known;
    const moved: Process = { ...process, local: next.number };
    const here = withApplied(before, world);
    const after: World =
      'call' in next.at
        ? { ...here, processes: here.processes.map((other) => (other === process ? moved : other)) }
        : withoutProcess(here, process);
    const words = [...earlier, `${this.#nameOf(process)}: ${name}${describe(answer)}${describeEnd(next)}`];
    const broken = brokenBy(before, after, this.#bounds.histories) ?? brokenByAnswer(answer, next);
    if (broken !== undefined) return [{ words, world: after, broken }];
    if (
      (joint === 'always' || joint === this.#bounds.grain) &&
      'call' in next.at &&
      next.at.call.ready(after)
    ) {
      return this.step(after, moved, words);
    }
    return [{ words, world: after }];
  }

  async #beginnings(world: World): Promise<readonly Turn[]> {
    const { planners, writers, ticks, loaded, retries } = this.#bounds;
    const alive = (kind: Process['kind']) => world.processes.filter((process) => process.kind === kind);
    const turns: Turn[] = [];
    if (world.ticks < ticks + (loaded ? 1 : 0) && alive('planner').length < planners) {
      const byPerson = world.checkpoints.checkpoint?.state === 'halted';
      const later = this.#bounds.grain === 'step' ? aged(world) : undefined;
      for (const retryRejected of retries ? [false, true] : [false]) {
        turns.push(...(await this.tick(world, { byPerson, retryRejected })));
        const begun = later ? await this.tick(later, { byPerson, retryRejected }) : [];
        turns.push(...begun.map((turn) => ({ ...turn, words: ['time passes', ...turn.words] })));
      }
    }
    if (alive('writer').length < writers) {
      for (const chunk of world.sent) turns.push(...(await this.deliver(world, chunk)));
    }
    return turns;
  }

  /** A planner's beginning; none if it sees at once that there is nothing to do. */
  async tick(world: World, options: TickOptions): Promise<readonly Turn[]> {
    const tick = world.ticks + 1;
    const begun = await this.locals.begin(planner(tick, options, this.#bounds, this.interner));
    const process: Process = { kind: 'planner', slot: tick, local: begun.number };
    const turns = await this.#begin({ ...world, ticks: tick }, process);
    return turns.filter(
      ({ world: after }) => after.processes.length > world.processes.length || hasChanged(world, after),
    );
  }

  async deliver(world: World, chunk: World['sent'][number]): Promise<readonly Turn[]> {
    const slots = world.processes.filter(({ kind }) => kind === 'writer').map(({ slot }) => slot);
    const slot = [1, 2, 3, 4].find((free) => !slots.includes(free)) ?? 0;
    const begun = await this.locals.begin(writer(slot, chunk, this.#bounds, this.interner));
    const process: Process = { kind: 'writer', slot, local: begun.number };
    const turns = await this.#begin(world, process);
    return turns.map((turn) => ({ ...turn, words: [`deliver ${describeChunk(chunk)}`, ...turn.words] }));
  }

  async #begin(world: World, process: Process): Promise<readonly Turn[]> {
    const processes = [...world.processes, process].sort((a, b) =>
      a.kind < b.kind || (a.kind === b.kind && a.slot < b.slot) ? -1 : 1,
    );
    return this.step({ ...world, processes }, process);
  }

  #nameOf({ kind, slot }: Process): string {
    return `${kind} ${slot}`;
  }

  close(): void {
    this.locals.close();
  }
}

function hasChanged(before: World, after: World): boolean {
  return (
    before.postgres !== after.postgres ||
    before.checkpoints !== after.checkpoints ||
    before.sent !== after.sent
  );
}

/** A lock is waited for only so long. */
function gaveUp(world: World): Outcome {
  return { world, answer: { error: new SyncError('target_busy', 'A lock was not granted in time.') } };
}

/** Keeps the onlooker's record, and leaves out the counts that are for people only. */
function withApplied(before: World, after: World): World {
  if (before.postgres === after.postgres) return after;
  const { database } = after.postgres;
  const syncs = Object.fromEntries(
    Object.entries(database.syncs).map(([sync, row]) => [
      sync,
      { ...row, rowsUpserted: 0n, rowsDeleted: 0n },
    ]),
  );
  const applied = appliedAfter(before.postgres, database);
  return {
    ...withDatabase(after, { ...database, syncs }),
    postgres: { database: { ...database, syncs }, applied },
  };
}

function brokenByAnswer(answer: Outcome['answer'], { at }: LocalState): string | undefined {
  if ('error' in answer && !isExpected(answer.error.kind))
    return `a call fails with ${answer.error.kind}: ${answer.error.message}`;
  if ('failed' in at && !isExpected(at.failed.kind))
    return `a process fails with ${at.failed.kind}: ${at.failed.message}${at.failed.cause ? ` (${at.failed.cause})` : ''}`;
  return undefined;
}

function describe(answer: Outcome['answer']): string {
  if ('error' in answer) return `: ${answer.error.kind}`;
  const { value } = answer;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return `: ${value}`;
  if (typeof value !== 'object' || value === null) return '';
  return 'outcome' in value ? `: ${String(value.outcome)}` : '';
}

function describeEnd({ at }: LocalState): string {
  if ('ended' in at) return `, ends: ${at.ended}`;
  return 'failed' in at ? `, fails: ${at.failed.kind}` : '';
}
