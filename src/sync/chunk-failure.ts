import { haltCauseOf } from '../checkpoint/checkpoint.ts';
import { asSyncError, type SyncError } from '../error/sync-error.ts';
import type { Chunk, Plan } from '../plan/plan.ts';
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

/**
 * Step 10: what a writer does about a chunk that was not applied. `random` is in [0, 1). When it cannot be noted, the
 * message comes again all the same.
 */
export async function handleChunkFailure(
  services: Services,
  { plan, slice }: Chunk,
  error: SyncError,
  { attempt, lastAttempt }: Delivery,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<FailureOutcome> {
  const { checkpoints, clock, log, metrics } = services;
  const facts = { sync: plan.sync, planId: plan.id, slice, attempt };
  log.warn('chunk not applied', { ...facts, kind: error.kind, error });
  metrics.chunkFailed(plan.sync, error.kind);
  const comesAgain: FailureOutcome = { outcome: 'return', seconds: backoffSeconds(attempt, random) };
  try {
    const failure = { kind: error.kind, message: error.message, attempt, at: clock.now() };
    await checkpoints.recordFailure(plan.id, slice, failure, signal);
    if (error.action === 'replan') {
      await freeForReplan(services, plan, signal);
      return { outcome: 'acknowledge' };
    }
    if (error.action !== 'retry' || lastAttempt) {
      await haltSync(services, plan.sync, error, { planId: plan.id }, signal);
    }
  } catch (thrown) {
    const { kind, message } = asSyncError(thrown);
    log.error('chunk failure not noted', { ...facts, kind, reason: message });
  }
  return comesAgain;
}

/**
 * The plan fits the world no more. Freed, the next tick reconciles and makes another, which fences this one. A sync
 * that another slice halted stays halted.
 */
async function freeForReplan({ checkpoints }: Services, plan: Plan, signal: AbortSignal): Promise<void> {
  const by = { planId: plan.id };
  await advance(
    checkpoints,
    plan.sync,
    (checkpoint) =>
      haltCauseOf(checkpoint) ? undefined : { type: 'release', by, through: checkpoint.through },
    signal,
  );
}

/** Exponential with full jitter: 1 to 2^attempt seconds, at most MAX_BACKOFF_SECONDS. */
function backoffSeconds(attempt: number, random: () => number): number {
  const ceiling = Math.min(MAX_BACKOFF_SECONDS, 2 ** attempt);
  return 1 + Math.floor(random() * ceiling);
}
