import type { Checkpoint, HaltCause } from '../checkpoint/checkpoint.ts';
import type { Owner } from '../checkpoint/transitions.ts';
import { haltRemedyFor } from '../error/error-kind.ts';
import type { SyncError } from '../error/sync-error.ts';
import { advance } from './advance.ts';
import type { Services } from './services.ts';

/**
 * Stops a sync until a person acts. `by` is what the caller owns of the checkpoint; another owner's is left alone.
 * Gives the checkpoint as it is then.
 */
export async function haltSync(
  { checkpoints, clock, log, metrics }: Services,
  sync: string,
  error: SyncError,
  by: Owner,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const cause: HaltCause = {
    kind: error.kind,
    message: error.message,
    remedy: error.action === 'retry' ? haltRemedyFor(error.kind, sync) : error.remedy,
    at: clock.now(),
  };
  const advanced = await advance(checkpoints, sync, { type: 'halt', by, cause }, signal);
  const facts = { ...error.fields, sync, kind: error.kind, reason: error.message };
  if (advanced.outcome === 'written') {
    metrics.halted(sync, error.kind);
    log.error('sync halted', facts);
  } else {
    log.warn('sync not halted', { ...facts, refused: advanced.reason });
  }
  return advanced.checkpoint;
}
