import { SyncError } from '../error/sync-error.ts';
import type { Chunk, Plan } from '../plan/plan.ts';
import { completedWith, laneOf, nextOfEachLane, nextOfLane, type Slice, wholeOf } from '../plan/slices.ts';
import { displayTable } from '../schema/table-name.ts';
import type { Page } from '../source/source.ts';
import type { ApplyOutcome } from '../target/target.ts';
import { finishPlan } from './finish-plan.ts';
import { sendChunks } from './send-chunks.ts';
import type { Services } from './services.ts';

/**
 * Applies one chunk and sends the next of its lane, or finishes its plan if it was the last one missing. Every outcome
 * but `in_progress` acknowledges the message. What it throws left nothing in the target, or all of the chunk: then it is
 * found applied when its message comes again.
 */
export async function applyChunk(
  services: Services,
  chunk: Chunk,
  signal: AbortSignal,
): Promise<ApplyOutcome> {
  const { target, clock, log, metrics } = services;
  const { plan, slice, of } = chunk;
  const startedAt = clock.now();
  const applied = await target.apply(
    chunk,
    () => readPages(services, chunk, signal),
    () => checkSource(services, chunk, signal),
    signal,
  );
  if (applied.outcome === 'applied') metrics.chunkApplied(plan.sync, applied.counts, clock.now() - startedAt);
  else metrics.chunkSkipped(plan.sync, applied.outcome);
  log.info('chunk done', {
    sync: plan.sync,
    planId: plan.id,
    slice,
    of,
    outcome: applied.outcome,
    ...(applied.outcome === 'applied' ? applied.counts : {}),
  });
  switch (applied.outcome) {
    case 'applied':
      await goOn(services, plan, completedWith(plan, chunk), nextOfLane(plan, chunk), signal);
      return applied;
    case 'already_applied':
      await takeUpLane(services, chunk, signal);
      return applied;
    case 'divided': {
      const [next] = applied.missing;
      if (next) await sendChunks(services, plan, [next], signal);
      return applied;
    }
    case 'in_progress':
    case 'fenced':
      return applied;
    default:
      return applied satisfies never;
  }
}

/** Notes the slice of the plan that is whole, sends the next of its lane, and finishes the plan if all are noted. */
async function goOn(
  services: Services,
  plan: Plan,
  whole: number | undefined,
  next: Slice | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { checkpoints } = services;
  if (whole !== undefined) await checkpoints.addDone(plan.id, whole, signal);
  if (next) await sendChunks(services, plan, [next], signal);
  if (whole === undefined) return;
  if (plan.slices > 1) {
    const { done } = await checkpoints.readProgress(plan.id, signal);
    // The set may lack slices that are applied; then the planner's tick asks the ledger.
    if (done.size < plan.slices) return;
  }
  await finishPlan(services, plan, signal);
}

/**
 * A message that came twice, or whose writer died after its commit: whether it has noted the slice and sent the next
 * chunk is not known. What the ledger lacks first in this lane is sent, so that doubled messages do not multiply along it.
 */
async function takeUpLane(services: Services, chunk: Chunk, signal: AbortSignal): Promise<void> {
  const { plan } = chunk;
  const finished = await finishPlan(services, plan, signal);
  if (finished.outcome !== 'incomplete') return;
  const { missing } = finished;
  const whole = wholeOf(plan, chunk);
  const isWhole = !missing.some((slice) => wholeOf(plan, slice) === whole);
  const next = nextOfEachLane(plan, missing).find((slice) => laneOf(plan, slice) === laneOf(plan, chunk));
  await goOn(services, plan, isWhole ? whole : undefined, next, signal);
}

/** A table that was made again may lack the versions of the plan: then it is another table, and nothing expired. */
async function* readPages(services: Services, chunk: Chunk, signal: AbortSignal): AsyncGenerator<Page> {
  const { source, target } = services;
  const { plan } = chunk;
  try {
    const keys = plan.work.kind === 'retry' ? await target.readRetryKeys(plan.sync, signal) : [];
    yield* source.readPages(chunk, signal, keys);
  } catch (thrown) {
    if (thrown instanceof SyncError && thrown.kind === 'retention_gap')
      await checkSource(services, chunk, signal);
    throw thrown;
  }
}

/** The query reads by name: only the id after the last page tells that it read the table that the plan means. */
async function checkSource({ source }: Services, { plan, slice }: Chunk, signal: AbortSignal): Promise<void> {
  const tableId = await source.readTableId(plan.source, signal);
  if (tableId === plan.sourceTableId) return;
  throw new SyncError(
    'source_replaced',
    `${displayTable(plan.source)} was dropped and created again while it was read; nothing of it was applied.`,
    { sync: plan.sync, planId: plan.id, slice },
  );
}
