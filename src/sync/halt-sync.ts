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
  const cause: HaltCause = { ...haltWords(error, sync), at: clock.now() };
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

/** Whether what a planner threw stops its sync; otherwise a later tick may mend it by itself. */
export function haltsPlanner({ action, kind }: SyncError): boolean {
  return action !== 'retry' && kind !== 'target_replaced';
}

/** What the cause of a halt by the error says. */
export function haltWords(error: SyncError, sync: string): Omit<HaltCause, 'at'> {
  const { kind, message, action } = error;
  return { kind, message, remedy: action === 'retry' ? haltRemedyFor(kind, sync) : error.remedy };
}
