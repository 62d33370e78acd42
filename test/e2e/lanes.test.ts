import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { type Metrics, noMetrics } from '../../src/telemetry/metrics.ts';
import { aBench, type Bench, overriding } from '../support/control.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import type { ReceivedMessage } from '../support/memory-queue.ts';

const STALL_MS = 15 * 60_000;

let lake: Lake;
let bench: Bench;

beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake?.close());
beforeEach(async () => {
  bench = await aBench(lake, { maxChunkRows: 1, maxWriters: 2 });
  await lake.sql(`insert into ${bench.source} select id, 'row' from range(10, 15) as r(id)`);
});

const slicesOf = (messages: readonly Pick<ReceivedMessage, 'body'>[]) =>
  messages.map(({ body }) => {
    const { slice, of } = decodeMessage(body);
    return `${slice}/${of}`;
  });

async function expectEqual(): Promise<void> {
  const { source, target } = await bench.both();
  expect(target).toEqual(source);
}

describe('a plan of more slices than writers', () => {
  it('has no more chunks on their way than writers, each of which sends the next', async () => {
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 2 });
    const sent: string[][] = [];
    for (let messages = bench.take(); messages.length > 0; messages = bench.take()) {
      sent.push(slicesOf(messages));
      for (const message of messages) await bench.apply(message);
    }
    expect(sent).toEqual([
      ['0/8', '1/8'],
      ['2/8', '3/8'],
      ['4/8', '5/8'],
      ['6/8', '7/8'],
    ]);
    await expectEqual();
  });

  it('goes on in its lane where a writer died after its commit: the message comes again', async () => {
    await bench.tick();
    const [first, second] = bench.take();
    const { queue } = bench.services;
    const died = new SyncError('queue_unavailable', 'The process died here.');
    const dying = overriding(queue, { send: () => Promise.reject(died) });
    if (!first || !second) throw new Error('two chunks are expected');
    await expect(bench.apply(first, { queue: dying })).rejects.toBe(died);
    expect(bench.take()).toEqual([]);
    expect(await bench.apply(first)).toEqual({ outcome: 'already_applied' });
    expect(slicesOf(bench.take())).toEqual(['2/8']);
  });

  it('does not multiply messages that come twice: what is missing first in their lane is sent', async () => {
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    for (let message: typeof first | undefined = first, turn = 0; message && turn < 3; turn++) {
      await bench.apply(message);
      [message] = bench.take();
    }
    // 0, 2 and 4 are applied, and 6 was on its way.
    expect(await bench.apply(first)).toEqual({ outcome: 'already_applied' });
    expect(slicesOf(bench.take())).toEqual(['6/8']);
  });

  it('is not taken for stalled while it goes on, and is sent again in each lane where it does not', async () => {
    await bench.tick();
    const { clock } = bench.services;
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    await bench.apply(first);
    clock.advance(STALL_MS - 1);
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    bench.take();
    clock.advance(STALL_MS - 1);
    expect(await bench.tick()).toEqual({ outcome: 'busy' });
    clock.advance(1);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 2 });
    expect(slicesOf(bench.take())).toEqual(['1/8', '2/8']);
  });

  it('halts once it was sent again three times and did not go on', async () => {
    await bench.tick();
    for (let turn = 0; turn < 3; turn++) {
      bench.services.clock.advance(STALL_MS);
      expect(await bench.tick()).toMatchObject({ outcome: 'sent' });
    }
    bench.services.clock.advance(STALL_MS);
    expect(await bench.tick()).toMatchObject({ outcome: 'halted', cause: { kind: 'plan_stalled' } });
    bench.take();
    await bench.settle();
    await expectEqual();
  });
});

describe('the metrics', () => {
  it('count a plan once, however often it is sent again, and every chunk that planner or writer sends', async () => {
    const opened: number[] = [];
    let sent = 0;
    const metrics: Metrics = {
      ...noMetrics,
      planOpened: (_, versions) => void opened.push(versions),
      chunksSent: (_, chunks) => {
        sent += chunks;
      },
    };
    let received = 0;
    const take = () => {
      const messages = bench.take();
      received += messages.length;
      return messages;
    };
    await bench.tick('schedule', { metrics });
    const [first, second] = take();
    if (!first || !second) throw new Error('two chunks are expected');
    await bench.apply(first, { metrics });
    await bench.apply(first, { metrics });
    const outOfTime = { attempt: 1, lastAttempt: false, outOfTime: true };
    const stopped = new SyncError('cancelled', 'The function came to its end.');
    const services = { ...bench.services, metrics };
    await handleChunkFailure(services, decodeMessage(second.body), stopped, outOfTime, NEVER);
    const [, , half] = take();
    if (!half) throw new Error('a half is expected');
    await bench.apply(half, { metrics });
    await bench.apply(second, { metrics });
    await bench.tick('person', { metrics });
    bench.services.checkpoints.lose();
    await bench.tick('schedule', { metrics });
    for (let messages = take(); messages.length > 0; messages = take()) {
      for (const message of messages) await bench.apply(message, { metrics });
    }
    await expectEqual();
    expect(sent).toBe(received);
    expect(opened).toEqual([1]);

    await lake.sql(`update ${bench.source} set name = 'changed'`);
    await lake.sql(`delete from ${bench.source} where id = 10`);
    await bench.tick('schedule', { metrics });
    expect(opened).toEqual([1, 2]);
  });
});

describe('a chunk that does not end in the time of its writer', () => {
  const outOfTime = { attempt: 1, lastAttempt: false, outOfTime: true };
  const stopped = new SyncError('cancelled', 'The function came to its end.');

  it('is halved again and again, and its lane goes on behind its parts', async () => {
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    const fail = async ({ body }: Pick<ReceivedMessage, 'body'>) =>
      handleChunkFailure(bench.services, decodeMessage(body), stopped, outOfTime, NEVER, () => 0);
    expect(await fail(first)).toEqual({ outcome: 'acknowledge' });
    const [half] = bench.take();
    if (!half) throw new Error('a half is expected');
    expect(await fail(half)).toEqual({ outcome: 'acknowledge' });

    const sent: string[] = [];
    for (let messages = bench.take(); messages.length > 0; messages = bench.take()) {
      sent.push(...slicesOf(messages));
      for (const { body } of messages) await applyChunk(bench.services, decodeMessage(body), NEVER);
    }
    expect(sent).toEqual(['0/32', '16/32', '8/16', '2/8', '4/8', '6/8']);
    await bench.settle();
    await expectEqual();
  });

  it('is noted as a whole by a part that comes again, where no part of its slice is missing', async () => {
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    const { plan } = decodeMessage(first.body);
    const [half, other] = [
      { plan, slice: 0, of: 16 },
      { plan, slice: 8, of: 16 },
    ];
    const done = async () => (await bench.services.checkpoints.readProgress(plan.id, NEVER)).done;
    await applyChunk(bench.services, half, NEVER);
    expect(await applyChunk(bench.services, half, NEVER)).toEqual({ outcome: 'already_applied' });
    expect(await done()).toEqual(new Set());
    const died = new SyncError('checkpoint_unavailable', 'The process died here.');
    const checkpoints = overriding(bench.services.checkpoints, { addDone: () => Promise.reject(died) });
    await expect(applyChunk({ ...bench.services, checkpoints }, other, NEVER)).rejects.toBe(died);
    expect(await applyChunk(bench.services, half, NEVER)).toEqual({ outcome: 'already_applied' });
    expect(await done()).toEqual(new Set([0]));
  });

  it('is halved only so often, and then tried again as it is', async () => {
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    const { plan } = decodeMessage(first.body);
    const smallest = { plan, slice: 0, of: plan.slices * 64 };
    const failed = await handleChunkFailure(bench.services, smallest, stopped, outOfTime, NEVER, () => 0);
    expect(failed).toMatchObject({ outcome: 'return' });
    expect(bench.take()).toEqual([]);
    const { failures } = await bench.services.checkpoints.readProgress(plan.id, NEVER);
    expect([...failures.values()]).toMatchObject([
      { kind: 'out_of_time', message: expect.stringContaining('as small as a chunk may be') },
    ]);
  });
});

describe('the pace', () => {
  it('is halved for the plan after one whose chunks found the target busy, and recovers', async () => {
    const paceOf = async () =>
      (await bench.services.checkpoints.read(bench.config.name, NEVER)).checkpoint.pace?.share;
    await bench.tick();
    const [first] = bench.take();
    if (!first) throw new Error('a chunk is expected');
    await bench.fail(first, new SyncError('target_busy', 'A lock was not granted in time.'));
    await bench.settle();
    expect(await paceOf()).toBe(1 / 2);

    await lake.sql(`update ${bench.source} set name = 'changed'`);
    expect(await bench.tick()).toMatchObject({ outcome: 'sent', chunks: 1, plan: { writers: 1 } });
    await bench.settle();
    expect(await paceOf()).toBe(1);
    await expectEqual();
  });
});
