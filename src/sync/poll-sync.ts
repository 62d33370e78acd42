import { setTimeout as wait } from 'node:timers/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { planSync, type Tick } from './plan-sync.ts';
import type { Services } from './services.ts';

/** From the end of one look at the source to the beginning of the next. */
const POLL_MS = 5_000;

export interface PollOptions {
  /** No tick begins later, in milliseconds since the epoch; one that has begun is finished. */
  readonly until: number;
  /** Lets time pass; rejects when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Ticks at once, and then each time that there may be something to do. What is asked in between is one read of the
 * checkpoint and, where no plan is in flight, one look at the source: nothing is written, and Postgres may sleep. Only
 * the first tick looks after a plan in flight and sees a target that was restored or a source table that was made again
 * with the same version. Gives the last tick; ends early when the signal aborts, or nobody but a person can go on.
 */
export async function pollSync(
  services: Services,
  config: SyncConfig,
  { until, pause = (ms, signal) => wait(ms, undefined, { signal }) }: PollOptions,
  signal: AbortSignal,
): Promise<Tick> {
  const tick = () => planSync(services, config, { byPerson: false }, signal);
  let last = await tick();
  while (last.outcome !== 'paused' && last.outcome !== 'halted') {
    if (services.clock.now() + POLL_MS > until || !(await passes(pause(POLL_MS, signal), signal))) break;
    if (!(await isQuiet(services, config, signal))) last = await tick();
  }
  return last;
}

async function passes(pause: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  await pause.catch((thrown: unknown) => {
    if (!signal.aborted) throw thrown;
  });
  return !signal.aborted;
}

/** Whether a tick would find nothing to do. */
async function isQuiet(services: Services, config: SyncConfig, signal: AbortSignal): Promise<boolean> {
  const { checkpoint } = await services.checkpoints.read(config.name, signal);
  switch (checkpoint.state) {
    case 'applying':
      return true;
    case 'planning':
      return services.clock.now() < checkpoint.leaseUntil;
    case 'idle':
      return showsLatest(services, config, checkpoint, signal);
    case 'new':
    case 'halted':
    case 'paused':
      return false;
    default:
      return checkpoint satisfies never;
  }
}

async function showsLatest(
  { source }: Services,
  config: SyncConfig,
  { through }: Checkpoint,
  signal: AbortSignal,
): Promise<boolean> {
  const { latest } = await source.look(config.source, signal);
  return latest.version === through;
}
