import { beforeEach, describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Checkpoint, CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import { ERROR_POLICY, type ErrorKind, isOfCommands } from '../../src/error/error-kind.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { handleChunkFailure, handleHeldChunk } from '../../src/sync/chunk-failure.ts';
import type { Services } from '../../src/sync/services.ts';
import { DEFAULT_LIMITS } from '../../src/target/postgres/database.ts';
import { lineLog } from '../../src/telemetry/line-log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { HandClock, overriding, unused } from '../support/control.ts';
import { NEVER } from '../support/lake.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';
import { aPlan } from '../support/plans.ts';

const plan = aPlan();
const chunk = { plan, slice: 1, of: plan.slices };
const SYNC = plan.sync;
const FIRST = { attempt: 1, lastAttempt: false, outOfTime: false };
const LAST = { attempt: 5, lastAttempt: true, outOfTime: false };
const through = parseCommitVersion(4);
const applying: Checkpoint = { state: 'applying', plan, sentAt: 1, left: 3, resends: 0, through };
const kindsThat = (action: string) =>
  (Object.keys(ERROR_POLICY) as ErrorKind[]).filter((kind) => ERROR_POLICY[kind].action === action);

describe('a chunk that was not applied', () => {
  let checkpoints: MemoryCheckpoints;
  let clock: HandClock;
  let lines: string[];
  let halted: string[];

  beforeEach(() => {
    checkpoints = new MemoryCheckpoints();
    clock = new HandClock();
    lines = [];
    halted = [];
  });

  const errorOf = (kind: ErrorKind) =>
    new SyncError(kind, 'It did not work.', { sync: SYNC }, { cause: new Error('quoted-row') });

  async function store(checkpoint: Checkpoint): Promise<void> {
    const { revision } = await checkpoints.read(SYNC, NEVER);
    await checkpoints.write(SYNC, checkpoint, revision, NEVER);
  }

  const read = async () => (await checkpoints.read(SYNC, NEVER)).checkpoint;

  function fail(
    kind: ErrorKind,
    delivery = FIRST,
    { random = 0, over = checkpoints }: { random?: number; over?: CheckpointStore } = {},
  ) {
    const services: Services = {
      source: unused('source'),
      target: unused('target'),
      queue: unused('queue'),
      checkpoints: over,
      clock,
      log: lineLog({ write: (line) => lines.push(line) }, { format: 'json', clock }),
      metrics: { ...noMetrics, halted: (_, haltedBy) => halted.push(haltedBy) },
    };
    return handleChunkFailure(services, chunk, errorOf(kind), delivery, NEVER, () => random);
  }

  it('is noted with kind, message, attempt and time', async () => {
    await store(applying);
    await fail('target_busy', { ...FIRST, attempt: 3 });
    expect((await checkpoints.readProgress(plan.id, NEVER)).failures).toEqual(
      new Map([[1, { kind: 'target_busy', message: 'It did not work.', attempt: 3, at: clock.now() }]]),
    );
  });

  it('is logged with sync, plan, slice, attempt, kind and message, and without what the driver said', async () => {
    await store(applying);
    await fail('target_busy', { ...FIRST, attempt: 3 });
    const facts = { sync: SYNC, planId: plan.id, slice: 1, attempt: 3, kind: 'target_busy' };
    const error = { message: 'It did not work.', cause: { name: 'Error' } };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', ...facts, error }]);
    expect(lines.join()).not.toContain('quoted-row');
  });

  it('is logged with the place in the code when it is a fault of ours', async () => {
    await fail('internal');
    const [line] = lines.map((text) => JSON.parse(text));
    expect(line.error.frames[0]).toContain('chunk-failure.test');
  });

  it.each(kindsThat('retry'))('comes again after %s, and the sync goes on', async (kind) => {
    await store(applying);
    expect(await fail(kind)).toMatchObject({ outcome: 'return' });
    expect(await read()).toEqual(applying);
  });

  async function pauses(attempts: readonly number[], random: number): Promise<readonly number[]> {
    const failures = await Promise.all(
      attempts.map((attempt) => fail('target_busy', { ...FIRST, attempt }, { random })),
    );
    return failures.map((failure) => (failure.outcome === 'return' ? failure.seconds : Number.NaN));
  }

  it('waits longer with every attempt, within a bound', async () => {
    expect(await pauses([1, 2, 3, 4, 5, 6], 1 - 1e-9)).toEqual([5, 20, 80, 300, 300, 300]);
  });

  it('is tried for more than three minutes, however soon it fails', async () => {
    const seconds = await pauses([1, 2, 3, 4], 0);
    expect(seconds.reduce((sum, one) => sum + one, 0)).toBe(203);
  });

  it('waits for a random part of that, so that chunks which fail together do not come back together', async () => {
    const waits = [0, 0.25, 0.5, 1 - 1e-9].map((random) => pauses([3], random));
    expect((await Promise.all(waits)).flat()).toEqual([40, 50, 60, 80]);
  });

  it('halts the sync with its cause at the last attempt, and leaves the message to the dead-letter queue', async () => {
    await store(applying);
    expect(await fail('target_unavailable', LAST)).toEqual({ outcome: 'return', seconds: 0 });
    const { message } = errorOf('target_unavailable');
    const remedy =
      'Check that the Neon branch and its compute are up and reachable, then run "lakeferry run customer_profiles".';
    expect(await read()).toEqual({
      state: 'halted',
      plan,
      through,
      cause: { kind: 'target_unavailable', message, remedy, at: clock.now() },
    });
    expect(halted).toEqual(['target_unavailable']);
  });

  it.each(kindsThat('retry').filter((kind) => !isOfCommands(kind)))(
    'does not promise to try %s again once the attempts are used up',
    async (kind) => {
      await store(applying);
      expect(new SyncError(kind, 'It failed.').remedy).toContain('tries again by itself');
      await fail(kind, LAST);
      const { cause } = (await read()) as Extract<Checkpoint, { state: 'halted' }>;
      expect(cause.remedy).not.toContain('by itself');
      expect(cause.remedy).toContain(`then run "lakeferry run ${plan.sync}".`);
    },
  );

  it.each([...kindsThat('halt'), ...kindsThat('refuse')])(
    'halts the sync at once on %s, and comes again for a redrive',
    async (kind) => {
      await store(applying);
      expect(await fail(kind)).toMatchObject({ outcome: 'return' });
      expect(await read()).toMatchObject({ state: 'halted', plan, cause: { kind } });
    },
  );

  it('halts with its own cause, and is not halved, where that came at the end of the time', async () => {
    await store(applying);
    const late = { ...FIRST, outOfTime: true };
    expect(await fail('target_permission', late)).toMatchObject({ outcome: 'return' });
    expect(await read()).toMatchObject({ state: 'halted', cause: { kind: 'target_permission' } });
  });

  it('keeps the first cause when several slices halt', async () => {
    await store(applying);
    await fail('row_rejected');
    await fail('unique_conflict');
    expect(await read()).toMatchObject({ state: 'halted', cause: { kind: 'row_rejected' } });
    expect(halted).toEqual(['row_rejected']);
  });

  it.each(kindsThat('replan'))(
    'frees the sync for another plan on %s, even at the last attempt',
    async (kind) => {
      await store(applying);
      expect(await fail(kind, LAST)).toEqual({ outcome: 'acknowledge' });
      expect(await read()).toEqual({ state: 'idle', through });
    },
  );

  it('does not free a sync that another slice halted', async () => {
    await store(applying);
    await fail('row_rejected');
    const before = await read();
    expect(await fail('target_replaced')).toEqual({ outcome: 'acknowledge' });
    expect(await read()).toEqual(before);
  });

  it('does not free a sync that another slice halted while it is paused', async () => {
    await store({ state: 'paused', by: 'ana', reason: '', at: 1, plan, through });
    await fail('row_rejected');
    const before = await read();
    expect(before).toMatchObject({ state: 'paused', cause: { kind: 'row_rejected' } });
    expect(await fail('target_replaced')).toEqual({ outcome: 'acknowledge' });
    expect(await read()).toEqual(before);
  });

  it('does not free a sync that another slice halts at that moment', async () => {
    await store(applying);
    let before: Checkpoint | undefined;
    const over = overriding<CheckpointStore>(checkpoints, {
      write: async (...args) => {
        if (!before) {
          await fail('row_rejected');
          before = await read();
        }
        return checkpoints.write(...args);
      },
    });
    expect(await fail('target_replaced', FIRST, { over })).toEqual({ outcome: 'acknowledge' });
    expect(before).toMatchObject({ state: 'halted' });
    expect(await read()).toEqual(before);
  });

  it.each(['target_replaced', 'row_rejected'] as const)(
    'leaves the checkpoint of another plan alone on %s',
    async (kind) => {
      const other: Checkpoint = { state: 'applying', plan: aPlan(), sentAt: 1, left: 3, resends: 0, through };
      await store(other);
      await fail(kind, LAST);
      expect(await read()).toEqual(other);
      expect(halted).toEqual([]);
    },
  );

  it('does not tell of a halt that was refused', async () => {
    await fail('row_rejected');
    expect((await read()).state).toBe('new');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['chunk not applied', 'sync not halted']);
  });

  it.each(['target_busy', 'target_replaced', 'row_rejected'] as const)(
    'comes again on %s when nothing can be noted',
    async (kind) => {
      const away = async () => {
        throw new SyncError('checkpoint_unavailable', 'The checkpoint table is away.');
      };
      const over = overriding<CheckpointStore>(checkpoints, { recordFailure: away, read: away, write: away });
      expect(await fail(kind, FIRST, { over })).toEqual({ outcome: 'return', seconds: 3 });
    },
  );
});

describe('a chunk whose slice is held by another transaction', () => {
  const half = { ...chunk, of: 2 * plan.slices };
  const attempts = [1, 2, 3, 4, 5].map((attempt) => ({ attempt, lastAttempt: attempt === 5 }));
  const secondsOf = (held: typeof chunk) =>
    attempts.map((delivery) => {
      const next = handleHeldChunk(held, delivery);
      return next.outcome === 'return' ? next.seconds : next.outcome;
    });

  it('is let go of at the first receive, since it came twice, and after the last', () => {
    expect(secondsOf(chunk)).toEqual(['acknowledge', 150, 300, 600, 'acknowledge']);
  });

  it('is kept at the first receive where it is a half, whose writer before it may have lost its transaction', () => {
    expect(secondsOf(half)).toEqual([75, 150, 300, 600, 'acknowledge']);
  });

  it('comes again for longer than a statement may run on the server', () => {
    const seconds = secondsOf(chunk).filter((each) => typeof each === 'number');
    expect(seconds.reduce((sum, each) => sum + each, 0) * 1_000).toBeGreaterThan(DEFAULT_LIMITS.statementMs);
  });
});
