import type { Checkpoint, CheckpointStore } from '../checkpoint/checkpoint.ts';
import { type CheckpointEvent, transition } from '../checkpoint/transitions.ts';
import { SyncError } from '../error/sync-error.ts';

/** More losses in a row than this many are not a race any more. */
const MAX_CONFLICTS = 20;

export type Advance =
  | { readonly outcome: 'written'; readonly checkpoint: Checkpoint }
  | { readonly outcome: 'refused'; readonly reason: string; readonly checkpoint: Checkpoint };

/** An event that depends on the checkpoint that it comes to; undefined where there is none to bring. */
export type Decide = (checkpoint: Checkpoint) => CheckpointEvent | undefined;

/** Brings an event to a sync's checkpoint: reads, decides and writes, again where somebody else wrote in between. */
export async function advance(
  checkpoints: CheckpointStore,
  sync: string,
  event: CheckpointEvent | Decide,
  signal: AbortSignal,
): Promise<Advance> {
  for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
    const { checkpoint, revision } = await checkpoints.read(sync, signal);
    const decided = typeof event === 'function' ? event(checkpoint) : event;
    if (!decided) return { outcome: 'refused', reason: 'there is nothing to do', checkpoint };
    const next = transition(checkpoint, decided);
    if ('refused' in next) return { outcome: 'refused', reason: next.refused, checkpoint };
    const written = await checkpoints.write(sync, next, revision, signal);
    if (written.outcome === 'written') return { outcome: 'written', checkpoint: next };
  }
  throw new SyncError('checkpoint_unavailable', 'The checkpoint was changed by others again and again.', {
    sync,
  });
}
