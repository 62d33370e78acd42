import type { HaltCause } from '../../src/checkpoint/checkpoint.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { asSyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { type Lake, NEVER } from './lake.ts';

/**
 * Ticks once and delivers what was sent once, as planner and writers do. Gives why the sync is halted then; throws
 * where it is not, an error that would be tried again among it.
 */
export async function syncToHalt({ services }: Lake, config: SyncConfig): Promise<HaltCause> {
  await planSync(services, config, { byPerson: true }, NEVER);
  for (let message = services.queue.receive(); message; message = services.queue.receive()) {
    const chunk = decodeMessage(message.body);
    services.queue.acknowledge(message.receiptHandle);
    try {
      await applyChunk(services, chunk, NEVER);
    } catch (thrown) {
      const error = asSyncError(thrown);
      if (error.action === 'retry') throw error;
      await handleChunkFailure(services, chunk, error, { attempt: 1, lastAttempt: false }, NEVER, () => 0);
    }
  }
  const { checkpoint } = await services.checkpoints.read(config.name, NEVER);
  if (checkpoint.state === 'halted') return checkpoint.cause;
  throw new Error(`the sync is not halted but ${checkpoint.state}`);
}
