import { SyncError } from '../../error/sync-error.ts';
import { type Plan, throughOf } from '../../plan/plan.ts';
import { missingOf, type Slice, slicesOf } from '../../plan/slices.ts';
import type { Log } from '../../telemetry/log.ts';
import type { FinishOutcome, PlanSpeed } from '../target.ts';
import { ifInstalled, lockRow } from './sync-row.ts';
import { readTable, targetReplaced } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/**
 * Moves `through` to the plan's version if the ledger has every slice of it. The sync's row, which writers share for
 * the whole of their transactions, is locked only if it seems so; then the ledger is counted anew, in a statement of its
 * own after that.
 */
export async function finishPlan(tx: Transaction, plan: Plan, log: Log): Promise<FinishOutcome> {
  // Before the row: a plan that is still open after this was not finished, and its ledger not cleared, before it.
  const seen = await ifInstalled(() => readMissingSlices(tx, plan));
  if (seen === undefined) return { outcome: 'superseded', through: undefined };
  const seemsComplete = seen.length === 0;
  const row = await lockRow(tx, plan.sync, seemsComplete ? 'for update' : '', log);
  if (row?.planId !== plan.id || !row.open) return { outcome: 'superseded', through: row?.through };
  const missing = seemsComplete ? await readMissingSlices(tx, plan) : seen;
  if (missing.length > 0) return { outcome: 'incomplete', missing };
  const table = await readTable(tx, plan.target);
  if (table === undefined || table.oid !== row.targetOid) throw targetReplaced(plan.target);
  const speed = await readSpeed(tx, plan);
  await moveThrough(tx, plan);
  await tx.query('delete from lakeferry.applied_slices where sync = $1', [plan.sync]);
  await tx.commit();
  return { outcome: 'finished', through: throughOf(plan), speed };
}

async function readMissingSlices(tx: Transaction, plan: Plan): Promise<readonly Slice[]> {
  const { rows } = await tx.query<{ readonly slice: number; readonly parts: readonly Slice[] }>(
    'select slice, parts from lakeferry.applied_slices where plan_id = $1',
    [plan.id],
  );
  const applied = new Map(rows.map(({ slice, parts }) => [slice, parts]));
  return slicesOf(plan).flatMap((slice) => missingOf(slice, applied.get(slice.slice) ?? []));
}

/** Below this, a plan's rate is that of its round trips. */
const MIN_ROWS_FOR_RATE = 5_000;

async function readSpeed(tx: Transaction, plan: Plan): Promise<PlanSpeed> {
  const { rows } = await tx.query<{ readonly slowest: string; readonly took: string; readonly read: string }>(
    'select max(took_ms) as slowest, sum(took_ms) as took, sum(rows_read) as read from lakeferry.applied_slices where plan_id = $1',
    [plan.id],
  );
  const { slowest, took, read } = rows[0] ?? {};
  const [slowestMs, tookMs, rowsRead] = [Number(slowest), Number(took), Number(read)];
  if (rowsRead < MIN_ROWS_FOR_RATE) return { slowestMs };
  return { slowestMs, rowsPerSecond: Math.round((rowsRead * 1_000) / Math.max(1, tookMs)) };
}

async function moveThrough(tx: Transaction, plan: Plan): Promise<void> {
  const { count } = await tx.query(
    `
update lakeferry.syncs
set through = $3,
    through_committed_at = plan_committed_at,
    open = false,
    revision = gen_random_uuid(),
    finished_at = now(),
    rows_upserted = rows_upserted + done.upserted,
    rows_deleted = rows_deleted + done.deleted,
    rows_rejected = rows_rejected + done.rejected
from (
  select sum(upserted) as upserted, sum(deleted) as deleted, sum(rejected) as rejected
  from lakeferry.applied_slices
  where plan_id = $2
) done
where sync = $1 and plan_id = $2 and open
  and case when $4 then through = $3 else through is null or through < $3 end`,
    [plan.sync, plan.id, throughOf(plan), plan.work.kind === 'retry'],
  );
  if (count !== 1) {
    throw new SyncError('internal', 'A complete plan would not move the version of its target forward.');
  }
}

/**
 * Closes a retry that is not to be finished: whatever it has written, the target shows its version all the same. False
 * where it is not the open one.
 */
export async function abandonRetry(tx: Transaction, plan: Plan): Promise<boolean> {
  const { count } = await tx.query(
    `
update lakeferry.syncs
set open = false, revision = gen_random_uuid()
where sync = $1 and plan_id = $2 and open and plan->'work'->>'kind' = 'retry'`,
    [plan.sync, plan.id],
  );
  await tx.query('delete from lakeferry.applied_slices where plan_id = $1', [plan.id]);
  if (count === 1) await tx.commit();
  return count === 1;
}
