import type { Plan } from '../plan/plan.ts';
import type { FinishOutcome } from '../target/target.ts';
import { advance } from './advance.ts';
import type { Services } from './services.ts';

/** Moves `through` if every slice of the plan is applied, and frees the checkpoint for the next plan. */
export async function finishPlan(
  services: Services,
  plan: Plan,
  signal: AbortSignal,
): Promise<FinishOutcome> {
  const finished = await services.target.finish(plan, signal);
  if (finished.outcome === 'incomplete') return finished;
  const released = await advance(
    services.checkpoints,
    plan.sync,
    { type: 'release', by: { planId: plan.id }, through: finished.through },
    signal,
  );
  if (finished.outcome === 'finished') {
    services.log.info('plan finished', {
      sync: plan.sync,
      planId: plan.id,
      through: String(finished.through),
      checkpoint: released.outcome,
    });
  }
  return finished;
}
