import { Client } from '@neondatabase/serverless';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { advance } from '../../src/sync/advance.ts';
import type { Services } from '../../src/sync/services.ts';
import { Gate, overriding } from '../support/control.ts';
import { functionsOn } from '../support/invoke.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { runScenario } from './crash-run.ts';
import { crashAt, type Decide } from './crash-script.ts';
import { type Scenario, WINDOW } from './scenarios.ts';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

/**
 * The negative controls: without one of the guards, the judgement of the same suite finds what is wrong. A guard is
 * taken out where its statement leaves the driver, never in the product.
 */

let lake: Lake;
let stage: Stage;

beforeAll(async () => {
  lake = await startLake();
  stage = new Stage(lake);
});
afterAll(() => lake?.close());
afterEach(() => vi.restoreAllMocks());

type Rewrite = (text: string, values: readonly unknown[] | undefined) => string | Promise<string>;

/** Every statement of the product passes through `rewrite`. */
function rewriteStatements(rewrite: Rewrite): void {
  const { query } = Client.prototype;
  vi.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ): unknown {
    const [text, values] = args;
    if (typeof text !== 'string') return Reflect.apply(query, this, args);
    const rewritten = rewrite(text, values as readonly unknown[] | undefined);
    if (typeof rewritten === 'string') return Reflect.apply(query, this, [rewritten, values]);
    return rewritten.then((changed) => Reflect.apply(query, this, [changed, values]));
  } as typeof query);
}

interface Control {
  readonly guard: string;
  readonly scenario: Scenario;
  readonly decide?: Decide;
  /** Takes the guard out. */
  takeOut(): void;
  /** What is found then. */
  readonly finds: RegExp;
}

/** What the scenario that runs now lets a rewrite know. */
const facts: { world?: World; base?: string; withoutTableId?: boolean } = {};

const halt = (world: World) =>
  advance(
    world.checkpoints,
    world.config.name,
    {
      type: 'halt',
      by: { operator: 'ana' },
      cause: { kind: 'row_rejected', message: 'A row was refused.', remedy: 'Correct it.', at: 0 },
    },
    NEVER,
  );

const LATE_MESSAGE: Scenario = {
  ...WINDOW,
  name: 'a message of a finished plan that comes when another is finished',
  over: { maxChunkRows: 100 },
  alone: true,
  async act(world, { source }) {
    await world.tick();
    const [late] = await world.receive();
    if (!late) throw new Error('no chunk was sent');
    await world.write(late);
    await source("update $t set name = 'newer' where id in (1, 2)");
    await world.tick();
    await world.deliver();
    world.queue.duplicate(late.body, late.group);
    await world.deliver();
  },
};

const EARLY_TICK: Scenario = {
  ...WINDOW,
  name: 'a tick between the slices of a plan',
  async act(world) {
    await world.tick();
    const [first, ...others] = await world.receive();
    if (first) await world.write(first);
    await world.tick();
    for (const message of others) await world.write(message);
  },
};

const TWO_PLANNERS: Scenario = {
  ...WINDOW,
  name: 'a planner that opens when another has opened from the same state',
  async act(world) {
    const late = await world.beside();
    const gate = new Gate();
    const { target } = late.services;
    const held = overriding<Services['target']>(target, {
      open: async (plan, signal) => {
        facts.base = plan.base;
        await gate.pass();
        return target.open(plan, signal);
      },
    });
    const services = { ...late.services, target: held };
    const tick = functionsOn(services, world.config).plan({ sync: world.config.name });
    await gate.reached;
    world.checkpoints.lose();
    await world.tick();
    const [first, ...others] = await world.receive();
    if (first) await world.write(first);
    gate.open();
    await tick.catch(() => undefined);
    for (const message of others) await world.write(message);
    await late.close();
  },
};

const OLD_LOOK: Scenario = {
  ...WINDOW,
  name: 'a plan from an old look at the source when a later version is in the target',
  over: { maxChunkRows: 2 },
  async prepare(world, { source }) {
    await world.settle();
    await source("update $t set name = 'two' where id = 1");
    await source("update $t set name = 'three' where id in (2, 6, 8)");
  },
  async act(world) {
    await world.tick();
    for (const message of (await world.receive()).slice(1)) await world.write(message);
    await halt(world);
    const { source } = lake.services;
    const old = await world.beside();
    const behind = overriding<Services['source']>(old.services.source, {
      look: async (table, signal) => {
        const look = await source.look(table, signal);
        const version = parseCommitVersion(look.latest.version - 1n);
        return { ...look, latest: { ...look.latest, version } };
      },
    });
    await functionsOn({ ...old.services, source: behind }, world.config).plan({
      sync: world.config.name,
      byPerson: true,
    });
    await old.close();
    await world.deliver();
    await world.run();
    await world.deliver();
  },
};

const REPLACED_SOURCE: Scenario = {
  name: 'a source table that is made again between plan and apply',
  alone: true,
  prepare: async () => undefined,
  async act(world, { source }) {
    if (facts.withoutTableId) {
      const { tableId } = await lake.services.source.look(world.config.source, NEVER);
      const readTableId = async () => tableId;
      world.over = { source: overriding<Services['source']>(lake.services.source, { readTableId }) };
    }
    await world.tick();
    await source('drop table $t');
    await source('create table $t (id int, name string, code string) using delta');
    await source("insert into $t values (7, 'n7', 'c7'), (8, 'n8', 'c8')");
    await world.deliver();
  },
};

const REPLACED_TARGET: Scenario = {
  ...WINDOW,
  name: 'a target table that its owner makes again between plan and apply',
  async act(world, { target }) {
    await world.tick();
    await target('drop table $t');
    await target('create table $t (id int primary key, name text, code text)');
    await world.deliver();
  },
};

const ABANDONED_LOAD: Scenario = {
  name: 'a first load that is made anew when rows that the first one wrote are gone from the source',
  alone: true,
  prepare: async () => undefined,
  async act(world, { source }) {
    await world.tick();
    const [first] = await world.receive();
    if (first) await world.write(first);
    const written = await lake.database.query(`select id from ${world.invariants.expected.target}`);
    await halt(world);
    await source(`delete from $t where id in (${written.map(({ id }) => id).join(', ')})`);
    await world.run();
    await world.deliver();
  },
};

const CONTROLS: readonly Control[] = [
  {
    guard: 'the fence',
    scenario: LATE_MESSAGE,
    takeOut: () =>
      rewriteStatements((text) => {
        const planId = facts.world?.writing?.plan.id;
        if (planId === undefined) return text;
        if (text.includes('for share')) {
          return text.replace('plan_id,', `'${planId}'::uuid as plan_id,`).replace('open,', 'true as open,');
        }
        return text.replace('s.open and s.plan_id = $2 as current', 'true as current');
      }),
    finds: /the target lacks/,
  },
  {
    guard: 'the count of the ledger at finish',
    scenario: EARLY_TICK,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('select slice, parts from')
          ? `select slice, jsonb_build_array(jsonb_build_object('slice', slice, 'of', 2)) as parts
             from generate_series(0, 1) slice where $1::uuid is not null`
          : text,
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the base of a plan',
    scenario: TWO_PLANNERS,
    takeOut: () =>
      rewriteStatements((text) =>
        text.includes('for update') && facts.base
          ? text.replace('sync, revision,', `sync, '${facts.base}'::uuid as revision,`)
          : text.replace('and revision = $10', 'and $10::uuid is not null'),
      ),
    finds: /are counted as/,
  },
  {
    guard: 'the reach',
    scenario: OLD_LOOK,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('\nselect sync, revision') ? text.replace('reach,', 'null::bigint as reach,') : text,
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the id of the source table',
    scenario: REPLACED_SOURCE,
    takeOut: () => {
      facts.withoutTableId = true;
    },
    finds: /the sync is halted: source_replaced/,
  },
  {
    guard: 'the oid of the target table',
    scenario: REPLACED_TARGET,
    takeOut: () =>
      rewriteStatements((text) =>
        text.replace(
          'c.oid,\n  c.relkind',
          () =>
            `coalesce((select s.target_oid from lakeferry.syncs s
               where $2 = s.sync and s.sync = '${facts.world?.config.name}'), c.oid) as oid, c.relkind`,
        ),
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the emptiness of the target at the opening',
    scenario: ABANDONED_LOAD,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('select exists (select from') ? 'select false as filled' : text,
      ),
    finds: /and has \[.*too much/,
  },
  {
    guard: 'one transaction for the rows and their ledger row',
    scenario: WINDOW,
    decide: crashAt('writer: pg commit #1', { moment: 'before', ends: 'process' }),
    takeOut: () =>
      rewriteStatements(async (text, values) => {
        if (!text.startsWith('\ninsert into lakeferry.applied_slices')) return text;
        const [, slice] = values ?? [];
        const parts = JSON.stringify([{ slice, of: 2 }]);
        await lake.database.query(
          'insert into lakeferry.applied_slices (plan_id, slice, sync, parts) values ($1, $2, $3, $4)',
          [...(values ?? []), parts],
        );
        return `select '[]'::jsonb as parts from lakeferry.applied_slices
                where plan_id = $1 and slice = $2 and sync = $3`;
      }),
    finds: /the target lacks/,
  },
];

describe.each(CONTROLS)('$guard', ({ scenario, decide, takeOut, finds }) => {
  afterEach(() => {
    for (const name of Object.keys(facts)) delete facts[name as keyof typeof facts];
  });

  /** `begin` comes when the stage is set. */
  async function run(begin: () => void): Promise<readonly string[]> {
    const counted = scenario === TWO_PLANNERS ? (await runScenario(stage, WINDOW)).counted : undefined;
    const act: Scenario['act'] = (world, table) => {
      facts.world = world;
      begin();
      return scenario.act(world, table);
    };
    return (await runScenario(stage, { ...scenario, act }, decide, counted)).violations;
  }

  it(`keeps ${scenario.name} from doing harm`, async () => {
    expect(await run(() => {})).toEqual([]);
  });

  it('is missed when it is taken out', async () => {
    expect((await run(takeOut)).join('\n')).toMatch(finds);
  });
});
