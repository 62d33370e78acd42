import type { ErrorKind } from '../error/error-kind.ts';
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
  const kinds = finished.outcome === 'finished' ? await failureKinds(services, plan, signal) : [];
  const released = await advance(
    services.checkpoints,
    plan.sync,
    ({ pace = FULL_PACE }) => ({
      type: 'release',
      by: { planId: plan.id },
      through: finished.through,
      ...(finished.outcome === 'finished' ? { pace: nextPace(pace, finished.speed, kinds) } : {}),
    }),
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

/** What the chunks of the plan met. Only the pace depends on it: where it cannot be read, the plan met nothing. */
async function failureKinds(
  { checkpoints }: Services,
  { id }: Plan,
  signal: AbortSignal,
): Promise<readonly ErrorKind[]> {
  const progress = await checkpoints.readProgress(id, signal).catch(() => undefined);
  return [...(progress?.failures.values() ?? [])].map(({ kind }) => kind);
}
