import type { SyncConfig } from '../../src/config/sync-config.ts';
import type { World } from './world.ts';

/** A history in which something breaks. */
export interface Scenario {
  readonly name: string;
  readonly over?: Partial<SyncConfig>;
  /** Keys that the target cannot hold. */
  readonly rejected?: readonly string[];
  /** Whether every run needs a source or schema of its own; otherwise all begin with copies of one target. */
  readonly alone?: boolean;
  /** Halts after the act that a person ends, by another run; none when absent. */
  readonly runs?: number;
  /** Before anything breaks. */
  prepare(world: World, table: Table): Promise<void>;
  /** What breaks at each of its writes; recovery follows. */
  act(world: World, table: Table): Promise<void>;
}

/** Runs statements on one side of a sync, with `$t` for its table. */
export interface Table {
  source(statement: string): Promise<void>;
  target(statement: string): Promise<void>;
}

export const WINDOW: Scenario = {
  name: 'a window of two slices with an insert, an update, a delete and a moved key',
  over: { maxChunkRows: 4 },
  async prepare(world, { source }) {
    await world.settle();
    await source("insert into $t values (7, 'n7', 'c7')");
    await source("update $t set name = 'other' where id in (1, 6)");
    await source('delete from $t where id = 8');
    await source('update $t set id = 41 where id = 2');
  },
  async act(world) {
    await world.tick();
    await world.deliver();
  },
};

/** The same with one chunk on its way at a time: the writer sends the second. */
export const LANE: Scenario = {
  ...WINDOW,
  name: 'a window of two slices, one after the other',
  over: { ...WINDOW.over, maxWriters: 1 },
  async act(world) {
    await world.tick();
    await world.deliver();
    await world.deliver();
  },
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a first load of two slices into a database without our schema',
    alone: true,
    prepare: (_, { target }) => target('drop schema if exists lakeferry cascade'),
    async act(world) {
      await world.tick();
      await world.deliver();
    },
  },
  WINDOW,
  LANE,
  {
    name: 'a window in which two rows swap their unique values',
    async prepare(world, { source, target }) {
      await world.settle();
      await target('create unique index on $t (code)');
      await source("update $t set code = case id when 1 then 'c6' else 'c1' end where id in (1, 6)");
      await source('delete from $t where id = 8');
    },
    async act(world) {
      await world.tick();
      await world.deliver();
    },
  },
  {
    name: 'a window with rows that are refused and put aside',
    over: { rejectedRows: 'quarantine' },
    rejected: ['10', '12'],
    async prepare(world, { source, target }) {
      await world.settle();
      await target("alter table $t add check (name <> 'bad')");
      await source(
        "insert into $t values (7, 'n7', 'c7'), (10, 'bad', 'c10'), (11, 'n11', 'c11'), (12, 'bad', 'c12')",
      );
      await source("update $t set name = 'other' where id = 1");
    },
    async act(world) {
      await world.tick();
      await world.deliver();
    },
  },
  {
    name: 'a target table that is dropped in the middle of a plan',
    async prepare(world, { source }) {
      await world.settle();
      await source("update $t set name = 'other' where id in (1, 2, 6, 8)");
    },
    async act(world, { target }) {
      await world.tick();
      const [first, ...others] = await world.receive();
      if (first) await world.write(first);
      await target('drop table if exists $t');
      for (const message of others) await world.write(message);
      await world.deliver();
      await world.tick();
      await world.deliver();
    },
  },
  {
    name: 'a halt, a run after the row is corrected, and the redrive of the dead letter',
    alone: true,
    // Where the first tick dies, the run comes before the halt; where the run dies, the dead letter halts the sync again.
    runs: 1,
    async prepare(world, { source, target }) {
      await world.settle();
      await target("alter table $t add check (name <> 'bad')");
      await source("update $t set name = 'bad' where id = 1");
    },
    async act(world, { source }) {
      await world.tick();
      await world.deliver();
      await world.deliver();
      for (let message = (await world.receive())[0]; message; message = (await world.receive())[0]) {
        await world.write(message);
      }
      await source("update $t set name = 'good' where id = 1");
      await world.run();
      await world.deliver();
      world.redrive();
      await world.deliver();
    },
  },
  {
    name: 'a pause and a resume in the middle of a plan',
    alone: true,
    async prepare(world, { source }) {
      await world.settle();
      await source("update $t set name = 'other' where id in (1, 2, 6, 8)");
    },
    async act(world, { source }) {
      await world.tick();
      const [first, ...others] = await world.receive();
      if (first) await world.write(first);
      await world.operate({ type: 'pause', by: 'ana', reason: 'maintenance', now: world.clock.now() });
      await world.tick();
      await source("update $t set name = 'last' where id = 3");
      for (const message of others) await world.write(message);
      await world.operate({ type: 'resume' });
      await world.tick();
      await world.deliver();
    },
  },
];
