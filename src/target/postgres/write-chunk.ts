import { keyOf } from '../../plan/mapping.ts';
import { applyLines, type Written } from './apply-lines.ts';
import type { ApplyScope } from './apply-scope.ts';
import { checkDeletes } from './brake.ts';
import type { Delivery } from './delivery.ts';
import { forgetSettledRejects } from './rejected-rows.ts';
import { attempt } from './savepoint.ts';
import { analyzeLargeStage } from './stage.ts';
import {
  copyIntoStage,
  copyIntoTarget,
  createStage,
  insertArrivals,
  mergeArrivals,
  removeDepartures,
  STAGE,
} from './statements.ts';
import { isUniqueBesidesKey } from './table-facts.ts';
import { copyIntoTextStage, createTextStage, fillStageFromText } from './text-stage.ts';
import type { Transaction } from './transaction.ts';

/**
 * Writes the lines of a chunk into the target. `beforeCommit` runs after the last line.
 *
 * - `plain`: as fast as can be. A line that Postgres cannot read ends the transaction, and so does in a snapshot
 *   any row that it refuses.
 * - `careful`: the lines are staged as text first, so that one that cannot be read is rejected by itself.
 */
export async function writeChunk(
  scope: ApplyScope,
  delivery: Delivery,
  way: 'plain' | 'careful',
  beforeCommit: () => Promise<void>,
): Promise<Written> {
  if (way === 'careful') return writeCarefully(scope, delivery, beforeCommit);
  const write = scope.plan.work.kind === 'snapshot' ? writeSnapshot : writeWindow;
  return write(scope, delivery, beforeCommit);
}

/** The opening transaction has seen the target empty, and slices share no key: the lines go straight in. */
async function writeSnapshot(
  { tx, plan }: ApplyScope,
  delivery: Delivery,
  beforeCommit: () => Promise<void>,
): Promise<Written> {
  const { target, mapping } = plan;
  const syncedAt = mapping.metadata.syncedAt === undefined ? undefined : await readNow(tx);
  const upserted = await delivery.copyTo(tx, copyIntoTarget(target, mapping), syncedAt);
  await beforeCommit();
  return { upserted, deleted: 0 };
}

async function writeWindow(
  scope: ApplyScope,
  delivery: Delivery,
  beforeCommit: () => Promise<void>,
): Promise<Written> {
  const { tx, plan } = scope;
  await tx.query(createStage(plan.target, plan.mapping));
  await delivery.copyTo(tx, copyIntoStage(plan.mapping));
  await beforeCommit();
  return applyStage(scope);
}

async function writeCarefully(
  scope: ApplyScope,
  delivery: Delivery,
  beforeCommit: () => Promise<void>,
): Promise<Written> {
  const { tx, plan } = scope;
  const { target, mapping, work } = plan;
  await tx.run([createStage(target, mapping), createTextStage(mapping)]);
  const fields = work.kind === 'snapshot' ? 'arrivals' : 'with operation';
  const lines = await delivery.copyTo(tx, copyIntoTextStage(mapping, fields));
  await beforeCommit();
  await fillStageFromText(scope, lines);
  return applyStage(scope);
}

/** Where a refused row has a chance, in a savepoint: then nothing needs to be read again. */
async function applyStage(scope: ApplyScope): Promise<Written> {
  const { tx, plan, table } = scope;
  const halts = plan.mapping.rejectedRows === 'halt';
  const key = keyOf(plan.mapping).map(({ target }) => target);
  if (halts && !isUniqueBesidesKey(table, key)) return applyAtOnce(scope);
  const { kept, fault } = await attempt(scope, async () => {
    const written = await applyAtOnce(scope);
    await tx.run(['set constraints all immediate']);
    return written;
  });
  return fault ? applyLines(scope) : kept;
}

/** Departures first: an arrival may take a unique value that a departure frees. */
async function applyAtOnce(scope: ApplyScope): Promise<Written> {
  const { tx, plan, table, equals } = scope;
  const { target, mapping, sync, work } = plan;
  if (work.kind === 'snapshot') {
    return { upserted: (await tx.query(insertArrivals(target, mapping))).count, deleted: 0 };
  }
  const removal = removeDepartures(target, mapping, equals);
  const deleted = removal === undefined ? 0 : (await tx.query(removal)).count;
  await checkDeletes(scope, deleted);
  const large = await analyzeLargeStage(tx, table.oid);
  const upserted = (await tx.query(mergeArrivals(target, mapping, equals, large ? 'any' : 'key'))).count;
  await forgetSettledRejects(tx, sync, mapping, STAGE);
  return { upserted, deleted };
}

async function readNow(tx: Transaction): Promise<string> {
  const { rows } = await tx.query<{ readonly now: string }>('select now()::text as now');
  return rows[0]?.now ?? '';
}
