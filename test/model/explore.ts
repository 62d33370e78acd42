import type { Bounds } from './bounds.ts';
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
 */
export async function explore(bounds: Bounds, onState: (world: World) => void = () => {}): Promise<Explored> {
  const successors = new Successors(bounds);
  try {
    return await search(successors, bounds, onState);
  } finally {
    successors.close();
  }
}

async function search(
  successors: Successors,
  bounds: Bounds,
  onState: (world: World) => void,
): Promise<Explored> {
  const known = new Set<number>([successors.numberOf(FIRST_WORLD)]);
  const parents: number[] = [-1];
  const chosen: number[] = [0];
  let level: { readonly world: World; readonly at: number }[] = [{ world: FIRST_WORLD, at: 0 }];
  let transitions = 0;
  let depth = 0;
  for (; level.length > 0; depth++) {
    const nextLevel: typeof level = [];
    for (const { world, at } of level) {
      const turns = await successors.of(world);
      for (const [choice, turn] of turns.entries()) {
        transitions++;
        if (turn.broken !== undefined) {
          const steps = [...(await trace(successors, parents, chosen, at)), ...turn.words];
          return {
            states: known.size,
            transitions,
            depth,
            exhaustive: false,
            violation: { broken: turn.broken, steps },
          };
        }
        const number = successors.numberOf(turn.world);
        if (known.has(number)) continue;
        if (known.size >= bounds.maxStates)
          return { states: known.size, transitions, depth, exhaustive: false };
        known.add(number);
        onState(turn.world);
        parents.push(at);
        chosen.push(choice);
        nextLevel.push({ world: turn.world, at: parents.length - 1 });
      }
    }
    level = nextLevel;
  }
  return { states: known.size, transitions, depth, exhaustive: true };
}

/** The words of the turns to a state, by making them again. */
async function trace(
  successors: Successors,
  parents: readonly number[],
  chosen: readonly number[],
  at: number,
): Promise<readonly string[]> {
  const choices: number[] = [];
  for (let state = at; state > 0; state = parents[state] ?? 0) choices.unshift(chosen[state] ?? 0);
  const words: string[] = [];
  let world = FIRST_WORLD;
  for (const choice of choices) {
    const turn = (await successors.of(world))[choice];
    if (!turn) throw new Error('a turn that was made cannot be made again');
    words.push(...turn.words);
    world = turn.world;
  }
  return words;
}
