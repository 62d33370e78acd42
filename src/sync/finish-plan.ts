import type { Plan } from '../plan/plan.ts';
import type { FinishOutcome } from '../target/target.ts';
import { advance } from './advance.ts';
import { FULL_PACE, nextPace } from './pace.ts';
import type { Services } from './services.ts';

/** Moves `through` if every slice of the plan is applied, and frees the checkpoint for the next plan. */
export async function finishPlan(
  services: Services,
  plan: Plan,
  signal: AbortSignal,
): Promise<FinishOutcome> {
  const finished = await services.target.finish(plan, signal);
  if (finished.outcome === 'incomplete') return finished;
  const release = { type: 'release', by: { planId: plan.id }, through: finished.through } as const;
  const { failures } = await services.checkpoints.readProgress(plan.id, signal);
  const kinds = [...failures.values()].map(({ kind }) => kind);
  const released = await advance(
    services.checkpoints,
    plan.sync,
    ({ pace = FULL_PACE }) =>
      finished.outcome === 'finished' ? { ...release, pace: nextPace(pace, finished.speed, kinds) } : release,
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
