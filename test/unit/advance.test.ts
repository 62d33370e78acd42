import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import type { CheckpointEvent } from '../../src/checkpoint/transitions.ts';
import { advance } from '../../src/sync/advance.ts';
import { overriding } from '../support/control.ts';
import { NEVER } from '../support/lake.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';

const claim = (token: string): CheckpointEvent => ({
  type: 'claim',
  token,
  now: 1_000,
  leaseMs: 60_000,
  resume: false,
});
const look = { latest: parseCommitVersion(7), latestCommittedAt: 900, at: 1_000 };

/** Before each of the first `times` writes, somebody else writes. */
function contended(base: CheckpointStore, event: CheckpointEvent, times: number) {
  let left = times;
  let writes = 0;
  const store = overriding(base, {
    write: async (...args) => {
      writes++;
      if (left-- > 0) await advance(base, 'orders', event, NEVER);
      return base.write(...args);
    },
  });
  return { store, writes: () => writes };
}

describe('bringing an event to a checkpoint', () => {
  it('stores what the event makes of it and gives that back', async () => {
    const checkpoints = new MemoryCheckpoints();
    const advanced = await advance(checkpoints, 'orders', claim('mine'), NEVER);
    expect(advanced).toMatchObject({
      outcome: 'written',
      checkpoint: { state: 'planning', claim: 'mine', leaseUntil: 61_000 },
    });
    expect((await checkpoints.read('orders', NEVER)).checkpoint).toEqual(advanced.checkpoint);
    expect((await checkpoints.read('items', NEVER)).checkpoint).toEqual({ state: 'new' });
  });

  it('stores nothing when the event does not fit, and says why and what is there', async () => {
    const checkpoints = new MemoryCheckpoints();
    await advance(checkpoints, 'orders', claim('first'), NEVER);
    const before = await checkpoints.read('orders', NEVER);
    expect(await advance(checkpoints, 'orders', claim('second'), NEVER)).toEqual({
      outcome: 'refused',
      reason: 'another planner holds the claim',
      checkpoint: before.checkpoint,
    });
    expect(await checkpoints.read('orders', NEVER)).toEqual(before);
  });

  it('decides again on what somebody else wrote in between', async () => {
    const checkpoints = new MemoryCheckpoints();
    const { store } = contended(checkpoints, claim('quicker'), 1);
    expect(await advance(store, 'orders', claim('slower'), NEVER)).toMatchObject({ outcome: 'refused' });
    expect((await checkpoints.read('orders', NEVER)).checkpoint).toMatchObject({ claim: 'quicker' });
  });

  it('loses nothing of what somebody else wrote in between', async () => {
    const checkpoints = new MemoryCheckpoints();
    const { store, writes } = contended(checkpoints, { type: 'looked', look }, 3);
    expect(await advance(store, 'orders', claim('mine'), NEVER)).toMatchObject({ outcome: 'written' });
    expect((await checkpoints.read('orders', NEVER)).checkpoint).toMatchObject({ claim: 'mine', look });
    expect(writes()).toBe(4);
  });

  it('gives up when others write again and again, without having written', async () => {
    const checkpoints = new MemoryCheckpoints();
    const { store, writes } = contended(checkpoints, { type: 'looked', look }, 1_000);
    await expect(advance(store, 'orders', claim('mine'), NEVER)).rejects.toMatchObject({
      kind: 'checkpoint_unavailable',
      fields: { sync: 'orders' },
    });
    expect(writes()).toBe(20);
    expect((await checkpoints.read('orders', NEVER)).checkpoint.state).toBe('new');
  });

  it('stops when it is cancelled', async () => {
    await expect(
      advance(new MemoryCheckpoints(), 'orders', claim('mine'), AbortSignal.abort()),
    ).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
