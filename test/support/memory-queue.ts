import { randomUUID } from 'node:crypto';
import { SyncError } from '../../src/error/sync-error.ts';
import type { Chunk } from '../../src/plan/plan.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import { batchesOf } from '../../src/queue/sqs/batches.ts';
import { MAX_RETURN_SECONDS } from '../../src/queue/sqs/sqs-chunk-queue.ts';

interface Message {
  readonly body: string;
  readonly group: string;
  receives: number;
  handle: string | undefined;
  /** While in flight: seconds until it would be visible, as `returnAfter` set them. */
  hiddenSeconds: number | undefined;
}

export interface ReceivedMessage {
  readonly body: string;
  readonly group: string;
  readonly receiptHandle: string;
  /** 1 at the first delivery. */
  readonly attempt: number;
}

/** The chunk queue in memory. Time stands still: what `returnAfter` hides comes back with `elapse`. */
export class MemoryQueue implements ChunkQueue {
  #messages: Message[] = [];

  async send(chunks: readonly Chunk[], signal: AbortSignal): Promise<void> {
    refuseAborted(signal);
    for (const batch of batchesOf(chunks)) {
      for (const { MessageBody: body, MessageGroupId: group } of batch) {
        this.#messages.push({ body, group, receives: 0, handle: undefined, hiddenSeconds: undefined });
      }
    }
  }

  async returnAfter(receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void> {
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_RETURN_SECONDS) {
      throw new SyncError('internal', `A message cannot be returned after ${seconds} seconds.`);
    }
    refuseAborted(signal);
    const message = this.#messages.find(({ handle }) => handle === receiptHandle);
    if (message === undefined) return;
    message.hiddenSeconds = seconds;
    this.#show();
  }

  /** The oldest visible message, now in flight. */
  receive(): ReceivedMessage | undefined {
    const message = this.#messages.find(({ handle }) => handle === undefined);
    if (message === undefined) return undefined;
    const receiptHandle = randomUUID();
    message.handle = receiptHandle;
    message.receives++;
    return { body: message.body, group: message.group, receiptHandle, attempt: message.receives };
  }

  /** The same message again, as SQS may deliver it: both copies are to be acknowledged. */
  duplicate(body: string, group: string): void {
    this.#messages.push({ body, group, receives: 0, handle: undefined, hiddenSeconds: undefined });
  }

  acknowledge(receiptHandle: string): void {
    this.#messages = this.#messages.filter(({ handle }) => handle !== receiptHandle);
  }

  /** Lets `seconds` pass for the messages that were returned. */
  elapse(seconds: number): void {
    for (const message of this.#messages) {
      if (message.hiddenSeconds !== undefined) message.hiddenSeconds -= seconds;
    }
    this.#show();
  }

  /** Messages that are visible or in flight. */
  get size(): number {
    return this.#messages.length;
  }

  close(): void {}

  #show(): void {
    for (const message of this.#messages) {
      if (message.hiddenSeconds === undefined || message.hiddenSeconds > 0) continue;
      message.hiddenSeconds = undefined;
      message.handle = undefined;
    }
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new SyncError('cancelled', 'A call to the chunk queue was cancelled.');
}
