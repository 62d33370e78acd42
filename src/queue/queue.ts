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
