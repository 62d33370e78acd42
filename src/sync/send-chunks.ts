import { type Plan, throughOf } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import type { Services } from './services.ts';

/** Sends chunks of the plan, each the next of its lane: the planner in all lanes, a writer in its own. */
export async function sendChunks(
  { queue, metrics, log }: Services,
  plan: Plan,
  slices: readonly Slice[],
  signal: AbortSignal,
): Promise<void> {
  await queue.send(
    slices.map((slice) => ({ plan, ...slice })),
    signal,
  );
  metrics.chunksSent(plan.sync, slices.length);
  log.info('chunks sent', {
    sync: plan.sync,
    planId: plan.id,
    work: plan.work.kind,
    through: String(throughOf(plan)),
    slices: plan.slices,
    chunks: slices.length,
  });
}
