import { describe, expect, test } from 'vitest';
import { type Bounds, type Fault, SMALL } from './bounds.ts';
import { explore } from './explore.ts';
import { reportOf } from './report.ts';
import type { World } from './world.ts';

/** Explores all there is within the bounds; a violation is shown with the way to it. */
async function expectSafe(over: Partial<Bounds>, leastStates: number): Promise<void> {
  const explored = await explore({ ...SMALL, ...over });
  expect(reportOf(explored)).toBe('no violation, exhaustive');
  expect(explored.states).toBeGreaterThan(leastStates);
}

describe('whatever the order of steps, deaths, deliveries and leases that run out', () => {
  test('two planners and a writer load a target right', () => expectSafe({ slices: [1] }, 4_000));

  test('a load of which a chunk cannot be read is gone on with, or begun anew at a newer version', () =>
    expectSafe({ planners: 1, slices: [2], faults: ['chunk unreadable'] }, 10_000));

  test('two planners and a writer move a loaded target on right', () =>
    expectSafe({ loaded: true, slices: [2] }, 2_000));

  test('two writers of one plan do not harm each other', () =>
    expectSafe({ loaded: true, ticks: 1, planners: 1, writers: 2, slices: [2] }, 1_000));

  test('a plan whose chunks go one after the other is applied right', () =>
    expectSafe({ loaded: true, planners: 1, slices: [2], lanes: 1 }, 900));

  test('rows that are put aside are tried again without harm to newer ones', () =>
    expectSafe({ loaded: true, retries: true, planners: 1, slices: [1], faults: ['chunk unreadable'] }, 500));

  test('processes that others come between at every single call do right', () =>
    expectSafe({ loaded: true, ticks: 1, planners: 1, slices: [2], grain: 'call' }, 1_000));
});

describe('a target stays right, and recovers from every state, after', () => {
  const faults: readonly (readonly [Fault, readonly Fault[], number])[] = [
    ['rewind', ['rewind'], 1],
    ['emptied', ['emptied'], 1],
    ['schema dropped', ['schema dropped'], 2],
    ['target replaced', ['target replaced'], 1],
    ['target dropped', ['target dropped'], 1],
    ['checkpoint lost', ['checkpoint lost'], 2],
    ['checkpoint restored', ['checkpoint restored'], 1],
    ['source recreated', ['source recreated'], 2],
    ['stale look', ['chunk unreadable', 'stale look'], 2],
    ['out of time', ['out of time'], 1],
  ];
  test.each(faults)('%s', (_name, happening, slices) =>
    expectSafe({ loaded: true, planners: 1, slices: [slices], faults: happening }, 500),
  );
});

test.each<[string, Partial<Bounds>]>([
  ['two planners that load', { newestVersion: 0 }],
  ['a halt that a person ends', { loaded: true, planners: 1, faults: ['chunk unreadable'] }],
])(
  'processes that can only go on alike are one, and no state of the stores is left out: %s',
  async (_title, over) => {
    const statesOf = async (forgets: boolean) => {
      const stores = new Set<string>();
      const bounds = { ...SMALL, slices: [1], recovers: false, forgets, ...over };
      const { states } = await explore(bounds, (world) => stores.add(textOf(world)));
      return { states, stores };
    };
    const [few, all] = [await statesOf(true), await statesOf(false)];
    expect(few.stores).toEqual(all.stores);
    expect(few.states).toBeLessThan(all.states);
  },
);

/** The stores, and who is alive. */
function textOf({ source, postgres, checkpoints, sent, processes, ticks }: World): string {
  const alive = processes.map(({ kind, slot }) => `${kind} ${slot}`);
  return JSON.stringify({ source, postgres, checkpoints, sent, alive, ticks }, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : sorted(value),
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
