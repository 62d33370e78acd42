import { setTimeout as wait } from 'node:timers/promises';
import type { CommitVersion } from '../change/commit-version.ts';
import type { Checkpoint, HaltCause } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { asSyncError, type SyncError } from '../error/sync-error.ts';
import type { Work } from '../plan/plan.ts';
import { throwIfAborted } from '../telemetry/abort.ts';
import type { TickOptions } from './plan-sync.ts';
import type { Services } from './services.ts';

/** What a run did for one sync. `failed`: it could not be planned, and a later run may do it. */
export interface RunResult {
  readonly sync: string;
  readonly state: 'idle' | 'halted' | 'paused' | 'failed';
  /** What the target shows; `none` before the first load, absent when it could not be asked. */
  readonly through?: CommitVersion | 'none';
  /** Newest version of the source that this run saw; absent when it saw none. */
  readonly source?: CommitVersion;
  /** Of the plans that finished during the run; absent when the target could not be asked. */
  readonly rows?: { readonly upserted: bigint; readonly deleted: bigint; readonly rejected: bigint };
  readonly error?: Pick<SyncError, 'kind' | 'message' | 'remedy'>;
}

export interface RunOptions {
  readonly services: Pick<Services, 'target' | 'checkpoints' | 'clock'>;
  readonly syncs: readonly SyncConfig[];
  /** Goes on until the source has nothing new; one plan per sync otherwise. */
  readonly untilIdle: boolean;
  /** Tries the rows that are put aside again, once the source has nothing new. */
  readonly retryRejected?: boolean;
  /** Told now and then how much of a plan is applied. */
  readonly onProgress?: (sync: string, chunks: { readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

/** What a planner said that it did. */
export type RunTick =
  | { readonly outcome: 'sent'; readonly work: Work['kind']; readonly opened: boolean }
  | { readonly outcome: 'idle' | 'busy' | 'paused' }
  | { readonly outcome: 'halted'; readonly cause: Pick<HaltCause, 'kind' | 'message' | 'remedy'> };

/** The planner and the writers that a run sets to work. */
export interface RunDriver {
  /** One tick; throws what a later one may mend. */
  tick(sync: string, options: Required<TickOptions>): Promise<RunTick>;
  /** From one read of a checkpoint to the next. */
  readonly pollMs: number;
  /**
   * From now on: whether the queue was empty since, so that nobody but a planner can take a plan off its checkpoint.
   * Absent where a schedule sees to plans that nobody applies.
   */
  watchQueue?(): () => boolean;
}

/** Ticks for every sync, follows the plans until they are applied, and says what became of each sync. */
export async function driveSyncs(options: RunOptions, driver: RunDriver): Promise<RunResult[]> {
  const { services, syncs, signal } = options;
  const startedAt = services.clock.now();
  const before = await totals(services, signal);
  const ended = await Promise.all(
    syncs.map(async (sync) => ({ sync, ...(await runSync(options, sync, driver)) })),
  );
  const after = await totals(services, signal);
  return Promise.all(
    ended.map(async ({ sync: { name }, ...end }) => ({
      sync: name,
      ...end,
      ...(await sourceSeen(services, name, startedAt, signal)),
      ...progressMade(before, after, name),
    })),
  );
}

type Ending = Pick<RunResult, 'state' | 'error'>;

async function runSync(options: RunOptions, { name }: SyncConfig, driver: RunDriver): Promise<Ending> {
  const { untilIdle, retryRejected = false, signal } = options;
  let retried = !retryRejected;
  for (let byPerson = true; ; byPerson = false) {
    throwIfAborted(signal);
    try {
      const ticked = await driver.tick(name, { byPerson, retryRejected: !retried });
      // A retry that was open before may have refused the rows before their cause was mended.
      if (ticked.outcome === 'sent' && ticked.work === 'retry' && ticked.opened) retried = true;
      if (ticked.outcome === 'halted') return halted(ticked.cause);
      if (ticked.outcome === 'idle' || ticked.outcome === 'paused') return { state: ticked.outcome };
    } catch (thrown) {
      throwIfAborted(signal);
      const { kind, message, remedy } = asSyncError(thrown, { sync: name });
      return { state: 'failed', error: { kind, message, remedy } };
    }
    const checkpoint = await settled(options, name, driver);
    if (checkpoint.state === 'halted') return halted(checkpoint.cause);
    if (!untilIdle && checkpoint.state === 'idle') return { state: 'idle' };
  }
}

function halted({ kind, message, remedy }: Pick<HaltCause, 'kind' | 'message' | 'remedy'>): Ending {
  return { state: 'halted', error: { kind, message, remedy } };
}

/** Waits until the plan is off the checkpoint, or nobody is left who could take it off. */
async function settled(
  { services, onProgress, signal }: RunOptions,
  sync: string,
  { pollMs, watchQueue = () => () => false }: RunDriver,
): Promise<Checkpoint> {
  const isEmpty = watchQueue();
  for (;;) {
    throwIfAborted(signal);
    const wasEmpty = isEmpty();
    const { checkpoint } = await services.checkpoints.read(sync, signal);
    const claimed = checkpoint.state === 'planning' && services.clock.now() < checkpoint.leaseUntil;
    if (!claimed && (checkpoint.state !== 'applying' || wasEmpty)) return checkpoint;
    if (onProgress && checkpoint.state === 'applying') {
      const { id, slices } = checkpoint.plan;
      const { done } = await services.checkpoints.readProgress(id, signal);
      onProgress(sync, { done: done.size, total: slices });
    }
    await wait(pollMs);
  }
}

/** The rows of all syncs at the start or the end of a run; undefined when the target could not be asked. */
type Totals = Awaited<ReturnType<Services['target']['readRows']>> | undefined;

function totals({ target }: Pick<Services, 'target'>, signal: AbortSignal): Promise<Totals> {
  return target.readRows(signal).catch(() => undefined);
}

/** What the planner of this run saw of the source; a look of an earlier run is an old number. */
async function sourceSeen(
  { checkpoints }: Pick<Services, 'checkpoints'>,
  sync: string,
  startedAt: number,
  signal: AbortSignal,
): Promise<Pick<RunResult, 'source'>> {
  const stored = await checkpoints.read(sync, signal).catch(() => undefined);
  const look = stored?.checkpoint.look;
  return look === undefined || look.at < startedAt ? {} : { source: look.latest };
}

function progressMade(before: Totals, after: Totals, sync: string): Pick<RunResult, 'through' | 'rows'> {
  if (!after) return {};
  const now = after.get(sync);
  const through = now?.through ?? 'none';
  if (!before) return { through };
  const old = before.get(sync);
  const grown = (count: 'rowsUpserted' | 'rowsDeleted' | 'rowsRejected') =>
    (now?.[count] ?? 0n) - (old?.[count] ?? 0n);
  const rows = {
    upserted: grown('rowsUpserted'),
    deleted: grown('rowsDeleted'),
    rejected: grown('rowsRejected'),
  };
  return { through, rows };
}
