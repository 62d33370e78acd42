import { SyncError } from '../../error/sync-error.ts';
import { encodePlan } from '../../plan/codec.ts';
import { mappingDigest } from '../../plan/mapping.ts';
import { type Plan, throughOf } from '../../plan/plan.ts';
import type { Log } from '../../telemetry/log.ts';
import { targetNotEmpty } from '../survey.ts';
import type { OpenOutcome } from '../target.ts';
import { quoteTable } from './sql.ts';
import { findRow, type LockedRow, lockRow } from './sync-row.ts';
import { readIsEmpty, readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/**
 * Makes the plan the open one. The worst that a wrong opening does is a row that stays for ever or moves
 * backwards, without an error; hence the order of statements: the row's lock first, then, in statements of their
 * own, what may have changed while we waited for it.
 */
export async function openPlan(tx: Transaction, plan: Plan, log: Log): Promise<OpenOutcome> {
  const row = await lockRow(tx, plan.sync, 'for update', log);
  if (row === undefined) return 'refused';
  const table = await readTable(tx, plan.target);
  const verdict = judgeOpening(plan, row, table?.oid);
  if (verdict !== 'opened' || table === undefined) return verdict;
  if (plan.work.kind === 'snapshot' && !(await readIsEmpty(tx, plan.target))) {
    await clearUnfinishedLoad(tx, plan, row, table.oid);
  }
  await storeOpenPlan(tx, plan, table.oid);
  await tx.query('delete from lakeferry.applied_slices where sync = $1 and plan_id <> $2', [
    plan.sync,
    plan.id,
  ]);
  if (plan.work.kind === 'snapshot') {
    await tx.query('delete from lakeferry.rejected_rows where sync = $1', [plan.sync]);
  }
  await tx.commit();
  return 'opened';
}

/**
 * What becomes of the plan, as far as the sync's row and the table's identity decide it. A plan opens only under
 * the revision that its own reconcile read, never below a version that may be in the target already (`reach`,
 * which belongs to one source table), a window only behind what it continues, and a retry only at the version that
 * the target shows.
 */
export function judgeOpening(plan: Plan, row: LockedRow, targetOid: number | undefined): OpenOutcome {
  if (row.revision !== plan.base) return row.planId === plan.id && row.open ? 'already_open' : 'refused';
  if (targetOid === undefined) return 'refused';
  const sameSource = row.sourceTableId === plan.sourceTableId;
  const sameMeaning = sameSource && row.mappingDigest === mappingDigest(plan.mapping);
  const sameTarget = row.targetOid === targetOid;
  if (sameSource && row.reach !== undefined && throughOf(plan) < row.reach) return 'refused';
  if (plan.work.kind === 'retry') {
    const shown = !row.open && row.through === plan.work.version;
    return shown && sameMeaning && sameTarget ? 'opened' : 'refused';
  }
  if (plan.work.kind === 'window') {
    return row.through === plan.work.after && sameMeaning && sameTarget ? 'opened' : 'refused';
  }
  return row.through === undefined || !sameMeaning || !sameTarget ? 'opened' : 'refused';
}

/** Takes out what an earlier load left that was never finished. Its writers are fenced, since we hold the row's lock. */
async function clearUnfinishedLoad(
  tx: Transaction,
  plan: Plan,
  row: LockedRow,
  targetOid: number,
): Promise<void> {
  if (!(await isUnfinishedLoad(tx, plan.target, row, targetOid))) {
    throw targetNotEmpty(plan.target);
  }
  await tx.query(`delete from ${quoteTable(plan.target)}`);
}

/** Whether a snapshot could open: the table is missing or empty, or holds only what an unfinished load left. */
export async function isFreeToLoad(
  tx: Transaction,
  sync: string,
  target: Plan['target'],
  log: Log,
): Promise<boolean> {
  const table = await readTable(tx, target);
  if (table === undefined || (await readIsEmpty(tx, target))) return true;
  const row = await findRow(tx, sync, log);
  return row !== undefined && isUnfinishedLoad(tx, target, row, table.oid);
}

/** A target that was empty when a load opened, and holds as many rows as its ledger says, holds no others. */
async function isUnfinishedLoad(
  tx: Transaction,
  target: Plan['target'],
  row: LockedRow,
  targetOid: number,
): Promise<boolean> {
  if (!row.open || row.plan?.work.kind !== 'snapshot' || row.targetOid !== targetOid) return false;
  const { rows } = await tx.query<{ readonly own: boolean }>(
    `
select (select count(*) from ${quoteTable(target)}) =
       (select coalesce(sum(upserted), 0) from lakeferry.applied_slices where plan_id = $1) as own`,
    [row.planId],
  );
  return rows[0]?.own === true;
}

/** A snapshot begins the target's history anew: until it is finished, the target shows no version. */
async function storeOpenPlan(tx: Transaction, plan: Plan, targetOid: number): Promise<void> {
  const { count } = await tx.query(
    `
update lakeferry.syncs
set plan_id = $2,
    plan = $3,
    plan_committed_at = $4,
    open = true,
    revision = gen_random_uuid(),
    reach = case when source_table_id = $5 then greatest(reach, $6::bigint) else $6::bigint end,
    source_table_id = $5,
    mapping_digest = $7,
    target_oid = $8,
    through = case when $9::boolean then null else through end,
    through_committed_at = case when $9::boolean then null else through_committed_at end
where sync = $1 and revision = $10`,
    [
      plan.sync,
      plan.id,
      JSON.stringify(encodePlan(plan)),
      new Date(plan.throughCommittedAt).toISOString(),
      plan.sourceTableId,
      throughOf(plan),
      mappingDigest(plan.mapping),
      targetOid,
      plan.work.kind === 'snapshot',
      plan.base,
    ],
  );
  if (count !== 1) throw new SyncError('internal', 'The row of the sync changed while it was locked.');
}
