import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import type { Tick } from '../../src/sync/plan-sync.ts';
import { aBench, type Bench, died, errorOf, Gate, only, overriding } from '../support/control.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';

const LEASE_MS = 5 * 60_000;
const STALL_MS = 15 * 60_000;
const REFUSED_ROW = new SyncError('row_rejected', 'A row was refused.');

let lake: Lake;
let bench: Bench;

beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake?.close());
beforeEach(async () => {
  bench = await aBench(lake);
});

const changeSource = (id = 1) =>
  lake.sql(`update ${bench.source} set name = 'changed ${id}' where id = ${id}`);

async function expectEqual(): Promise<void> {
  const { source, target } = await bench.both();
  expect(target).toEqual(source);
}

function sentPlan(tick: Tick): string {
  if (tick.outcome !== 'sent') throw new Error(`no plan was sent: ${tick.outcome}`);
  return tick.plan.id;
}

/** A planner that opens its plan and dies before it sends a chunk: the plan is open and the sync is free. */
async function openWithoutChunks(): Promise<string> {
  const queue = overriding(bench.services.queue, { send: () => Promise.reject(died()) });
  await errorOf(bench.tick('schedule', { queue }));
  const { open, plan_id } = await bench.row();
  expect(open).toBe(true);
  return String(plan_id);
}

describe('a plan whose messages are lost', () => {
  beforeEach(async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
  });

  it('is sent again after the stall time, not before it, and by a person at once', async () => {
    const planId = sentPlan(await bench.tick());
    bench.take();
    bench.services.clock.advance(STALL_MS - 1);
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    expect(bench.take()).toEqual([]);
    bench.services.clock.advance(1);
    const again = await bench.tick();
    expect(again).toMatchObject({ outcome: 'sent', chunks: 3 });
    expect(sentPlan(again)).toBe(planId);
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    expect(bench.take()).toHaveLength(3);

    expect(await bench.tick('person')).toMatchObject({ outcome: 'sent', chunks: 3 });
    for (const message of bench.take()) await bench.apply(message);
    await expectEqual();
  });

  it('is sent again three times, and then halts the sync until a person acts', async () => {
    await bench.tick();
    for (let resend = 0; resend < 3; resend++) {
      bench.take();
      bench.services.clock.advance(STALL_MS);
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 3 });
    }
    bench.take();
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    bench.services.clock.advance(STALL_MS);
    expect(await bench.tick()).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'plan_stalled', message: '3 of 3 chunks were sent 4 times and not applied.' },
    });
    expect(bench.take()).toEqual([]);
    await bench.settle();
    await expectEqual();
  });

  it('is not held against the sync where a person had it sent again', async () => {
    await bench.tick();
    for (let resend = 0; resend < 4; resend++) {
      expect(await bench.tick('person')).toMatchObject({ outcome: 'sent', chunks: 3 });
    }
    bench.services.clock.advance(STALL_MS);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 3 });
    for (const message of bench.take()) await bench.apply(message);
    await expectEqual();
  });

  it('is missing what the ledger lacks, whatever was noted as done', async () => {
    const planId = sentPlan(await bench.tick());
    const [first] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    await bench.apply(first);
    for (const slice of [0, 1, 2]) await bench.services.checkpoints.addDone(planId, slice, NEVER);
    bench.services.clock.advance(STALL_MS);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 2 });
    const missing = bench.take();
    expect(missing.map(({ body }) => body)).not.toContain(first.body);
    expect(await bench.row()).toMatchObject({ through: null, open: true });
    for (const message of missing) await bench.apply(message);
    await expectEqual();
  });

  it('is finished by the next tick when what was noted as done is lost', async () => {
    await bench.tick();
    const [first, ...others] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    await bench.apply(first);
    const checkpoints = new MemoryCheckpoints();
    const { checkpoint } = await bench.services.checkpoints.read(bench.config.name, NEVER);
    await checkpoints.write(bench.config.name, checkpoint, undefined, NEVER);
    for (const message of others) await bench.apply(message, { checkpoints });
    expect(await bench.row()).toMatchObject({ open: true });
    expect(await bench.tick('schedule', { checkpoints })).toEqual({ outcome: 'idle' });
    await expectEqual();
  });
});

describe('a halted sync', () => {
  it('is left alone by the schedule and tried again by a person', async () => {
    await bench.tick();
    const message = only(bench.take());
    await bench.fail(message, REFUSED_ROW);
    bench.services.clock.advance(10 * STALL_MS);
    expect(await bench.tick()).toMatchObject({ outcome: 'halted', cause: { kind: 'row_rejected' } });
    expect(bench.take()).toEqual([]);
    await bench.settle();
    await expectEqual();
  });

  it('goes on when a chunk of its plan is redriven and succeeds', async () => {
    await bench.tick();
    const message = only(bench.take());
    await bench.fail(message, new SyncError('target_unavailable', 'Postgres is away.'), true);
    expect(await bench.state()).toBe('halted');
    expect(await bench.apply(message)).toMatchObject({ outcome: 'applied' });
    expect(await bench.tick()).toEqual({ outcome: 'idle' });
    await expectEqual();
  });

  it('stays halted while other chunks of its plan are missing', async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    await bench.tick();
    const [first, ...others] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    await bench.fail(first, REFUSED_ROW);
    for (const message of others) await bench.apply(message);
    expect(await bench.tick()).toMatchObject({ outcome: 'halted' });
    await bench.apply(first);
    expect(await bench.state()).toBe('idle');
  });

  it('goes on with the missing slices of a first load of which some are applied', async () => {
    bench = await aBench(lake, { maxChunkRows: 10 });
    await lake.sql(`insert into ${bench.source} select id, 'more' from range(10, 37) r(id)`);
    const planId = sentPlan(await bench.tick());
    const [first, second] = bench.take();
    if (!first || !second) throw new Error('the load has three slices');
    await bench.apply(first);
    await bench.fail(second, new SyncError('target_permission', 'A right is missing.'));

    const resumed = await bench.tick('person');
    expect(resumed).toMatchObject({ outcome: 'sent', chunks: 2 });
    expect(sentPlan(resumed)).toBe(planId);
    for (const message of bench.take()) await bench.apply(message);
    await expectEqual();
  });

  it('loads what the source has by now when nothing of its first load is applied', async () => {
    const planId = sentPlan(await bench.tick());
    const message = only(bench.take());
    await bench.fail(message, REFUSED_ROW);
    await changeSource();
    const resumed = await bench.tick('person');
    expect(sentPlan(resumed)).not.toBe(planId);
    expect(await bench.apply(message)).toEqual({ outcome: 'fenced' });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });
});

describe('a checkpoint that was lost', () => {
  it.each(['a first load', 'a window'])('goes on with the plan of %s that Postgres shows', async (work) => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    if (work === 'a window') {
      await bench.settle();
      await lake.sql(`update ${bench.source} set name = 'changed'`);
    }
    const planId = sentPlan(await bench.tick());
    const [first] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    await bench.apply(first);
    await changeSource(3);

    bench.services.checkpoints.lose();
    const resumed = await bench.tick();
    expect(sentPlan(resumed)).toBe(planId);
    expect(resumed).toMatchObject({ chunks: 2 });
    for (const message of bench.take()) await bench.apply(message);
    await bench.settle();
    await expectEqual();
  });

  it('with no plan open goes on from what the target shows', async () => {
    await bench.settle();
    await changeSource();
    bench.services.checkpoints.lose();
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'window' } } });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });
});

describe('a database that was restored to an earlier state', () => {
  const TABLES = () => ['lakeferry.syncs', 'lakeferry.applied_slices', bench.target];

  async function keepCopy(): Promise<void> {
    await lake.database.query('drop schema if exists kept cascade');
    await lake.database.query('create schema kept');
    for (const [at, table] of TABLES().entries()) {
      await lake.database.query(`create table kept.t${at} as table ${table}`);
    }
  }

  async function restore(): Promise<void> {
    for (const [at, table] of TABLES().entries()) {
      await lake.database.query(`delete from ${table}`);
      await lake.database.query(`insert into ${table} table kept.t${at}`);
    }
  }

  it('goes on from the version that Postgres shows, not from the one of the checkpoint', async () => {
    await bench.settle();
    await keepCopy();
    await lake.sql(`delete from ${bench.source} where id = 2`);
    await bench.settle();
    await changeSource();
    await restore();
    expect(await bench.row()).toMatchObject({ through: '1' });
    expect(await bench.tick()).toMatchObject({
      outcome: 'sent',
      plan: { work: { after: 1n, through: 3n } },
    });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });

  it('fences the plan that was in flight and makes another', async () => {
    await bench.settle();
    await keepCopy();
    await changeSource(1);
    await bench.tick();
    const lost = only(bench.take());
    await restore();
    expect(await bench.apply(lost)).toEqual({ outcome: 'fenced' });
    expect(await bench.tick()).toMatchObject({ outcome: 'sent' });
    expect(await bench.apply(lost)).toEqual({ outcome: 'fenced' });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });

  it('applies again the slices of an open plan that the ledger lost', async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    const planId = sentPlan(await bench.tick());
    const [first, second, third] = bench.take();
    if (!first || !second || !third) throw new Error('the load has three slices');
    await bench.apply(first);
    await keepCopy();
    await bench.apply(second);
    await restore();
    await bench.apply(third);
    expect(await bench.row()).toMatchObject({ through: null, open: true });
    bench.services.clock.advance(STALL_MS);
    const again = await bench.tick();
    expect(again).toMatchObject({ outcome: 'sent', chunks: 1 });
    expect(sentPlan(again)).toBe(planId);
    await bench.apply(only(bench.take()));
    await expectEqual();
  });
});

describe('a target table', () => {
  const drop = () => lake.database.query(`drop table ${bench.target}`);
  const dropAndCreate = async () => {
    await drop();
    await lake.database.query(`create table ${bench.target} (id int primary key, name text)`);
  };

  describe.each([
    ['dropped', drop],
    ['dropped and created again by its owner', dropAndCreate],
  ])('that is %s', (_, change) => {
    it.each(['nothing is new', 'the source changes'])('while idle is loaded anew, when %s', async (when) => {
      await bench.settle();
      await change();
      if (when === 'the source changes') await changeSource();
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'snapshot' } } });
      await bench.apply(only(bench.take()));
      await expectEqual();
    });

    it.each(['first load', 'window'])('between plan and apply of a %s is loaded anew', async (work) => {
      if (work === 'window') {
        await bench.settle();
        await changeSource();
      }
      await bench.tick();
      const message = only(bench.take());
      await change();
      const error = await errorOf(bench.apply(message));
      expect(error.kind).toBe('target_replaced');
      expect(await bench.fail(message, error)).toEqual({ outcome: 'acknowledge' });
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'snapshot' } } });
      await bench.apply(only(bench.take()));
      await expectEqual();
    });

    it('between the last slice and the finish is loaded anew by the next tick', async () => {
      await bench.tick();
      const target = overriding(bench.services.target, { finish: () => Promise.reject(died()) });
      await errorOf(bench.apply(only(bench.take()), { target }));
      await change();
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'snapshot' } } });
      await bench.apply(only(bench.take()));
      await expectEqual();
    });
  });
});

describe('a configuration that changes under an open plan', () => {
  /** The same sync and services, without one column. */
  function withoutName(): void {
    Object.assign(bench.config, { columns: { exclude: ['name'], rename: {}, types: {} } });
  }

  it('makes another plan while the target is empty', async () => {
    const planId = await openWithoutChunks();
    withoutName();
    const tick = await bench.tick();
    expect(sentPlan(tick)).not.toBe(planId);
    await bench.apply(only(bench.take()));
    expect(await bench.rows()).toEqual([1, 2, 3].map((id) => ({ id, name: null })));
    expect(await bench.row()).toMatchObject({ through: '1', open: false });
  });

  it('halts when the target holds rows, and leaves them and the plan as they are', async () => {
    await bench.settle();
    await changeSource();
    const planId = await openWithoutChunks();
    const before = await bench.rows();
    withoutName();
    expect(await bench.tick()).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'mapping_changed', message: expect.stringContaining('gone: name') },
    });
    expect(await bench.rows()).toEqual(before);
    expect(await bench.row()).toMatchObject({ plan_id: planId, open: true, through: '1' });
  });

  it('starts over when a part of the first load is in the target', async () => {
    bench = await aBench(lake, { maxChunkRows: 10 });
    await lake.sql(`insert into ${bench.source} select id, 'more' from range(10, 37) r(id)`);
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    await bench.apply(first);
    bench.services.checkpoints.lose();
    withoutName();
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'snapshot' } } });
    for (const message of bench.take()) await bench.apply(message);
    const rows = await lake.database.query(`select id from ${bench.target}`);
    expect(rows).toHaveLength(3 + 27);
    expect(await bench.row()).toMatchObject({ open: false, through: '2' });
  });
});

describe('a planner that dies between opening its plan and sending the chunks', () => {
  it('leaves the plan to the next tick once its lease has run out', async () => {
    const gate = new Gate();
    const { queue } = bench.services;
    const held = overriding(queue, {
      send: async (...args) => {
        await gate.pass();
        return queue.send(...args);
      },
    });
    const dead = bench.tick('schedule', { queue: held });
    await gate.reached;
    const { plan_id: planId } = await bench.row();
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    bench.services.clock.advance(LEASE_MS);
    expect(sentPlan(await bench.tick())).toBe(planId);
    await bench.apply(only(bench.take()));
    await expectEqual();

    gate.open();
    await dead;
    expect(await bench.apply(only(bench.take()))).toEqual({ outcome: 'fenced' });
    expect(await bench.state()).toBe('idle');
  });

  it('leaves the plan to the next tick at once when it could still let go of the sync', async () => {
    const planId = await openWithoutChunks();
    expect(sentPlan(await bench.tick())).toBe(planId);
    await bench.apply(only(bench.take()));
    await expectEqual();
  });
});
