import { SyncError } from '../../error/sync-error.ts';
import { keyOf } from '../../plan/mapping.ts';
import type { Chunk, Plan } from '../../plan/plan.ts';
import type { Page } from '../../source/source.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ApplyCounts, ApplyOutcome } from '../target.ts';
import { copyBuffers } from './copy-buffers.ts';
import type { Database } from './database.ts';
import { type Begun, begin } from './first-page.ts';
import { forgetSettledRejects, Rejects } from './rejected-rows.ts';
import { analyzeLargeStage } from './stage.ts';
import {
  copyIntoStage,
  copyIntoTarget,
  createStage,
  deleteDepartures,
  markDepartures,
  mergeArrivals,
} from './statements.ts';
import { ifInstalled, type LockedRow, lockRow } from './sync-row.ts';
import { keyEquality, keyIndexNames, readTable, type TableFacts, targetReplaced } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

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
  const begun = await begin(pages());
  try {
    return await database.transact('pooled', signal, (tx) => applyPages(tx, chunk, begun, beforeCommit, log));
  } finally {
    await begun.stop();
  }
}

/** Spares the source a query whose rows would not be applied. What it finds is final; the fence decides anew. */
async function readSettled(tx: Transaction, { plan, slice }: Chunk): Promise<ApplyOutcome | undefined> {
  const answer = await ifInstalled(() =>
    tx.query<{ readonly current: boolean | null; readonly applied: boolean }>(
      `
select s.open and s.plan_id = $2 as current,
       exists (select from lakeferry.applied_slices where plan_id = $2 and slice = $3) as applied
from lakeferry.syncs s
where s.sync = $1`,
      [plan.sync, plan.id, slice],
    ),
  );
  const [row] = answer?.rows ?? [];
  if (!row?.current) return { outcome: 'fenced' };
  return row.applied ? { outcome: 'already_applied' } : undefined;
}

async function applyPages(
  tx: Transaction,
  chunk: Chunk,
  pages: Begun<Page>,
  beforeCommit: () => Promise<void>,
  log: Log,
): Promise<ApplyOutcome> {
  const { plan, slice } = chunk;
  const row = await lockRow(tx, plan.sync, 'for share', log);
  if (row?.planId !== plan.id || !row.open) return { outcome: 'fenced' };
  if (!(await claimSlice(tx, chunk))) return { outcome: 'already_applied' };
  const table = await requireTarget(tx, plan, row);
  const delivery = new Delivery(pages, plan);
  const write = plan.work.kind === 'snapshot' ? writeSnapshot : writeWindow;
  const counts = await write(tx, plan, table, delivery, beforeCommit).catch((error: unknown) => {
    throw namedByKey(error, keyIndexNames(table, keyColumns(plan)));
  });
  // Only now does a lock on the table keep its name from meaning another one.
  await requireTarget(tx, plan, row);
  await tx.query(
    'update lakeferry.applied_slices set upserted = $3, deleted = $4, rejected = $5 where plan_id = $1 and slice = $2',
    [plan.id, slice, counts.upserted, counts.deleted, counts.rejected],
  );
  await tx.commit();
  return { outcome: 'applied', counts };
}

/** Writes the ledger row. False when it is there; while another writer is at the same slice, waits for its end. */
async function claimSlice(tx: Transaction, { plan, slice }: Chunk): Promise<boolean> {
  const { count } = await tx.query(
    'insert into lakeferry.applied_slices (plan_id, slice, sync) values ($1, $2, $3) on conflict do nothing',
    [plan.id, slice, plan.sync],
  );
  return count === 1;
}

async function requireTarget(tx: Transaction, plan: Plan, row: LockedRow): Promise<TableFacts> {
  const table = await readTable(tx, plan.target);
  if (table === undefined || table.oid !== row.targetOid) throw targetReplaced(plan.target);
  return table;
}

/** The pages of a chunk on their way, with what was counted of them. */
class Delivery {
  readonly rejects = new Rejects();
  readonly #pages: AsyncIterable<Page>;
  readonly #plan: Plan;
  #rows = 0;

  constructor(pages: AsyncIterable<Page>, plan: Plan) {
    this.#pages = pages;
    this.#plan = plan;
  }

  async *#counted(): AsyncGenerator<Page, void, undefined> {
    for await (const page of this.#pages) {
      this.#rows += page.rows;
      this.rejects.add(page.rejected);
      yield page;
    }
  }

  /** Copies all pages; returns the rows. Throws when there are rejected rows and the mapping halts on them. */
  async copyTo(tx: Transaction, copyStatement: string, lastField?: string): Promise<number> {
    const copied = await tx.copy(copyStatement, copyBuffers(this.#counted(), lastField));
    if (copied !== this.#rows) {
      throw new SyncError(
        'source_incomplete',
        'The pages of a chunk have other line counts than they declare.',
        {
          declared: this.#rows,
          copied,
        },
      );
    }
    if (this.#plan.mapping.rejectedRows === 'halt' && this.rejects.rows > 0) throw this.rejects.toError();
    return copied;
  }
}

/** The opening transaction has seen the target empty, and slices share no key: the lines go straight in. */
async function writeSnapshot(
  tx: Transaction,
  plan: Plan,
  _table: TableFacts,
  delivery: Delivery,
  beforeCommit: () => Promise<void>,
): Promise<ApplyCounts> {
  const { target, mapping, sync } = plan;
  const syncedAt = mapping.metadata.syncedAt === undefined ? undefined : await readNow(tx);
  const upserted = await delivery.copyTo(tx, copyIntoTarget(target, mapping), syncedAt);
  await beforeCommit();
  await delivery.rejects.store(tx, sync);
  return { upserted, deleted: 0, rejected: delivery.rejects.rows };
}

/** Departures first: an arrival may take a unique value that a departure frees. */
async function writeWindow(
  tx: Transaction,
  plan: Plan,
  table: TableFacts,
  delivery: Delivery,
  beforeCommit: () => Promise<void>,
): Promise<ApplyCounts> {
  const { target, mapping, sync } = plan;
  const equals = keyEquality(table, keyColumns(plan), target);
  await tx.query(createStage(target, mapping));
  await delivery.copyTo(tx, copyIntoStage(mapping));
  await beforeCommit();
  const deleted = await removeDepartures(tx, plan, equals);
  const large = await analyzeLargeStage(tx, table.oid);
  const upserted = await tx.query(mergeArrivals(target, mapping, equals, large ? 'any' : 'key'));
  await forgetSettledRejects(tx, sync, mapping);
  await delivery.rejects.store(tx, sync);
  return { upserted: upserted.count, deleted, rejected: delivery.rejects.rows };
}

async function removeDepartures(tx: Transaction, plan: Plan, equals: readonly string[]): Promise<number> {
  const { target, mapping } = plan;
  switch (mapping.deletes.mode) {
    case 'hard':
      return (await tx.query(deleteDepartures(target, mapping, equals))).count;
    case 'soft':
      return (await tx.query(markDepartures(target, mapping, mapping.deletes.column, equals))).count;
    case 'ignore':
      return 0;
    default:
      return mapping.deletes satisfies never;
  }
}

async function readNow(tx: Transaction): Promise<string> {
  const { rows } = await tx.query<{ readonly now: string }>('select now()::text as now');
  return rows[0]?.now ?? '';
}

function keyColumns(plan: Plan): readonly string[] {
  return keyOf(plan.mapping).map(({ target }) => target);
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
