import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import type { ApplyOutcome } from '../../src/target/target.ts';
import { aBench, type Bench, died, errorOf, Gate, only, overriding, tally } from '../support/control.ts';
import { type Lake, startLake } from '../support/lake.ts';
import type { ReceivedMessage } from '../support/memory-queue.ts';

const LEASE_MS = 5 * 60_000;
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

let lake: Lake;
let bench: Bench;

beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake?.close());
beforeEach(async () => {
  bench = await aBench(lake);
});

async function expectEqual(): Promise<void> {
  const { source, target } = await bench.both();
  expect(target).toEqual(source);
}

/** A planner that is held where it is about to call the target's `at`. */
function heldPlanner(at: 'ensureTable' | 'open') {
  const gate = new Gate();
  const { target } = bench.services;
  const held = overriding(target, {
    [at]: async (...args: Parameters<typeof target.open>) => {
      await gate.pass();
      return target[at](...args);
    },
  });
  const tick = bench.tick('schedule', { target: held });
  return { gate, tick };
}

describe('two planners', () => {
  it('let one plan while the other answers busy, and the plan is applied once', async () => {
    const ticks = await Promise.all([bench.tick(), bench.tick()]);
    expect(tally(ticks)).toEqual({ sent: 1, busy: 1 });
    expect(await bench.apply(only(bench.take()))).toMatchObject({ outcome: 'applied' });
    await expectEqual();
  });

  it.each(['the one that committed first opens first', 'the one that committed last opens first'])(
    'open one plan when the checkpoint is lost in between and %s',
    async (order) => {
      const one = heldPlanner('open');
      await one.gate.reached;
      bench.services.checkpoints.lose();
      const other = heldPlanner('open');
      await other.gate.reached;

      const inOrder = order.includes('first opens') ? [one, other] : [other, one];
      for (const { gate, tick } of inOrder) {
        gate.open();
        await tick.catch(() => undefined);
      }
      const messages = bench.take();
      expect(new Set(messages.map(({ body }) => JSON.parse(body).planId)).size).toBe(1);
      const outcomes: ApplyOutcome[] = [];
      for (const message of messages) outcomes.push(await bench.apply(message));
      expect(tally(outcomes)['applied']).toBe(1);
      await bench.settle();
      await expectEqual();
    },
  );

  it('keep a planner from opening whose lease ran out after it looked at the source', async () => {
    const late = heldPlanner('ensureTable');
    await late.gate.reached;
    bench.services.clock.advance(LEASE_MS);
    const next = heldPlanner('open');
    await next.gate.reached;

    late.gate.open();
    expect(await late.tick).toEqual({ outcome: 'busy' });
    expect(await bench.row()).toMatchObject({ open: false, plan_id: null });
    expect(bench.take()).toEqual([]);

    next.gate.open();
    expect(await next.tick).toMatchObject({ outcome: 'sent' });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });

  it('leave the claim alone until the lease has run out', async () => {
    const first = heldPlanner('open');
    await first.gate.reached;
    bench.services.clock.advance(LEASE_MS - 1);
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    first.gate.open();
    await first.tick;
  });

  it('open no second plan where the lease ran out between commit and open', async () => {
    const late = heldPlanner('open');
    await late.gate.reached;
    bench.services.clock.advance(LEASE_MS);
    const next = await bench.tick();
    expect(next).toMatchObject({ outcome: 'sent' });
    late.gate.open();
    expect(await late.tick).toEqual({ outcome: 'busy' });
    expect(await bench.state()).toBe('applying');
    expect(await bench.apply(only(bench.take()))).toMatchObject({ outcome: 'applied' });
    await expectEqual();
  });

  it('do not say that the sync is halted when the one that would halt it has lost its claim', async () => {
    bench = await aBench(lake, { columns: { include: ['colour'], exclude: [], rename: {}, types: {} } });
    const { source } = bench.services;
    const [late, next] = [new Gate(), new Gate()].map((gate) => {
      const looking = overriding(source, {
        look: async (...args) => {
          await gate.pass();
          return source.look(...args);
        },
      });
      return { gate, start: () => bench.tick('schedule', { source: looking }) };
    });
    if (!late || !next) throw new Error('there are two planners');
    const lateTick = late.start();
    await late.gate.reached;
    bench.services.clock.advance(LEASE_MS);
    const nextTick = next.start();
    await next.gate.reached;
    late.gate.open();
    expect(await lateTick).toEqual({ outcome: 'busy' });
    next.gate.open();
    expect(await nextTick).toMatchObject({ outcome: 'halted', cause: { kind: 'source_column_missing' } });
  });

  it('can be followed at once by another when one was cancelled in the middle', async () => {
    const cancel = new AbortController();
    const { source } = bench.services;
    const looking = overriding(source, {
      look: (table, signal) => {
        cancel.abort();
        return source.look(table, signal);
      },
    });
    const cancelled = planSync(
      { ...bench.services, source: looking },
      bench.config,
      { byPerson: false },
      cancel.signal,
    );
    expect((await errorOf(cancelled)).kind).toBe('cancelled');
    expect(await bench.tick()).toMatchObject({ outcome: 'sent' });
  });

  it('halt the sync even when they are cancelled at that moment', async () => {
    const cancel = new AbortController();
    const target = overriding(bench.services.target, {
      ensureTable: async () => {
        cancel.abort();
        throw new SyncError('target_incompatible', 'The target does not fit.');
      },
    });
    const services = { ...bench.services, target };
    expect(await planSync(services, bench.config, { byPerson: false }, cancel.signal)).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'target_incompatible' },
    });
    expect(await bench.state()).toBe('halted');
  });
});

describe('a message', () => {
  it('is applied once when it is delivered three times at once, and once more later', async () => {
    await bench.tick();
    const message = only(bench.take());
    const outcomes = await Promise.all([message, message, message].map((copy) => bench.apply(copy)));
    expect(tally(outcomes)['applied']).toBe(1);
    expect(await bench.apply(message)).toEqual({ outcome: 'fenced' });
    expect(await bench.row()).toMatchObject({ rows_upserted: '3' });
    await expectEqual();
  });

  it('answers already_applied while other slices of its plan are missing', async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    await bench.tick();
    const [message] = bench.take();
    if (!message) throw new Error('no chunk was sent');
    expect(await bench.apply(message)).toMatchObject({ outcome: 'applied' });
    const before = await bench.rows();
    const again = await Promise.all([bench.apply(message), bench.apply(message)]);
    expect(tally(again)).toEqual({ already_applied: 2 });
    expect(await bench.rows()).toEqual(before);
  });

  it('of a plan that was finished long ago changes nothing', async () => {
    await bench.tick();
    const old = only(bench.take());
    await bench.apply(old);
    await lake.sql(`delete from ${bench.source} where id = 1`);
    await bench.settle();
    const [row, rows, state] = [await bench.row(), await bench.rows(), await bench.state()];
    expect(await bench.apply(old)).toEqual({ outcome: 'fenced' });
    expect([await bench.row(), await bench.rows(), await bench.state()]).toEqual([row, rows, state]);
  });

  it('of a plan that another took the place of changes nothing, before and after the other is applied', async () => {
    await bench.settle();
    await lake.sql(`update ${bench.source} set name = 'old' where id = 1`);
    await bench.tick();
    const old = only(bench.take());
    await bench.fail(old, new SyncError('row_rejected', 'A row was refused.'));
    await lake.sql(`update ${bench.source} set name = 'new' where id = 1`);
    expect(await bench.tick('person')).toMatchObject({ outcome: 'sent' });
    const next = only(bench.take());

    const before = await bench.rows();
    expect(await bench.apply(old)).toEqual({ outcome: 'fenced' });
    expect(await bench.rows()).toEqual(before);
    expect(await bench.state()).toBe('applying');
    expect(await bench.apply(next)).toMatchObject({ outcome: 'applied' });
    expect(await bench.apply(old)).toEqual({ outcome: 'fenced' });
    await expectEqual();
  });
});

describe('the slices of a plan', () => {
  beforeEach(async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
  });

  async function deliverIn(order: readonly number[], messages: readonly ReceivedMessage[], through: unknown) {
    for (const [position, index] of order.entries()) {
      expect(await bench.tick()).toEqual({ outcome: 'busy' });
      expect(await bench.row()).toMatchObject({ through, open: true });
      const message = messages[index];
      if (!message) throw new Error(`there is no chunk ${index}`);
      expect(await bench.apply(message)).toMatchObject({ outcome: 'applied' });
      expect(await bench.state()).toBe(position < order.length - 1 ? 'applying' : 'idle');
    }
  }

  it('move the version with the last one only, in whatever order a window is applied', async () => {
    await bench.settle();
    for (const [round, order] of ORDERS.entries()) {
      const { through } = await bench.row();
      await lake.sql(`update ${bench.source} set name = 'round ${round}'`);
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 3 });
      await deliverIn(order, bench.take(), through);
      await expectEqual();
    }
  });

  it('are as many where the configuration spells the key in another case', async () => {
    bench = await aBench(lake, { maxChunkRows: 1, primaryKey: ['ID'] });
    await bench.settle();
    await lake.sql(`update ${bench.source} set name = 'other'`);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 3 });
  });

  it.each([[[0, 1, 2]], [[2, 1, 0]]])(
    'show no version before a first load is complete, in the order %j',
    async (order) => {
      expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 3 });
      await deliverIn(order, bench.take(), null);
      await expectEqual();
    },
  );

  it('may be applied all at once', async () => {
    await bench.tick();
    const outcomes = await Promise.all(bench.take().map((message) => bench.apply(message)));
    expect(tally(outcomes)).toEqual({ applied: 3 });
    await expectEqual();
    expect(await bench.state()).toBe('idle');
  });
});

describe('while a writer is at work on a slice', () => {
  const gate = () => {
    const made = new Gate();
    const { source } = bench.services;
    const held = overriding(source, {
      readTableId: async (...args) => {
        await made.pass();
        return source.readTableId(...args);
      },
    });
    return { made, held };
  };

  it('a tick finds the plan busy, and a message that comes again goes on in its lane', async () => {
    bench = await aBench(lake, { maxChunkRows: 1, maxWriters: 2 });
    await bench.tick();
    const [first, second] = bench.take();
    if (!first || !second) throw new Error('two chunks are expected');
    await bench.apply(first);
    bench.take();
    const { made, held } = gate();
    const writing = bench.apply(second, { source: held });
    await made.reached;
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    expect(await bench.apply(first)).toEqual({ outcome: 'already_applied' });
    await bench.apply(only(bench.take()));
    made.open();
    expect(await writing).toMatchObject({ outcome: 'applied' });
    await expectEqual();
  });

  it('a complete plan whose row is held is busy to a tick, and finished by a later one', async () => {
    await bench.tick();
    const target = overriding(bench.services.target, { finish: () => Promise.reject(died()) });
    await errorOf(bench.apply(only(bench.take()), { target }));
    const neon = { url: lake.database.url, localProxy: lake.database.proxy.address };
    const limits = { statementMs: 60_000, lockMs: 20, idleMs: 60_000 };
    const impatient = openPostgresTarget(neon, { limits });
    const holder = new pg.Client({ connectionString: lake.database.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select from lakeferry.syncs where sync = $1 for share', [bench.config.name]);
    expect(await bench.tick('schedule', { target: impatient })).toEqual({ outcome: 'busy' });
    await holder.end();
    await impatient.close();
    expect(await bench.tick()).toEqual({ outcome: 'idle' });
    await expectEqual();
  });
});

describe('a writer that dies', () => {
  it('after its commit and before the slice is noted leaves a message that finishes the plan', async () => {
    await bench.tick();
    const message = only(bench.take());
    const checkpoints = overriding(bench.services.checkpoints, { addDone: () => Promise.reject(died()) });
    await errorOf(bench.apply(message, { checkpoints }));
    expect(await bench.rows()).toHaveLength(3);
    expect(await bench.row()).toMatchObject({ through: null, open: true });

    expect(await bench.apply(message)).toEqual({ outcome: 'already_applied' });
    await expectEqual();
    expect(await bench.state()).toBe('idle');
  });

  it('before the slice is noted leaves a message that notes it, so that the last writer finishes the plan', async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    await bench.tick();
    const [first, ...others] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    const checkpoints = overriding(bench.services.checkpoints, { addDone: () => Promise.reject(died()) });
    await errorOf(bench.apply(first, { checkpoints }));
    expect(await bench.apply(first)).toEqual({ outcome: 'already_applied' });
    for (const message of others) expect(await bench.apply(message)).toMatchObject({ outcome: 'applied' });
    await expectEqual();
    expect(await bench.state()).toBe('idle');
  });

  it('before the slice is noted leaves a message that finishes the plan where the others are applied meanwhile', async () => {
    bench = await aBench(lake, { maxChunkRows: 1 });
    await bench.tick();
    const [first, ...others] = bench.take();
    if (!first) throw new Error('no chunk was sent');
    const { checkpoints } = bench.services;
    const dying = overriding(checkpoints, { addDone: () => Promise.reject(died()) });
    await errorOf(bench.apply(first, { checkpoints: dying }));
    const late = overriding(checkpoints, {
      addDone: async (...args) => {
        for (const message of others) await bench.apply(message);
        await checkpoints.addDone(...args);
      },
    });
    expect(await bench.apply(first, { checkpoints: late })).toEqual({ outcome: 'already_applied' });
    await expectEqual();
    expect(await bench.state()).toBe('idle');
  });

  it('after the slice is noted and before the plan is finished leaves that to the next tick', async () => {
    await bench.tick();
    const target = overriding(bench.services.target, { finish: () => Promise.reject(died()) });
    await errorOf(bench.apply(only(bench.take()), { target }));
    expect(await bench.row()).toMatchObject({ through: null, open: true });

    expect(await bench.tick()).toEqual({ outcome: 'idle' });
    await expectEqual();
  });

  it('after the plan is finished and before the checkpoint is free leaves that to the next tick', async () => {
    await bench.tick();
    const checkpoints = overriding(bench.services.checkpoints, { write: () => Promise.reject(died()) });
    await errorOf(bench.apply(only(bench.take()), { checkpoints }));
    expect(await bench.row()).toMatchObject({ through: '1', open: false });
    expect(await bench.state()).toBe('applying');

    await lake.sql(`delete from ${bench.source} where id = 2`);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent' });
    await bench.apply(only(bench.take()));
    await expectEqual();
  });
});
