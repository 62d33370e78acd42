import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type CheckpointEvent, transition } from '../checkpoint/transitions.ts';
import { advance } from './advance.ts';
import type { Services } from './services.ts';

/** What a person may ask of a sync's checkpoint. */
export type OperatorEvent = Extract<CheckpointEvent, { type: 'pause' | 'resume' }>;

export interface Operation {
  /** False where the sync was as asked for already, or the event does not fit its state. */
  readonly changed: boolean;
  readonly before: Checkpoint;
  readonly after: Checkpoint;
}

/** Brings a person's event to a sync; with `dryRun` it says what would come of it, and nothing is written. */
export async function operateSync(
  { checkpoints, log }: Pick<Services, 'checkpoints' | 'log'>,
  sync: string,
  event: OperatorEvent,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<Operation> {
  if (dryRun) {
    const { checkpoint: before } = await checkpoints.read(sync, signal);
    const after = transition(before, event);
    return 'refused' in after ? { changed: false, before, after: before } : { changed: true, before, after };
  }
  let before: Checkpoint = { state: 'new' };
  const advanced = await advance(
    checkpoints,
    sync,
    (checkpoint) => {
      before = checkpoint;
      return event;
    },
    signal,
  );
  const changed = advanced.outcome === 'written';
  if (changed) log.info('sync operated', { sync, event: event.type, state: advanced.checkpoint.state });
  return { changed, before, after: advanced.checkpoint };
}
