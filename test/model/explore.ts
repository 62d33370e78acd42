import type { Bounds } from './bounds.ts';
import { loadedWorld, Recovery } from './recovery.ts';
import { Successors } from './successors.ts';
import { FIRST_WORLD, type World } from './world.ts';

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** Turns from the beginning to the farthest state. */
  readonly depth: number;
  /** Every state within the bounds was reached. */
  readonly exhaustive: boolean;
  /** The shortest way to a state that breaks an invariant. */
  readonly violation?: Violation;
}

export interface Violation {
  readonly broken: string;
  readonly steps: readonly string[];
}

/**
 * Every state that can be reached within the bounds, breadth first: the way to the first violation is a shortest one.
 * `onState` gets each of them once.
 */
export async function explore(bounds: Bounds, onState: (world: World) => void = () => {}): Promise<Explored> {
  const successors = new Successors(bounds);
  try {
    return await new Search(successors, bounds, onState).run();
  } finally {
    successors.close();
  }
}

class Search {
  readonly #successors: Successors;
  readonly #bounds: Bounds;
  readonly #onState: (world: World) => void;
  readonly #recovery: Recovery;
  readonly #known = new Set<number>();
  /** By state, in the order of their discovery: the state before it, and which of its turns led here. */
  readonly #parents: number[] = [];
  readonly #chosen: number[] = [];
  #transitions = 0;
  #depth = 0;

  constructor(successors: Successors, bounds: Bounds, onState: (world: World) => void) {
    this.#successors = successors;
    this.#bounds = bounds;
    this.#onState = onState;
    this.#recovery = new Recovery(successors, bounds);
  }

  async run(): Promise<Explored> {
    const first = this.#bounds.loaded ? await loadedWorld(this.#successors, this.#bounds) : FIRST_WORLD;
    this.#discover(first, -1, 0);
    let level = [{ world: first, at: 0 }];
    for (; level.length > 0; this.#depth++) {
      const nextLevel: typeof level = [];
      for (const { world, at } of level) {
        const stuck = this.#bounds.recovers ? await this.#recovery.from(world) : undefined;
        if (stuck)
          return this.#violated(stuck.broken, first, at, ['-- nothing more goes wrong --', ...stuck.steps]);
        for (const [choice, turn] of (await this.#successors.of(world)).entries()) {
          this.#transitions++;
          if (turn.broken !== undefined) return this.#violated(turn.broken, first, at, turn.words);
          if (!this.#discover(turn.world, at, choice)) continue;
          if (this.#known.size > this.#bounds.maxStates) return this.#explored(false);
          nextLevel.push({ world: turn.world, at: this.#parents.length - 1 });
        }
      }
      level = nextLevel;
    }
    return this.#explored(true);
  }

  /** False when the state was known. */
  #discover(world: World, parent: number, choice: number): boolean {
    const number = this.#successors.numberOf(world);
    if (this.#known.has(number)) return false;
    this.#known.add(number);
    this.#parents.push(parent);
    this.#chosen.push(choice);
    this.#onState(world);
    return true;
  }

  #explored(exhaustive: boolean): Explored {
    return { states: this.#known.size, transitions: this.#transitions, depth: this.#depth, exhaustive };
  }

  async #violated(broken: string, first: World, at: number, words: readonly string[]): Promise<Explored> {
    const steps = [...(await this.#trace(first, at)), ...words];
    return { ...this.#explored(false), violation: { broken, steps } };
  }

  /** The words of the turns to a state, by making them again. */
  async #trace(first: World, at: number): Promise<readonly string[]> {
    const choices: number[] = [];
    for (let state = at; state > 0; state = this.#parents[state] ?? 0) {
      choices.unshift(this.#chosen[state] ?? 0);
    }
    const words: string[] = [];
    let world = first;
    for (const choice of choices) {
      const turn = (await this.#successors.of(world))[choice];
      if (!turn) throw new Error('a turn that was made cannot be made again');
      words.push(...turn.words);
      world = turn.world;
    }
    return words;
  }
}
