import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import type { ReceivedMessage } from '../support/memory-queue.ts';
import { type Crash, CrashScript } from './crash-script.ts';
import { RANDOM_RUNS } from './extent.ts';
import type { Scenario, Table } from './scenarios.ts';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

/** A little of everything, in any order. Numbers are chosen by the step that uses them. */
type Step =
  | { readonly do: 'change'; readonly key: number; readonly how: number }
  | { readonly do: 'tick'; readonly by: 'schedule' | 'person' }
  | { readonly do: 'two ticks' }
  | { readonly do: 'deliver'; readonly order: number; readonly twice: boolean; readonly lost: boolean }
  | { readonly do: 'late message'; readonly which: number }
  | { readonly do: 'pass time'; readonly minutes: number }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'lose the checkpoint' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('change'), key: fc.nat(5), how: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tick'), by: fc.constantFrom('schedule', 'person') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('two ticks') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deliver'),
      order: fc.nat(1_000),
      twice: fc.boolean(),
      lost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('late message'), which: fc.nat(1_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass time'), minutes: fc.constantFrom(1, 6, 16, -5) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'lose the checkpoint') }) },
);

/** After so many writes that went well, this happens to the next one. */
const crash = fc.record({
  after: fc.nat(25),
  moment: fc.constantFrom('before' as const, 'after' as const),
  ends: fc.constantFrom('process' as const, 'process' as const, 'call' as const),
});

const LOADED: Scenario = {
  name: 'a random history',
  alone: true,
  prepare: async () => undefined,
  act: async () => undefined,
};

const CHANGES: readonly ((key: number) => string)[] = [
  (key) => `update $t set name = concat(name, '+') where id = ${key}`,
  (key) => `delete from $t where id = ${key}`,
  (key) =>
    `insert into $t select ${key + 20}, 'new', 'new' where not exists (select 1 from $t where id = ${key + 20})`,
  (key) => `update $t set id = id + 40 where id = ${key} or id = ${key + 20}`,
];
const KEYS = [1, 2, 3, 6, 8, 9];

/** One history; messages that were ever sent may come again at any later time. */
class History {
  readonly #world: World;
  readonly #table: Table;
  readonly #sent: ReceivedMessage[] = [];

  constructor(world: World, table: Table) {
    this.#world = world;
    this.#table = table;
  }

  async take(of: Step): Promise<void> {
    const world = this.#world;
    switch (of.do) {
      case 'change':
        await this.#table.source(CHANGES[of.how]?.(KEYS[of.key] ?? 1) ?? '');
        return;
      case 'tick':
        await world.tick(of.by);
        return;
      case 'two ticks':
        await Promise.all([world.tick(), world.tick()]);
        return;
      case 'deliver':
        await this.#deliver(of);
        return;
      case 'late message': {
        const late = this.#sent[of.which % Math.max(1, this.#sent.length)];
        if (late) await world.write({ ...late, attempt: 1 });
        return;
      }
      case 'pass time':
        world.clock.advance(of.minutes * 60_000);
        return;
      case 'pause':
        await world.operate({ type: 'pause', by: 'ana', reason: '', now: world.clock.now() });
        return;
      case 'resume':
        await world.operate({ type: 'resume' });
        return;
      case 'lose the checkpoint':
        world.checkpoints.lose();
        return;
      default:
        of satisfies never;
    }
  }

  async #deliver({ order, twice, lost }: Extract<Step, { do: 'deliver' }>): Promise<void> {
    const received = await this.#world.receive();
    this.#sent.push(...received);
    const copies = (twice ? [...received, ...received] : received).slice(lost ? 1 : 0);
    const shuffled = copies
      .map((message, at) => ({ message, rank: (order * (at + 1) * 7_919) % 10_007 }))
      .sort((a, b) => a.rank - b.rank);
    for (const { message } of shuffled) await this.#world.write(message);
  }
}

/** Strikes one after the other, each counted from the one before. */
function strikes(crashes: readonly (Crash & { readonly after: number })[]): CrashScript {
  const left = [...crashes];
  let quietUntil = left[0]?.after ?? 0;
  return new CrashScript((_, passed) => {
    const [next, following] = left;
    if (!next || passed < quietUntil) return undefined;
    left.shift();
    quietUntil = passed + 1 + (following?.after ?? 0);
    return next;
  });
}

describe('a random history', () => {
  let lake: Lake;
  let stage: Stage;

  beforeAll(async () => {
    lake = await startLake();
    stage = new Stage(lake);
  });
  afterAll(() => lake?.close());

  it('of crashes, doubled and lost messages, ticks at once and clock jumps ends equal to its source', {
    timeout: 60_000 + RANDOM_RUNS * 20_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 16 }),
        fc.array(crash, { maxLength: 5 }),
        async (steps, crashes) => {
          const { world, table } = await stage.set(LOADED);
          const history = new History(world, table);
          world.follow(strikes(crashes));
          try {
            for (const one of steps) await history.take(one);
            world.follow(new CrashScript());
            await world.operate({ type: 'resume' });
            await world.settle();
            const { checkpoint } = await world.checkpoints.read(world.config.name, NEVER);
            expect(await world.invariants.judge(checkpoint.state, undefined)).toEqual([]);
          } finally {
            await world.close();
            await table.source('drop table $t');
            await table.target('drop table if exists $t');
          }
        },
      ),
      { numRuns: RANDOM_RUNS },
    );
  });
});
