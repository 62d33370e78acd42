import { SyncError } from '../../error/sync-error.ts';
import { keyOf } from '../../plan/mapping.ts';
import type { Chunk, Plan } from '../../plan/plan.ts';
import { missingOf, type Slice, wholeOf } from '../../plan/slices.ts';
import type { Page } from '../../source/source.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ApplyOutcome } from '../target.ts';
import type { ApplyScope } from './apply-scope.ts';
import type { Database } from './database.ts';
import { Delivery } from './delivery.ts';
import { type Begun, begin } from './first-page.ts';
import { LINES_KEY } from './lines.ts';
import { Rejects } from './rejected-rows.ts';
import { isRowFault } from './row-fault.ts';
import { ifInstalled, type LockedRow, lockRow } from './sync-row.ts';
import { keyEquality, keyIndexNames, readTable, type TableFacts, targetReplaced } from './table-facts.ts';
import type { Transaction } from './transaction.ts';
import { writeChunk } from './write-chunk.ts';

/**
 * Applies one chunk. Its rows, its ledger row and the fence commit together or not at all: a row is in the target
 * if and only if its slice is in the ledger, and only while its plan is the open one.
 */
export async function applyChunk(
  database: Database,
  chunk: Chunk,
  pages: () => AsyncIterable<Page>,
  beforeCommit: () => Promise<void>,
  signal: AbortSignal,
  log: Log,
): Promise<ApplyOutcome> {
  const settled = await database.transact('pooled', signal, (tx) => readSettled(tx, chunk));
  if (settled) return settled;
  const apply = async (way: 'plain' | 'careful'): Promise<ApplyOutcome> => {
    const begun = await begin(pages());
    try {
      return await database.transact('pooled', signal, (tx) =>
        applyPages(tx, chunk, begun, way, beforeCommit, log),
      );
    } finally {
      await begun.stop();
    }
  };
  try {
    return await apply('plain');
  } catch (error) {
    if (!isRefusedRow(error, chunk.plan)) throw error;
    const { sync, id: planId } = chunk.plan;
    log.info('chunk has rows that are refused, and is read again to put them aside', {
      sync,
      planId,
      slice: chunk.slice,
      sqlState: error.fields.sqlState,
    });
    return apply('careful');
  }
}

/** Whether the chunk can be applied without the rows that made it fail. */
function isRefusedRow(error: unknown, { mapping }: Plan): error is SyncError {
  return mapping.rejectedRows === 'quarantine' && isRowFault(error, NO_KEY_INDEXES);
}

/** Conflicts of the key have another kind by then. */
const NO_KEY_INDEXES: ReadonlySet<string> = new Set();

/** Spares the source a query whose rows would not be applied. What it finds is final; the fence decides anew. */
async function readSettled(tx: Transaction, chunk: Chunk): Promise<ApplyOutcome | undefined> {
  const { plan } = chunk;
  const answer = await ifInstalled(() =>
    tx.query<{ readonly current: boolean | null; readonly parts: readonly Slice[] | null }>(
      `
select s.open and s.plan_id = $2 as current,
       (select parts from lakeferry.applied_slices where plan_id = $2 and slice = $3) as parts
from lakeferry.syncs s
where s.sync = $1`,
      [plan.sync, plan.id, wholeOf(plan, chunk)],
    ),
  );
  const [row] = answer?.rows ?? [];
  if (!row?.current) return { outcome: 'fenced' };
  return settledBy(chunk, row.parts ?? []);
}

/** What becomes of the chunk where these parts of its slice are applied; undefined when all of it is to be applied. */
function settledBy(chunk: Chunk, applied: readonly Slice[]): ApplyOutcome | undefined {
  const missing = missingOf(chunk, applied);
  const [first] = missing;
  if (first === undefined) return { outcome: 'already_applied' };
  return first.of === chunk.of ? undefined : { outcome: 'divided', missing };
}

async function applyPages(
  tx: Transaction,
  chunk: Chunk,
  pages: Begun<Page>,
  way: 'plain' | 'careful',
  beforeCommit: () => Promise<void>,
  log: Log,
): Promise<ApplyOutcome> {
  const { plan, slice, of } = chunk;
  const row = await lockRow(tx, plan.sync, 'for share', log);
  if (row?.planId !== plan.id || !row.open) return { outcome: 'fenced' };
  const applied = await claimSlice(tx, chunk);
  if (applied === 'locked') return { outcome: 'in_progress' };
  const settled = settledBy(chunk, applied);
  if (settled) return settled;
  const table = await requireTarget(tx, plan, row);
  const rejects = new Rejects(plan);
  const key = keyOf(plan.mapping).map(({ target }) => target);
  const keyIndexes = new Set([...keyIndexNames(table, key), LINES_KEY]);
  const scope: ApplyScope = {
    tx,
    plan,
    table,
    equals: keyEquality(table, key, plan.target),
    keyIndexes,
    rejects,
    chunkShare: 1 / of,
    deletesApproved: row.deletesApproved,
  };
  const delivery = new Delivery(pages, rejects);
  const written = await writeChunk(scope, delivery, way, beforeCommit).catch((error: unknown) => {
    throw namedByKey(error, keyIndexes);
  });
  await rejects.store(tx);
  const counts = { ...written, rejected: rejects.rows };
  // Only now does a lock on the table keep its name from meaning another one.
  await requireTarget(tx, plan, row);
  await tx.query(
    `
update lakeferry.applied_slices
set parts = parts || $3::jsonb,
    upserted = upserted + $4,
    deleted = deleted + $5,
    rejected = rejected + $6,
    rows_read = rows_read + $7,
    took_ms = took_ms + (extract(epoch from clock_timestamp() - transaction_timestamp()) * 1000)::bigint
where plan_id = $1 and slice = $2`,
    [
      plan.id,
      wholeOf(plan, chunk),
      JSON.stringify({ slice, of }),
      counts.upserted,
      counts.deleted,
      counts.rejected,
      delivery.rows,
    ],
  );
  await tx.commit();
  return { outcome: 'applied', counts };
}

/**
 * Locks the ledger row of the chunk's slice, made when missing, and gives the parts that are applied. While another
 * writer is at the same slice or a part of it, waits for its end, for as long as one waits for a lock: `locked` then.
 */
async function claimSlice(tx: Transaction, chunk: Chunk): Promise<readonly Slice[] | 'locked'> {
  const { plan } = chunk;
  try {
    const { rows } = await tx.query<{ readonly parts: readonly Slice[] }>(
      `
insert into lakeferry.applied_slices as l (plan_id, slice, sync)
values ($1, $2, $3)
on conflict (plan_id, slice) do update set applied_at = now()
returning l.parts`,
      [plan.id, wholeOf(plan, chunk), plan.sync],
    );
    return rows[0]?.parts ?? [];
  } catch (error) {
    if (error instanceof SyncError && error.fields.sqlState === LOCK_NOT_AVAILABLE) return 'locked';
    throw error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

async function requireTarget(tx: Transaction, plan: Plan, row: LockedRow): Promise<TableFacts> {
  const table = await readTable(tx, plan.target);
  if (table === undefined || table.oid !== row.targetOid) throw targetReplaced(plan.target);
  return table;
}

/** A key that came twice is the fault of the source's key, not of a constraint besides it. */
function namedByKey(error: unknown, keyIndexes: ReadonlySet<string>): unknown {
  if (!(error instanceof SyncError) || error.kind !== 'unique_conflict') return error;
  if (!keyIndexes.has(String(error.fields['constraint']))) return error;
  return new SyncError(
    'duplicate_source_key',
    `Two rows of the source have one key in the target (SQLSTATE ${error.fields.sqlState}).`,
    error.fields,
    { cause: error.cause },
  );
}
