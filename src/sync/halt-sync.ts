import type { HaltCause } from '../checkpoint/checkpoint.ts';
import type { Owner } from '../checkpoint/transitions.ts';
import type { SyncError } from '../error/sync-error.ts';
import { advance } from './advance.ts';
import type { Services } from './services.ts';

/** Stops a sync until a person acts. `by` is what the caller owns of the checkpoint; another owner's is left alone. */
export async function haltSync(
  { checkpoints, clock, log, metrics }: Services,
  sync: string,
  error: SyncError,
  by: Owner,
  signal: AbortSignal,
): Promise<{ readonly outcome: 'halted'; readonly cause: HaltCause }> {
  const cause: HaltCause = {
    kind: error.kind,
    message: error.message,
    remedy: error.remedy,
    at: clock.now(),
  };
  const { outcome } = await advance(checkpoints, sync, { type: 'halt', by, cause }, signal);
  if (outcome === 'written') metrics.halted(sync, error.kind);
  log.error('sync halted', {
    ...error.fields,
    sync,
    kind: error.kind,
    reason: error.message,
    checkpoint: outcome,
  });
  return { outcome: 'halted', cause };
}
