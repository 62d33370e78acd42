import type { Bounds } from './bounds.ts';
import { dropTarget, isSettled } from './environment.ts';
import type { Successors, Turn } from './successors.ts';
import { aged, FIRST_WORLD, type World } from './world.ts';

/** Rounds of ticks and deliveries; each at least makes a plan, applies one or halts. */
const MAX_ROUNDS = 12;

/** Halts of which the remedy says to drop the target, so that it is loaded anew. */
const DROPS_TARGET: readonly string[] = ['source_replaced', 'retention_gap', 'target_not_empty'];

/**
 * What a patient operator and the schedule make of a world when nothing more goes wrong: whoever is alive goes on, each
 * message comes, time passes, and a halt is met as its remedy says. It ends with a target that equals the source.
 */
export class Recovery {
  readonly #successors: Successors;
  readonly #bounds: Bounds;
  readonly #recovers = new Set<number>();

  constructor(successors: Successors, bounds: Bounds) {
    this.#successors = successors;
    this.#bounds = bounds;
  }

  /** What went wrong on the way, in words; undefined when the world recovers. */
  async from(
    world: World,
  ): Promise<{ readonly broken: string; readonly steps: readonly string[] } | undefined> {
    const seen: number[] = [];
    const steps: string[] = [];
    let at: World = { ...world, faults: this.#bounds.faults };
    let persons = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const number = this.#successors.numberOf(at);
      if (isSettled(at) || this.#recovers.has(number)) {
        for (const passed of seen) this.#recovers.add(passed);
        return undefined;
      }
      seen.push(number);
      const walk = new Walk(this.#successors, at, steps);
      await walk.goOn();
      for (const chunk of walk.world.sent) await walk.run(await this.#successors.deliver(walk.world, chunk));
      walk.world = aged(walk.world) ?? walk.world;
      const { checkpoint } = walk.world.checkpoints;
      const halted = checkpoint?.state === 'halted';
      if (halted && persons++ > 0 && DROPS_TARGET.includes(checkpoint.cause.kind)) {
        walk.world = dropTarget(walk.world);
        steps.push('the operator drops the target');
      }
      await walk.run(await this.#successors.tick(walk.world, { byPerson: halted }));
      if (walk.broken !== undefined) return { broken: walk.broken, steps };
      at = walk.world;
    }
    return { broken: 'it does not recover', steps };
  }
}

/** The world after the first load, at version 0. */
export async function loadedWorld(successors: Successors, bounds: Bounds): Promise<World> {
  const walk = new Walk(successors, { ...FIRST_WORLD, faults: bounds.faults }, []);
  await walk.run(await successors.tick(walk.world, { byPerson: false }));
  while (!isSettled(walk.world)) {
    const before = walk.world;
    for (const chunk of before.sent) await walk.run(await successors.deliver(walk.world, chunk));
    if (walk.world === before) break;
  }
  if (!isSettled(walk.world)) throw new Error('the first load does not end');
  return { ...walk.world, faults: [] };
}

/** One way through a world in which every call goes well. */
class Walk {
  world: World;
  broken: string | undefined;
  readonly #successors: Successors;
  readonly #steps: string[];

  constructor(successors: Successors, world: World, steps: string[]) {
    this.#successors = successors;
    this.world = world;
    this.#steps = steps;
  }

  /** Takes the first of the turns, and goes on until all processes have ended. */
  async run(turns: readonly Turn[]): Promise<void> {
    this.#take(turns);
    await this.goOn();
  }

  async goOn(): Promise<void> {
    for (;;) {
      const process = this.world.processes.find((candidate) =>
        this.#successors.isReady(this.world, candidate),
      );
      if (!process || this.broken !== undefined) return;
      this.#take(await this.#successors.step(this.world, process));
    }
  }

  #take([turn]: readonly Turn[]): void {
    if (!turn) return;
    this.#steps.push(...turn.words);
    this.world = turn.world;
    this.broken ??= turn.broken;
  }
}
