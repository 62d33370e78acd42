import { SyncError } from '../../error/sync-error.ts';
import { encodeMessage } from '../../plan/codec.ts';
import type { Chunk } from '../../plan/plan.ts';

/** Limits of SendMessageBatch: entries, and bytes of all bodies together, which is also the limit of one body. */
const MAX_ENTRIES = 10;
export const MAX_MESSAGE_BYTES = 1024 * 1024;

export interface Entry {
  /** Unique in its batch. */
  readonly Id: string;
  readonly MessageBody: string;
  /** One group per sync: a fair queue lets no sync's backlog hold up the others. */
  readonly MessageGroupId: string;
}

/**
 * The chunks' messages in as few batches as their order allows, each encoded when it is asked for. Throws
 * `config_invalid` at a message that SQS cannot take.
 */
export function* batchesOf(chunks: readonly Chunk[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let batchBytes = 0;
  for (const chunk of chunks) {
    const body = encodeMessage(chunk);
    const bytes = Buffer.byteLength(body);
    if (bytes > MAX_MESSAGE_BYTES) throw tooLarge(chunk, bytes);
    if (batch.length === MAX_ENTRIES || batchBytes + bytes > MAX_MESSAGE_BYTES) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push({ Id: String(batch.length), MessageBody: body, MessageGroupId: chunk.plan.sync });
    batchBytes += bytes;
  }
  if (batch.length > 0) yield batch;
}

function tooLarge({ plan, slice }: Chunk, bytes: number): SyncError {
  return new SyncError(
    'config_invalid',
    `A message of sync "${plan.sync}" takes ${bytes} bytes and SQS carries ${MAX_MESSAGE_BYTES}: map fewer columns in syncs.${plan.sync}.columns.`,
    { sync: plan.sync, planId: plan.id, slice, bytes },
  );
}
