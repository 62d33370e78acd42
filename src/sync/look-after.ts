import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { Plan } from '../plan/plan.ts';
import { amountOf, nextOfEachLane } from '../plan/slices.ts';
import { advance } from './advance.ts';
import { finishPlan } from './finish-plan.ts';
import { haltSync } from './halt-sync.ts';
import { sendChunks } from './send-chunks.ts';
import type { Services } from './services.ts';

/** A plan of which nothing was applied for so long is looked after: messages live and are retried meanwhile. */
const STALL_MS = 15 * 60_000;
/** How often missing chunks are sent again, with none applied and nobody asking, before a person is asked. */
const MAX_RESENDS = 3;

type Applying = Extract<Checkpoint, { state: 'applying' }>;

export type CareOutcome =
  | { readonly outcome: 'sent'; readonly plan: Plan; readonly chunks: number }
  | { readonly outcome: 'busy' }
  /** The plan is finished, and the sync free. */
  | { readonly outcome: 'finished' }
  /** The plan cannot be finished any more: whoever claims the sync makes another. */
  | { readonly outcome: 'stalled' }
  | { readonly outcome: 'halted'; readonly checkpoint: Checkpoint };

/**
 * Step 9: a plan in flight is finished if it can be, and what is missing of it is sent again when it stalled; at once
 * when a person asks. What is missing is asked of the ledger.
 */
export async function lookAfter(
  services: Services,
  sync: string,
  { plan, sentAt, left, resends }: Applying,
  byPerson: boolean,
  signal: AbortSignal,
): Promise<CareOutcome> {
  const { checkpoints, clock, log } = services;
  try {
    const finished = await finishPlan(services, plan, signal);
    if (finished.outcome === 'finished') return { outcome: 'finished' };
    if (finished.outcome === 'superseded') return { outcome: 'stalled' };
    const now = clock.now();
    const amount = amountOf(plan, finished.missing);
    const goesOn = amount < left;
    const seen = { planId: plan.id, now, left: amount };
    if (!byPerson && now - sentAt < STALL_MS) {
      if (goesOn) await advance(checkpoints, sync, { type: 'progressed', ...seen }, signal);
      return { outcome: 'busy' };
    }
    if (!byPerson && !goesOn && resends >= MAX_RESENDS) {
      const message = `${finished.missing.length} of ${plan.slices} chunks were sent ${resends + 1} times and not applied.`;
      throw new SyncError('plan_stalled', message, { sync, planId: plan.id });
    }
    const slices = nextOfEachLane(plan, finished.missing);
    await sendChunks(services, plan, slices, signal);
    await advance(checkpoints, sync, { type: 'resent', byPerson, ...seen }, signal);
    return { outcome: 'sent', plan, chunks: slices.length };
  } catch (thrown) {
    const error = asSyncError(thrown, { sync, planId: plan.id });
    if (error.kind === 'target_busy') {
      // Every slice is applied, and somebody holds the sync's row all the same: the next tick asks again.
      log.warn('plan not finished', { ...error.fields, kind: error.kind, reason: error.message });
      return { outcome: 'busy' };
    }
    if (error.action === 'replan') return { outcome: 'stalled' };
    if (error.action !== 'halt') throw error;
    const checkpoint = await haltSync(services, sync, error, { planId: plan.id }, signal);
    return { outcome: 'halted', checkpoint };
  }
}
