import type { Chunk } from '../plan/plan.ts';

/**
 * Carries chunks to the writers, at least once, in no order. Failures are `queue_unavailable`; `cancelled` once the
 * signal has aborted; and `config_invalid` for a message that is too large to carry.
 */
export interface ChunkQueue {
  /** Sends every chunk; what the service reports as failed is sent again a bounded number of times, then thrown. */
  send(chunks: readonly Chunk[], signal: AbortSignal): Promise<void>;
  /**
   * Makes a received message visible again after `seconds` (a whole number, 0 to 42,300). Done already for one that
   * is no longer in flight.
   */
  returnAfter(receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Names one delivery of a dead letter. `messageId` stays the same over deliveries. */
export interface Receipt {
  readonly messageId: string;
  readonly receiptHandle: string;
}

/** A message that was received too often, as it was sent to the chunk queue. */
export interface DeadLetter extends Receipt {
  readonly body: string;
}

/** How far a move is; about, as SQS counts. */
export interface MoveProgress {
  readonly moved: number;
  readonly total: number;
}

/**
 * Where the messages lie that were received too often. Failures are `queue_unavailable`, and `cancelled` once the
 * signal has aborted.
 */
export interface DeadLetterQueue {
  /** About how many messages are visible. */
  readCount(signal: AbortSignal): Promise<number>;
  /** Up to 10 messages, hidden from everybody else for `hideSeconds`; none when no message is visible. */
  receive(hideSeconds: number, signal: AbortSignal): Promise<readonly DeadLetter[]>;
  /** Makes received messages visible again; those that are, or are gone, stay as they are. */
  putBack(receipts: readonly Receipt[], signal: AbortSignal): Promise<void>;
  remove(receipts: readonly Receipt[], signal: AbortSignal): Promise<void>;
  /**
   * Moves every visible message to the chunk queue, as the console's redrive does, and waits until that is over. A
   * move that is under way already is joined. An abort ends the waiting; the move goes on.
   */
  moveAll(onProgress: (progress: MoveProgress) => void, signal: AbortSignal): Promise<MoveProgress>;
  close(): void;
}
