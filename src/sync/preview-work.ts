import { SyncError } from '../error/sync-error.ts';
import type { Plan } from '../plan/plan.ts';
import { displayTable } from '../schema/table-name.ts';
import type { NetChanges, SourceSurvey } from '../source/survey.ts';
import {
  type DeleteWeight,
  type TableFinding,
  type TargetSurvey,
  tableMisfit,
  targetNotEmpty,
} from '../target/survey.ts';
import type { Findings } from './findings.ts';
import { type MadePlan, sumOfHistory } from './make-plan.ts';
import type { ChangesPreview, DeletesPreview, WorkPreview } from './plan-preview.ts';

/** What a preview of a plan asks source and target. */
interface Ends {
  readonly source: Pick<SourceSurvey, 'checkReadable' | 'countNetChanges'>;
  readonly target: Pick<TargetSurvey, 'checkTable' | 'isFreeToLoad' | 'weighDeletes'>;
}

/** What would come of a plan from here on: the table, the changes, the deletes and the halts among that. */
export async function previewWork(
  ends: Ends,
  made: MadePlan,
  findings: Findings,
  { exact }: { readonly exact: boolean },
  signal: AbortSignal,
): Promise<WorkPreview> {
  const { plan, history } = made;
  const table = await previewTable(ends, plan, findings, signal);
  const counted = await readChanges(ends, made, exact, findings, signal);
  if (counted) expectRejections(plan, counted, findings);
  const changes: ChangesPreview = counted
    ? { kind: 'exact', ...counted }
    : { kind: 'estimate', ...made.estimate };
  const deletes = await previewDeletes(ends, made, counted, findings, signal);
  const [oldest, newest] = [history[0], history.at(-1)];
  const whole = plan.work.kind === 'window' && BigInt(history.length) === plan.work.through - plan.work.after;
  const committed =
    whole && oldest && newest ? { first: oldest.committedAt, last: newest.committedAt } : undefined;
  return { plan, committed, changes, table, deletes };
}

/** Counts the changes where that is asked for; otherwise sees to it that they can be read, unless they were already. */
async function readChanges(
  { source }: Ends,
  { plan, estimate }: MadePlan,
  exact: boolean,
  findings: Findings,
  signal: AbortSignal,
): Promise<NetChanges | undefined> {
  if (exact) return findings.ask('changes', () => source.countNetChanges(plan, signal));
  if (estimate.from === 'history' || plan.mapping.where !== undefined) {
    await findings.ask('changes', () => source.checkReadable(plan, signal));
  }
  return undefined;
}

async function previewTable(
  { target }: Ends,
  plan: Plan,
  findings: Findings,
  signal: AbortSignal,
): Promise<TableFinding | undefined> {
  const check = await findings.ask('table', () => target.checkTable(plan, signal));
  if (check?.outcome === 'forbidden') {
    const message = `The role ${check.role}, which looked, lacks ${check.rights}; whether the writers' role has that is seen over its own connection only. If it is the same one, an owner can give that.`;
    findings.add('rights', new SyncError('target_permission', message, {}, { remedy: check.grant }));
  }
  const finding = check?.outcome === 'forbidden' ? check.finding : check;
  if (finding?.outcome === 'unfit') {
    findings.expect('table', tableMisfit(plan.target, finding.problems));
  } else if (plan.work.kind === 'snapshot' && finding?.outcome === 'fits') {
    const free = await findings.ask('table', () => target.isFreeToLoad(plan.sync, plan.target, signal));
    if (free === false) findings.expect('table', targetNotEmpty(plan.target));
  }
  return finding;
}

function expectRejections(
  { sync, source, mapping }: Plan,
  { rejected, conflicts }: NetChanges,
  findings: Findings,
): void {
  const name = displayTable(source);
  if (conflicts > 0) {
    const message = `In ${name}, one commit brings different rows under the same key, ${conflicts} times.`;
    findings.expect('changes', new SyncError('duplicate_source_key', message, { sync }));
  }
  const bound = mapping.rejectedRows === 'halt' ? 0 : mapping.maxRejectedRows;
  if (rejected > bound) {
    const message = `${rejected} rows of ${name} hold values that Postgres cannot, and the sync bears ${bound}.`;
    findings.expect('changes', new SyncError('row_rejected', message, { sync }));
  }
}

/** Only a window deletes, and only where the mapping lets it. */
async function previewDeletes(
  { target }: Ends,
  { plan, history }: MadePlan,
  counted: NetChanges | undefined,
  findings: Findings,
  signal: AbortSignal,
): Promise<DeletesPreview | undefined> {
  const { work, mapping, sync } = plan;
  if (work.kind !== 'window' || mapping.deletes.mode === 'ignore') return undefined;
  const rows = counted ? counted.deletes : sumOfHistory(work, history, 'estimatedDeletes');
  if (rows === undefined) {
    const message =
      'The history of the table does not tell how many rows the window deletes; --exact counts them.';
    findings.unknown.push({ of: 'deletes', message, remedy: `lakeferry plan ${sync} --exact` });
    return undefined;
  }
  const kind = counted ? 'exact' : 'estimate';
  if (rows === 0) return { kind, rows, weight: undefined };
  const weight = await findings.ask('deletes', () => target.weighDeletes(plan, rows, signal));
  if (weight?.halts) findings.expect('deletes', massDelete(plan, rows, weight));
  return { kind, rows, weight };
}

function massDelete({ sync, target, mapping }: Plan, deletes: number, { rows }: DeleteWeight): SyncError {
  const message = `The window deletes about ${deletes} of ${rows} rows of ${displayTable(target)}, and syncs.${sync}.maxDeletePercent allows ${mapping.maxDeletePercent} %.`;
  return new SyncError('mass_delete', message, { sync });
}
