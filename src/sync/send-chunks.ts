import { type Plan, throughOf } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import type { Services } from './services.ts';

/** Sends chunks of the plan: the next of each lane. Their writers send the others. */
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
  const versions = plan.work.kind === 'window' ? Number(plan.work.through - plan.work.after) : 1;
  metrics.planned(plan.sync, { slices: slices.length, versions });
  log.info('chunks sent', {
    sync: plan.sync,
    planId: plan.id,
    work: plan.work.kind,
    through: String(throughOf(plan)),
    slices: plan.slices,
    chunks: slices.length,
  });
}
