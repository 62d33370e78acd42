import type { Chunk } from '../plan/plan.ts';

/** Carries chunks to the writers, at least once, in no order. Failures are `queue_unavailable`. */
export interface ChunkQueue {
  /** Sends every chunk; what the service reports as failed is sent again a bounded number of times, then thrown. */
  send(chunks: readonly Chunk[], signal: AbortSignal): Promise<void>;
  /** Makes a received message visible again after `seconds` (0 to 43,200). */
  returnAfter(receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void>;
  close(): void;
}
