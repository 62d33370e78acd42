import { haltCauseOf } from '../checkpoint/checkpoint.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { Chunk, Plan } from '../plan/plan.ts';
import { halvesOf } from '../plan/slices.ts';
import { advance } from './advance.ts';
import { haltSync } from './halt-sync.ts';
import { sendChunks } from './send-chunks.ts';
import type { Services } from './services.ts';

/**
 * The pause before the second attempt, what multiplies it for each further one, and the longest. All of them together
 * outlast a restart of Neon or of the warehouse: 203 to 405 seconds for five attempts.
 */
const [FIRST_PAUSE_SECONDS, PAUSE_FACTOR, MAX_PAUSE_SECONDS] = [5, 4, 300];
/**
 * When a chunk comes again whose slice is held; doubled each time. From the second receive of five to the last that is
 * longer than a statement may run on the server.
 */
const HELD_SECONDS = 75;

export interface Delivery {
  /** How often the message was received, from 1. */
  readonly attempt: number;
  /** The queue gives the message to the dead-letter queue after this attempt. */
  readonly lastAttempt: boolean;
  /** The writer's own time limit ended the attempt. */
  readonly outOfTime: boolean;
}

/**
 * `acknowledge`: the message has nothing left to do. `return`: it comes again after `seconds`, or goes to the
 * dead-letter queue, at once, if it was the last attempt.
 */
export type FailureOutcome =
  | { readonly outcome: 'acknowledge' }
  | { readonly outcome: 'return'; readonly seconds: number };

/**
 * Step 10: what a writer does about a chunk that was not applied. One that does not fit the writer's time is halved.
 * `random` is in [0, 1). When it cannot be noted, the message comes again all the same.
 */
export async function handleChunkFailure(
  services: Services,
  chunk: Chunk,
  thrown: SyncError,
  { attempt, lastAttempt, ...delivery }: Delivery,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<FailureOutcome> {
  const { checkpoints, clock, log, metrics } = services;
  const { plan, slice, of } = chunk;
  // What halts or plans anew does so whatever the time: halves would meet it again.
  const outOfTime = delivery.outOfTime && thrown.action === 'retry';
  const [firstHalf] = (outOfTime ? halvesOf(plan, chunk) : undefined) ?? [];
  const error = outOfTime ? ranOutOfTime(chunk, firstHalf !== undefined, thrown) : thrown;
  const facts = { sync: plan.sync, planId: plan.id, slice, of, attempt };
  log.warn('chunk not applied', { ...facts, kind: error.kind, error });
  metrics.chunkFailed(plan.sync, error.kind);
  const seconds = lastAttempt ? 0 : pauseSeconds(attempt, random);
  const comesAgain: FailureOutcome = { outcome: 'return', seconds };
  try {
    const failure = { kind: error.kind, message: error.message, attempt, at: clock.now() };
    await checkpoints.recordFailure(plan.id, slice, failure, signal);
    if (firstHalf) {
      // The second half comes after the first in the lane.
      await sendChunks(services, plan, [firstHalf], signal);
      return { outcome: 'acknowledge' };
    }
    if (error.action === 'replan') {
      await freeForReplan(services, plan, signal);
      return { outcome: 'acknowledge' };
    }
    if (error.action !== 'retry' || lastAttempt) {
      await haltSync(services, plan.sync, error, { planId: plan.id }, signal);
    }
  } catch (failure) {
    const { kind, message } = asSyncError(failure);
    log.error('chunk failure not noted', { ...facts, kind, reason: message });
  }
  return comesAgain;
}

/**
 * What a writer does about a chunk of which another transaction holds the slice. Whoever has a whole slice at its first
 * receive has a double: the message of the other comes again if it fails. Any other message may be the only one, since a
 * transaction can outlive the writer that lost it. That is no failure of the chunk, and never halts the sync: what is
 * held to the last is sent again by the planner.
 */
export function handleHeldChunk(
  { plan, of }: Chunk,
  { attempt, lastAttempt }: Pick<Delivery, 'attempt' | 'lastAttempt'>,
): FailureOutcome {
  const isDouble = attempt === 1 && of === plan.slices;
  if (isDouble || lastAttempt) return { outcome: 'acknowledge' };
  return { outcome: 'return', seconds: HELD_SECONDS * 2 ** (attempt - 1) };
}

function ranOutOfTime({ plan, slice }: Chunk, divided: boolean, cause: SyncError): SyncError {
  const whole = plan.divisible ? 'it is as small as a chunk may be' : 'its rows belong into one transaction';
  const next = divided ? 'it goes on in two halves' : `it cannot be divided, since ${whole}`;
  return new SyncError(
    'out_of_time',
    `A chunk was not applied in the time that the writer has; ${next}.`,
    { sync: plan.sync, planId: plan.id, slice },
    { cause },
  );
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

/** Half of the attempt's pause, and a random part of the other half. */
function pauseSeconds(attempt: number, random: () => number): number {
  const longest = Math.min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (attempt - 1));
  return Math.ceil((longest * (1 + random())) / 2);
}
