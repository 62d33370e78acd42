import { randomUUID } from 'node:crypto';
import type { Window } from '../change/window.ts';
import type { Pace } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Mapping } from '../plan/mapping.ts';
import type { Plan, Work } from '../plan/plan.ts';
import type { HistoryEntry, Source, SourceLook } from '../source/source.ts';
import type { TargetState } from '../target/target.ts';
import type { Clock } from '../telemetry/clock.ts';
import { checkColumnsKept } from './check-columns-kept.ts';
import type { KnownLag } from './lag.ts';
import { isOneSlice, planSize } from './plan-size.ts';

/** What the planner saw of a sync, Postgres first. */
export interface Sight {
  readonly state: TargetState;
  readonly look: SourceLook;
  readonly mapping: Mapping;
  readonly pace: Pace;
  /** Rows that stand aside and may be tried again; 0 where nobody asks for it. */
  readonly retryRows: number;
}

/** Rows that a plan was cut for. `history`: net changes by DESCRIBE HISTORY. `count`: rows that the work reads. */
export interface EstimatedRows {
  readonly rows: number;
  readonly from: 'history' | 'count';
}

export interface MadePlan {
  readonly plan: Plan;
  readonly estimate: EstimatedRows;
  /** A window's commits, oldest first, as far as they are told. Empty for other works. */
  readonly history: readonly HistoryEntry[];
  /** How far a target that awaits a window is behind; absent for other works. */
  readonly lag?: KnownLag;
}

/** Step 4: the decision about one work, made from what was seen. It never changes. */
export async function makePlan(
  {
    source,
    clock,
  }: {
    readonly source: Pick<Source, 'readHistory' | 'readSchemaEffects' | 'countRows'>;
    readonly clock: Clock;
  },
  config: SyncConfig,
  work: Work,
  { state: { row, table }, look, mapping, pace, retryRows }: Sight,
  signal: AbortSignal,
): Promise<MadePlan> {
  const history = work.kind === 'window' ? await source.readHistory(config.source, work, signal) : [];
  if (work.kind === 'window') {
    await checkColumnsKept(config.source, work, history, mapping, (range) =>
      source.readSchemaEffects(config.source, range, signal),
    );
  }
  const estimate = await estimateRows(source, config, { work, history, retryRows }, signal);
  const oneSlice = work.kind === 'retry' || isOneSlice(work, table);
  const plan: Plan = {
    id: randomUUID(),
    sync: config.name,
    base: row.revision,
    source: config.source,
    sourceTableId: look.tableId,
    target: config.target,
    work,
    throughCommittedAt: look.latest.committedAt,
    ...planSize(estimate.rows, config, pace, oneSlice),
    mapping,
  };
  if (work.kind !== 'window') return { plan, estimate, history };
  const oldest = history[0]?.committedAt ?? look.latest.committedAt;
  const seconds = Math.max(0, Math.round((clock.now() - oldest) / 1_000));
  return { plan, estimate, history, lag: { versions: Number(work.through - work.after), seconds } };
}

async function estimateRows(
  source: Pick<Source, 'countRows'>,
  config: SyncConfig,
  {
    work,
    history,
    retryRows,
  }: { readonly work: Work; readonly history: readonly HistoryEntry[]; readonly retryRows: number },
  signal: AbortSignal,
): Promise<EstimatedRows> {
  if (work.kind === 'retry') return { rows: retryRows, from: 'count' };
  const told = work.kind === 'window' ? sumOfHistory(work, history, 'estimatedRows') : undefined;
  if (told !== undefined) return { rows: told, from: 'history' };
  return { rows: await source.countRows(config.source, work, signal), from: 'count' };
}

/** An estimate of a window by its history, where every commit of it tells. */
export function sumOfHistory(
  { after, through }: Window,
  history: readonly HistoryEntry[],
  estimate: 'estimatedRows' | 'estimatedDeletes',
): number | undefined {
  if (BigInt(history.length) < through - after) return undefined;
  let total = 0;
  for (const entry of history) {
    const told = entry[estimate];
    if (told === undefined) return undefined;
    total += told;
  }
  return total;
}
