import { parseCommitVersion } from '../../change/commit-version.ts';
import { SyncError } from '../../error/sync-error.ts';
import { decodePlan } from '../../plan/codec.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Log } from '../../telemetry/log.ts';
import type { SyncRow } from '../target.ts';
import { readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/** The sync's row as stored. `int8` comes as text. */
interface StoredRow {
  readonly sync: string;
  readonly revision: string;
  readonly plan_id: string | null;
  readonly plan: unknown;
  readonly open: boolean;
  readonly through: string | null;
  readonly through_committed_at: Date | null;
  readonly reach: string | null;
  readonly source_table_id: string | null;
  readonly mapping_digest: string | null;
  readonly target_oid: number | null;
  readonly rows_upserted: string;
  readonly rows_deleted: string;
  readonly rows_rejected: string;
  readonly finished_at: Date | null;
  readonly deletes_approved: boolean;
}

/** A SyncRow, with the id of its plan even where the plan itself cannot be read any more. */
export interface LockedRow extends SyncRow {
  readonly planId?: string;
  /** Whether a person lets that plan delete more than its mapping allows. */
  readonly deletesApproved: boolean;
}

function select(approvedPlanId: string): string {
  return `
select sync, revision, plan_id, plan, open, through, through_committed_at, reach, source_table_id, mapping_digest,
       target_oid, rows_upserted, rows_deleted, rows_rejected, finished_at,
       ${approvedPlanId} is not distinct from plan_id as deletes_approved
from lakeferry.syncs s`;
}

const SELECT = select('approved_plan_id');
/** The same from a schema that has not all of the columns yet. */
const SELECT_FROM_ANY = select("(to_jsonb(s) ->> 'approved_plan_id')::uuid");

/** Reads the sync's row, made when missing. */
export async function readOrCreateRow(tx: Transaction, sync: string, log: Log): Promise<SyncRow> {
  const found = await readRow(tx, sync, '', log);
  if (found) return found;
  await tx.query('insert into lakeferry.syncs (sync) values ($1) on conflict do nothing', [sync]);
  const made = await readRow(tx, sync, '', log);
  if (made) return made;
  throw new SyncError('target_busy', 'The row of the sync was removed while it was being read.');
}

/** `for share`: writers, which may be many; a change of the row waits for all of them. `for update`: whoever changes it. */
type RowLock = '' | 'for share' | 'for update';

/**
 * Reads the sync's row and locks it, if at all, until the transaction ends. Undefined when there is no row or no
 * `lakeferry` schema: then no plan is open, and the transaction is of no more use.
 */
export function lockRow(
  tx: Transaction,
  sync: string,
  lock: RowLock,
  log: Log,
): Promise<LockedRow | undefined> {
  return ifInstalled(() => readRow(tx, sync, lock, log));
}

/** False where the plan is not the open one. */
export async function approveDeletes(tx: Transaction, plan: Plan): Promise<boolean> {
  const { count } = await tx.query(
    'update lakeferry.syncs set approved_plan_id = $2 where sync = $1 and plan_id = $2 and open',
    [plan.sync, plan.id],
  );
  await tx.commit();
  return count === 1;
}

/** The answer of the read, or undefined when the `lakeferry` schema is gone, and every plan with it. */
export async function ifInstalled<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isGone = error instanceof SyncError && ['42P01', '3F000'].includes(error.fields.sqlState ?? '');
    if (isGone) return undefined;
    throw error;
  }
}

/** The sync's row, not locked; undefined when there is none, or no schema. */
export async function findRow(tx: Transaction, sync: string, log: Log): Promise<LockedRow | undefined> {
  return (await isInstalled(tx)) ? readRow(tx, sync, '', log) : undefined;
}

/** All rows by sync; empty when the schema is not there. Also from one that an earlier version made. */
export async function readAllRows(tx: Transaction, log: Log): Promise<ReadonlyMap<string, SyncRow>> {
  if (!(await isInstalled(tx))) return new Map();
  const { rows } = await tx.query<StoredRow>(`${SELECT_FROM_ANY} order by sync`);
  return new Map(rows.map((row) => [row.sync, parseRow(row, log)]));
}

async function isInstalled(tx: Transaction): Promise<boolean> {
  return (await readTable(tx, { schema: 'lakeferry', table: 'syncs' })) !== undefined;
}

async function readRow(
  tx: Transaction,
  sync: string,
  lock: RowLock,
  log: Log,
): Promise<LockedRow | undefined> {
  const { rows } = await tx.query<StoredRow>(`${SELECT} where sync = $1 ${lock}`, [sync]);
  return rows[0] && parseRow(rows[0], log);
}

function parseRow(stored: StoredRow, log: Log): LockedRow {
  const plan = stored.plan === null ? undefined : readPlan(stored, log);
  return {
    revision: stored.revision,
    open: stored.open,
    deletesApproved: stored.deletes_approved,
    rowsUpserted: BigInt(stored.rows_upserted),
    rowsDeleted: BigInt(stored.rows_deleted),
    rowsRejected: BigInt(stored.rows_rejected),
    ...(stored.plan_id !== null && { planId: stored.plan_id }),
    ...(plan !== undefined && { plan }),
    ...(stored.through !== null && { through: parseCommitVersion(stored.through) }),
    ...(stored.through_committed_at && { throughCommittedAt: stored.through_committed_at.getTime() }),
    ...(stored.reach !== null && { reach: parseCommitVersion(stored.reach) }),
    ...(stored.source_table_id !== null && { sourceTableId: stored.source_table_id }),
    ...(stored.mapping_digest !== null && { mappingDigest: stored.mapping_digest }),
    ...(stored.target_oid !== null && { targetOid: stored.target_oid }),
    ...(stored.finished_at && { finishedAt: stored.finished_at.getTime() }),
  };
}

/** A plan that another version of Lakeferry wrote is as good as none: whoever reads the row makes a new one. */
function readPlan(stored: StoredRow, log: Log): Plan | undefined {
  try {
    return decodePlan(stored.plan);
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'message_invalid') throw error;
    log.warn('The plan stored in the target has an unknown form', {
      sync: stored.sync,
      planId: stored.plan_id,
    });
    return undefined;
  }
}
