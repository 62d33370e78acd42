import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { advance } from '../../src/sync/advance.ts';
import type { Services } from '../../src/sync/services.ts';
import { Gate, overriding } from '../support/control.ts';
import { functionsOn } from '../support/invoke.ts';
import { NEVER } from '../support/lake.ts';
import { type Scenario, WINDOW } from './scenarios.ts';
import type { World } from './world.ts';

/** Histories that end well for the sake of one guard. */

/** What the scenario that runs now lets a rewrite know. */
export const facts: { world?: World; base?: string; withoutTableId?: boolean } = {};

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

export const LATE_MESSAGE: Scenario = {
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

export const EARLY_TICK: Scenario = {
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

export const TWO_PLANNERS: Scenario = {
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

export const OLD_LOOK: Scenario = {
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
    const { source } = world.lake.services;
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

export const REPLACED_SOURCE: Scenario = {
  name: 'a source table that is made again between plan and apply',
  alone: true,
  prepare: async () => undefined,
  async act(world, { source }) {
    if (facts.withoutTableId) {
      const { tableId } = await world.lake.services.source.look(world.config.source, NEVER);
      const readTableId = async () => tableId;
      world.over = { source: overriding<Services['source']>(world.lake.services.source, { readTableId }) };
    }
    await world.tick();
    await source('drop table $t');
    await source('create table $t (id int, name string, code string) using delta');
    await source("insert into $t values (7, 'n7', 'c7'), (8, 'n8', 'c8')");
    await world.deliver();
  },
};

export const REPLACED_TARGET: Scenario = {
  ...WINDOW,
  name: 'a target table that its owner makes again between plan and apply',
  async act(world, { target }) {
    await world.tick();
    await target('drop table $t');
    await target('create table $t (id int primary key, name text, code text)');
    await world.deliver();
  },
};

export const ABANDONED_LOAD: Scenario = {
  name: 'a first load that is made anew when rows that the first one wrote are gone from the source',
  alone: true,
  prepare: async () => undefined,
  async act(world, { source }) {
    await world.tick();
    const [first] = await world.receive();
    if (first) await world.write(first);
    const written = await world.lake.database.query(`select id from ${world.invariants.expected.target}`);
    await halt(world);
    await source(`delete from $t where id in (${written.map(({ id }) => id).join(', ')})`);
    await world.run();
    await world.deliver();
  },
};
