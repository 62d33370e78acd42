import { setTimeout as wait } from 'node:timers/promises';
import { plannerHandler } from '../../lambdas/planner.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import type { CommitVersion } from '../change/commit-version.ts';
import type { Checkpoint, HaltCause } from '../checkpoint/checkpoint.ts';
import { type AwsConnection, LOCAL_AWS_CREDENTIALS } from '../config/connections.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { Services } from '../sync/services.ts';
import { throwIfAborted } from '../telemetry/abort.ts';
import { createLambdaContext } from './lambda-context.ts';
import { pumpQueue, type QueuePump } from './queue-pump.ts';

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
  readonly config: LakeferryConfig;
  readonly services: Services;
  readonly aws: AwsConnection;
  readonly syncs: readonly SyncConfig[];
  /** Goes on until the source has nothing new; one plan per sync otherwise. */
  readonly untilIdle: boolean;
  /** Tries the rows that are put aside again, once the source has nothing new. */
  readonly retryRejected?: boolean;
  /** Told now and then how much of a plan is applied. */
  readonly onProgress?: (sync: string, chunks: { readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

const POLL_MS = 25;
const PLANNER_TIMEOUT_MS = 5 * 60_000;

/**
 * Runs planner and writers as EventBridge and SQS would, in this process, on the handlers that are deployed, and
 * says what became of each sync.
 */
export async function runSyncs(options: RunOptions): Promise<RunResult[]> {
  const { config, services, aws, syncs, signal } = options;
  if (!aws.local) throw new SyncError('internal', 'Only the local stack can be run in this process.');
  const runtime = async () => ({ config, services });
  const startedAt = services.clock.now();
  const before = await totals(services, signal);
  const stop = new AbortController();
  const pump = pumpQueue({
    aws: { sqs: aws.local.sqs, region: aws.region, credentials: LOCAL_AWS_CREDENTIALS },
    queueUrl: aws.chunkQueueUrl,
    handler: writerHandler(runtime),
    concurrency: Math.max(...syncs.map(({ maxWriters }) => maxWriters)),
    signal: stop.signal,
    log: services.log,
  });
  const tick = plannerHandler(runtime);
  try {
    const ended = await Promise.all(
      syncs.map(async (sync) => ({ sync, ...(await runSync(options, sync, tick, pump)) })),
    );
    const after = await totals(services, signal);
    return await Promise.all(
      ended.map(async ({ sync: { name }, ...end }) => ({
        sync: name,
        ...end,
        ...(await sourceSeen(services, name, startedAt, signal)),
        ...progressMade(before, after, name),
      })),
    );
  } finally {
    stop.abort();
    await pump.stopped;
  }
}

type Ending = Pick<RunResult, 'state' | 'error'>;

async function runSync(
  options: RunOptions,
  { name }: SyncConfig,
  tick: ReturnType<typeof plannerHandler>,
  pump: QueuePump,
): Promise<Ending> {
  const { untilIdle, retryRejected = false, signal } = options;
  let retried = !retryRejected;
  for (let byPerson = true; ; byPerson = false) {
    throwIfAborted(signal);
    try {
      const event = { sync: name, byPerson, retryRejected: !retried };
      const ticked = await tick(event, createLambdaContext('planner', PLANNER_TIMEOUT_MS));
      if (ticked.outcome === 'sent' && ticked.plan.work.kind === 'retry') retried = true;
      if (ticked.outcome === 'halted') return halted(ticked.cause);
      if (ticked.outcome === 'idle' || ticked.outcome === 'paused') return { state: ticked.outcome };
    } catch (thrown) {
      const { kind, message, remedy } = asSyncError(thrown, { sync: name });
      return { state: 'failed', error: { kind, message, remedy } };
    }
    const checkpoint = await settled(options, name, pump);
    if (checkpoint.state === 'halted') return halted(checkpoint.cause);
    if (!untilIdle && checkpoint.state === 'idle') return { state: 'idle' };
  }
}

function halted({ kind, message, remedy }: HaltCause): Ending {
  return { state: 'halted', error: { kind, message, remedy } };
}

/** Waits until the plan is off the checkpoint, or no message is left that could take it off. */
async function settled(
  { services, onProgress, signal }: RunOptions,
  sync: string,
  pump: QueuePump,
): Promise<Checkpoint> {
  let empty = false;
  pump.idle().then(
    () => {
      empty = true;
    },
    () => {},
  );
  for (;;) {
    throwIfAborted(signal);
    const wasEmpty = empty;
    const { checkpoint } = await services.checkpoints.read(sync, signal);
    const claimed = checkpoint.state === 'planning' && services.clock.now() < checkpoint.leaseUntil;
    if (!claimed && (checkpoint.state !== 'applying' || wasEmpty)) return checkpoint;
    if (onProgress && checkpoint.state === 'applying') {
      const { id, slices } = checkpoint.plan;
      const { done } = await services.checkpoints.readProgress(id, signal);
      onProgress(sync, { done: done.size, total: slices });
    }
    await wait(POLL_MS);
  }
}

/** The rows of all syncs at the start or the end of a run; undefined when the target could not be asked. */
type Totals = Awaited<ReturnType<Services['target']['readRows']>> | undefined;

function totals({ target }: Services, signal: AbortSignal): Promise<Totals> {
  return target.readRows(signal).catch(() => undefined);
}

/** What the planner of this run saw of the source; a look of an earlier run is an old number. */
async function sourceSeen(
  { checkpoints }: Services,
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
