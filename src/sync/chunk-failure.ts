import type { SyncError } from '../error/sync-error.ts';
import type { Chunk } from '../plan/plan.ts';
import { advance } from './advance.ts';
import { haltSync } from './halt-sync.ts';
import type { Services } from './services.ts';

const MAX_BACKOFF_SECONDS = 300;

export interface Delivery {
  /** How often the message was received, from 1. */
  readonly attempt: number;
  /** The queue gives the message to the dead-letter queue after this attempt. */
  readonly lastAttempt: boolean;
}

/**
 * `acknowledge`: the message has nothing left to do. `return`: it comes again after `seconds`, or goes to the
 * dead-letter queue if it was the last attempt.
 */
export type FailureOutcome =
  | { readonly outcome: 'acknowledge' }
  | { readonly outcome: 'return'; readonly seconds: number };

/** Step 10: what a writer does about a chunk that was not applied. `random` is in [0, 1). */
export async function handleChunkFailure(
  services: Services,
  { plan, slice }: Chunk,
  error: SyncError,
  { attempt, lastAttempt }: Delivery,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<FailureOutcome> {
  const { checkpoints, clock, log, metrics } = services;
  const facts = { sync: plan.sync, planId: plan.id, slice, attempt, kind: error.kind };
  log.warn('chunk not applied', { ...error.fields, ...facts, reason: error.message });
  metrics.chunkFailed(plan.sync, error.kind);
  await checkpoints.recordFailure(
    plan.id,
    slice,
    { kind: error.kind, message: error.message, attempt, at: clock.now() },
    signal,
  );
  if (error.action === 'replan') {
    // The plan fits the world no more. Freed, the next tick reconciles and makes another, which fences this one.
    // A sync that another slice halted stays halted.
    const { checkpoint } = await checkpoints.read(plan.sync, signal);
    if (checkpoint.state === 'halted') return { outcome: 'acknowledge' };
    await advance(
      checkpoints,
      plan.sync,
      { type: 'release', by: { planId: plan.id }, through: checkpoint.through },
      signal,
    );
    return { outcome: 'acknowledge' };
  }
  if (error.action !== 'retry' || lastAttempt) {
    await haltSync(services, plan.sync, error, { planId: plan.id }, signal);
  }
  return { outcome: 'return', seconds: backoffSeconds(attempt, random) };
}

/** Exponential with full jitter: 1 to 2^attempt seconds, at most MAX_BACKOFF_SECONDS. */
function backoffSeconds(attempt: number, random: () => number): number {
  const ceiling = Math.min(MAX_BACKOFF_SECONDS, 2 ** attempt);
  return 1 + Math.floor(random() * ceiling);
}
