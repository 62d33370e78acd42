import { type Checkpoint, type HaltCause, haltCauseOf } from '../checkpoint/checkpoint.ts';
import type { Plan } from '../plan/plan.ts';
import { advance } from './advance.ts';
import type { Services } from './services.ts';

export type Approval =
  /** With `dryRun` it would be. */
  | { readonly outcome: 'approved'; readonly plan: Plan; readonly cause: HaltCause }
  /** The sync did not halt before deletes, or was approved already. */
  | { readonly outcome: 'nothing_to_approve'; readonly checkpoint: Checkpoint }
  /** Another plan took its place meanwhile: what that one deletes is judged anew. */
  | { readonly outcome: 'superseded' };

/**
 * A person lets the plan that halted with `mass_delete` delete what it would: that plan and no other. It goes on at
 * the next tick. The approval is stored with the plan first, so that a plan never goes on without it.
 */
export async function approveDeletes(
  { checkpoints, target, log }: Pick<Services, 'checkpoints' | 'target' | 'log'>,
  sync: string,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<Approval> {
  const { checkpoint } = await checkpoints.read(sync, signal);
  const cause = haltCauseOf(checkpoint);
  const plan = 'plan' in checkpoint ? checkpoint.plan : undefined;
  if (cause?.kind !== 'mass_delete' || plan === undefined) {
    return { outcome: 'nothing_to_approve', checkpoint };
  }
  if (dryRun) return { outcome: 'approved', plan, cause };
  if (!(await target.approveDeletes(plan, signal))) return { outcome: 'superseded' };
  await advance(checkpoints, sync, { type: 'approve', planId: plan.id }, signal);
  log.info('deletes approved', { sync, planId: plan.id });
  return { outcome: 'approved', plan, cause };
}
