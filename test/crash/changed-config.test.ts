import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { only } from '../support/control.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import type { ReceivedMessage } from '../support/memory-queue.ts';
import type { Expected } from './invariants.ts';
import { type Scenario, WINDOW } from './scenarios.ts';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

/** What is changed in lakeferry.yaml between the two slices of a plan, and what becomes of the sync. */
interface Change {
  readonly what: string;
  readonly before?: Partial<SyncConfig>;
  readonly shown?: Partial<Expected>;
  after(world: World): Partial<SyncConfig>;
  /** What the target shows once it is loaded by the new settings. */
  expected?(world: World): Partial<Expected>;
  /** `halts` until the target is dropped; `loads` it anew by itself; `goes on` with the plan. */
  readonly outcome: 'halts' | 'loads' | 'goes on';
}

const columns = (...include: string[]) => ({ columns: { include, exclude: [], rename: {}, types: {} } });

const CHANGES: readonly Change[] = [
  {
    what: 'one column more',
    before: columns('name'),
    shown: { columns: ['id', 'name'] },
    after: () => columns('name', 'code'),
    expected: () => ({ columns: ['id', 'name', 'code'] }),
    outcome: 'halts',
  },
  {
    what: 'another filter',
    after: () => ({ where: "name <> 'other'" }),
    expected: () => ({ where: "name <> 'other'" }),
    outcome: 'halts',
  },
  { what: 'another primary key', after: () => ({ primaryKey: ['code'] }), outcome: 'halts' },
  {
    what: 'another target table',
    after: ({ config }) => ({ target: { ...config.target, table: `${config.name}_other` } }),
    expected: ({ config }) => ({ target: `public.${config.name}_other` }),
    outcome: 'loads',
  },
  {
    what: 'another policy for rejected rows',
    after: () => ({ rejectedRows: 'quarantine' }),
    outcome: 'goes on',
  },
  { what: 'smaller chunks', after: () => ({ maxChunkRows: 1 }), outcome: 'goes on' },
];

let lake: Lake;
let stage: Stage;

beforeAll(async () => {
  lake = await startLake();
  stage = new Stage(lake);
});
afterAll(() => lake?.close());

describe.each(CHANGES)('$what', ({ before, shown, after, expected, outcome }) => {
  const scenario: Scenario = { ...WINDOW, alone: true, over: { ...WINDOW.over, ...before } };

  interface Halfway {
    readonly world: World;
    readonly old: SyncConfig;
    readonly first: ReceivedMessage;
    readonly second: ReceivedMessage;
    readonly dropTarget: () => Promise<void>;
  }

  /** One of two slices is applied, and the settings are other ones from now on. */
  async function halfway(): Promise<Halfway> {
    const { world, table } = await stage.set(scenario, shown);
    await world.tick();
    const [first, ...others] = await world.receive();
    if (!first) throw new Error('no chunk was sent');
    await world.write(first);
    const old = world.config;
    world.config = { ...old, ...after(world) };
    return { world, old, first, second: only(others), dropTarget: () => table.target('drop table $t') };
  }

  const row = async ({ config }: World) =>
    (await lake.database.query('select * from lakeferry.syncs where sync = $1', [config.name]))[0] ?? {};

  /** The sync ends by the new settings, whatever of the old plan still comes. */
  async function endsByNewSettings({ world, first, second, dropTarget }: Halfway): Promise<void> {
    if (outcome === 'halts') {
      await dropTarget();
      expect(await world.run()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'snapshot' } } });
    }
    world.invariants.expected = { ...world.invariants.expected, ...expected?.(world) };
    for (const late of [first, second]) await world.write(late);
    await world.settle();
    for (const late of [first, second]) await world.write(late);
    const { checkpoint } = await world.checkpoints.read(world.config.name, NEVER);
    expect(await world.invariants.judge(checkpoint.state, undefined)).toEqual([]);
    await world.close();
  }

  it('leaves a plan in flight to finish by its own settings', async () => {
    const halved = await halfway();
    const { world, second } = halved;
    expect(await world.tick()).toEqual({ outcome: 'busy' });
    await world.write(second);
    expect(await row(world)).toMatchObject({ open: false, through: '5' });
    expect(world.invariants.violations).toEqual([]);

    const tick = await world.tick();
    if (outcome === 'halts') expect(tick).toMatchObject({ cause: { kind: 'mapping_changed' } });
    else expect(tick).toMatchObject({ outcome: outcome === 'loads' ? 'sent' : 'idle' });
    await endsByNewSettings(halved);
  });

  it('is noticed when the checkpoint is lost with a plan in flight', async () => {
    const halved = await halfway();
    const { world, second } = halved;
    const { plan_id: old } = await row(world);
    world.checkpoints.lose();
    const tick = await world.tick();
    if (outcome === 'halts') {
      expect(tick).toMatchObject({ cause: { kind: 'mapping_changed' } });
      await world.write(second);
      // Whatever is applied of it by now, the plan stays open: the target shows no version that it does not equal.
      expect(await row(world)).toMatchObject({ plan_id: old, open: true, through: '1' });
      expect(await world.tick()).toMatchObject({ outcome: 'halted' });
    } else {
      const samePlan = (await row(world))['plan_id'] === old;
      expect({ tick: tick?.outcome, samePlan }).toEqual({ tick: 'sent', samePlan: outcome === 'goes on' });
    }
    await endsByNewSettings(halved);
  });

  const ifHalted = outcome === 'halts' ? it : undefined;
  ifHalted?.('ends by the old settings when they are put back', async () => {
    const { world, old, first, second } = await halfway();
    world.checkpoints.lose();
    await world.tick();
    world.config = old;
    await world.run();
    await world.settle();
    for (const late of [first, second]) await world.write(late);
    const { checkpoint } = await world.checkpoints.read(old.name, NEVER);
    expect(await world.invariants.judge(checkpoint.state, undefined)).toEqual([]);
    await world.close();
  });
});
