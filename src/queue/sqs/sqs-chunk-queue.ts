import { setTimeout as wait } from 'node:timers/promises';
import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { SyncError } from '../../error/sync-error.ts';
import type { Chunk } from '../../plan/plan.ts';
import type { ChunkQueue } from '../queue.ts';
import { openSqsClient, type SqsAccess } from './access.ts';
import { batchesOf, type Entry } from './batches.ts';
import { isNotInFlight, type NamedQueue, queueError } from './errors.ts';

/**
 * SQS hides a message for 12 hours at most, counted from when it was received (API Reference,
 * "ChangeMessageVisibility"): so long that it accepts this from a function that ran for its 15 minutes first.
 */
export const MAX_RETURN_SECONDS = 42_300;

/** Waits before a batch's failed entries are sent again; as many times as there are waits. */
const RESEND_AFTER_MS: readonly number[] = [100, 400, 1_600, 6_400];

export interface SqsChunkQueueOptions extends SqsAccess {
  readonly queueUrl: string;
}

export function openSqsChunkQueue(options: SqsChunkQueueOptions): ChunkQueue {
  return new SqsChunkQueue(openSqsClient(options), options.queueUrl, RESEND_AFTER_MS);
}

/** Chunks as messages of a standard SQS queue, one message group per sync. */
export class SqsChunkQueue implements ChunkQueue {
  readonly #client: SQSClient;
  readonly #queue: NamedQueue;
  readonly #resendAfterMs: readonly number[];

  /** The queue owns the client: `close` destroys it. */
  constructor(client: SQSClient, queueUrl: string, resendAfterMs: readonly number[]) {
    this.#client = client;
    this.#queue = {
      role: 'chunk queue',
      url: queueUrl,
      rights: 'sqs:SendMessage and sqs:ChangeMessageVisibility',
    };
    this.#resendAfterMs = resendAfterMs;
  }

  async send(chunks: readonly Chunk[], signal: AbortSignal): Promise<void> {
    const sync = chunks[0]?.plan.sync;
    const fields = sync === undefined ? {} : { sync };
    try {
      for (const batch of batchesOf(chunks)) await this.#sendBatch(batch, signal);
    } catch (thrown) {
      throw queueError(thrown, this.#queue, fields, signal);
    }
  }

  async returnAfter(receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void> {
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_RETURN_SECONDS) {
      throw new SyncError('internal', `A message cannot be returned after ${seconds} seconds.`);
    }
    const change = new ChangeMessageVisibilityCommand({
      QueueUrl: this.#queue.url,
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    });
    try {
      await this.#client.send(change, { abortSignal: signal });
    } catch (thrown) {
      if (isNotInFlight(thrown)) return;
      throw queueError(thrown, this.#queue, {}, signal);
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #sendBatch(batch: readonly Entry[], signal: AbortSignal): Promise<void> {
    let unsent = batch;
    for (let attempt = 0; ; attempt++) {
      const failed = await this.#sendOnce(unsent, signal);
      if (failed.length === 0) return;
      const refused = failed.filter((entry) => entry.SenderFault === true);
      if (refused.length > 0) throw this.#notSent(refused, batch, 'refused');
      const waitMs = this.#resendAfterMs[attempt];
      if (waitMs === undefined) throw this.#notSent(failed, batch, 'did not take');
      await wait(waitMs, undefined, { signal });
      const ids = new Set(failed.map((entry) => entry.Id));
      unsent = unsent.filter((entry) => ids.has(entry.Id));
    }
  }

  async #sendOnce(entries: readonly Entry[], signal: AbortSignal): Promise<readonly BatchResultErrorEntry[]> {
    const { Failed } = await this.#client.send(
      new SendMessageBatchCommand({ QueueUrl: this.#queue.url, Entries: [...entries] }),
      { abortSignal: signal },
    );
    return Failed ?? [];
  }

  #notSent(failed: readonly BatchResultErrorEntry[], batch: readonly Entry[], verb: string): SyncError {
    const code = failed[0]?.Code ?? 'unknown';
    return new SyncError(
      'queue_unavailable',
      `SQS ${verb} ${failed.length} of ${batch.length} messages for the chunk queue ${this.#queue.url} (${code}).`,
      { code, failed: failed.length, sync: batch[0]?.MessageGroupId ?? '' },
    );
  }
}
