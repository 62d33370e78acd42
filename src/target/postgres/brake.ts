import { SyncError } from '../../error/sync-error.ts';
import type { Plan } from '../../plan/plan.ts';
import { displayTable } from '../../schema/table-name.ts';
import { type DeleteWeight, MIN_BRAKED_DELETES } from '../survey.ts';
import type { ApplyScope } from './apply-scope.ts';
import { quoteIdentifier, quoteTable } from './sql.ts';
import type { TableFacts } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/** The planner's own estimate of a table is trusted where it is far from the limit. */
const ESTIMATE_MARGIN = 2;

/**
 * Throws `mass_delete` when the plan would delete more of the target than the mapping allows and nobody approved of
 * it: most often the source was emptied. To be called when the departures of the chunk are gone, `deleted` rows, and
 * before its arrivals come. What a plan of several slices deletes in all is judged by the part of its keys that is
 * written so far.
 */
export async function checkDeletes(scope: ApplyScope, deleted: number): Promise<void> {
  const { plan, chunkShare, deletesApproved } = scope;
  const { maxDeletePercent } = plan.mapping;
  if (deletesApproved || maxDeletePercent === 100 || deleted < MIN_BRAKED_DELETES * chunkShare) return;
  const before = await readApplied(scope);
  const expected = Math.round((before.deleted + deleted) / (before.share + chunkShare));
  if (expected < MIN_BRAKED_DELETES) return;
  const { rows, halts } = await weighDeletes(scope, expected, before.deleted + deleted);
  if (!halts) return;
  throw new SyncError(
    'mass_delete',
    `The next changes would delete about ${expected} of ${rows} rows of ${displayTable(plan.target)} (${percentOf(expected, rows)} %), and syncs.${plan.sync}.maxDeletePercent allows ${maxDeletePercent} %.`,
    { sync: plan.sync, planId: plan.id, deletes: expected, rows },
  );
}

/** What is read of a target to weigh deletes. */
interface WeighScope {
  readonly tx: Transaction;
  readonly plan: Pick<Plan, 'target' | 'mapping'>;
  readonly table: Pick<TableFacts, 'oid'>;
}

/** `expected` deletes in all, of which `gone` are done in this transaction or before. */
export async function weighDeletes(scope: WeighScope, expected: number, gone: number): Promise<DeleteWeight> {
  const limit = scope.plan.mapping.maxDeletePercent / 100;
  const brakes = limit < 1 && expected >= MIN_BRAKED_DELETES;
  const estimated = await estimateRows(scope);
  if (estimated !== undefined && (!brakes || expected * ESTIMATE_MARGIN < estimated * limit)) {
    return { rows: estimated, estimated: true, halts: false };
  }
  const rows = (await countRows(scope)) + gone;
  return { rows, estimated: false, halts: brakes && expected > rows * limit };
}

/** Rows that the plan has deleted so far, and the part of its keys that is written; both without this chunk. */
async function readApplied({
  tx,
  plan,
}: ApplyScope): Promise<{ readonly deleted: number; readonly share: number }> {
  const { rows } = await tx.query<{ readonly deleted: string; readonly share: number }>(
    `
select coalesce(sum(deleted), 0) as deleted,
       coalesce(sum((select sum(1.0 / (part->>'of')::int) from jsonb_array_elements(parts) part)), 0)::float8 as share
from lakeferry.applied_slices
where plan_id = $1`,
    [plan.id],
  );
  return { deleted: Number(rows[0]?.deleted), share: rows[0]?.share ?? 0 };
}

/** As of the last vacuum or analyze; undefined where there was none yet. */
async function estimateRows({ tx, table }: WeighScope): Promise<number | undefined> {
  const { rows } = await tx.query<{ readonly estimated: number }>(
    'select reltuples as estimated from pg_class where oid = $1',
    [table.oid],
  );
  const estimated = rows[0]?.estimated ?? -1;
  return estimated < 0 ? undefined : estimated;
}

/** Rows that are left; those that were marked as deleted are not. */
async function countRows({ tx, plan }: WeighScope): Promise<number> {
  const { deletes } = plan.mapping;
  const living = deletes.mode === 'soft' ? ` where ${quoteIdentifier(deletes.column)} is null` : '';
  const { rows } = await tx.query<{ readonly count: string }>(
    `select count(*) from ${quoteTable(plan.target)}${living}`,
  );
  return Number(rows[0]?.count);
}

function percentOf(part: number, whole: number): number {
  return Math.min(100, Math.round((part * 100) / whole));
}
