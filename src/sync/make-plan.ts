import { randomUUID } from 'node:crypto';
import type { Pace } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Mapping } from '../plan/mapping.ts';
import type { Plan, Work } from '../plan/plan.ts';
import type { HistoryEntry, SourceLook } from '../source/source.ts';
import type { TargetState } from '../target/target.ts';
import { checkColumnsKept } from './check-columns-kept.ts';
import { reportLag } from './lag.ts';
import { isOneSlice, planSize } from './plan-size.ts';
import type { Services } from './services.ts';

/** What the planner saw of a sync, Postgres first. */
export interface Sight {
  readonly state: TargetState;
  readonly look: SourceLook;
  readonly mapping: Mapping;
  readonly pace: Pace;
  /** Rows that stand aside and may be tried again; 0 where nobody asks for it. */
  readonly retryRows: number;
}

/** Step 4: the decision about one work, made from what was seen. It never changes. */
export async function makePlan(
  services: Services,
  config: SyncConfig,
  work: Work,
  { state: { row, table }, look, mapping, pace, retryRows }: Sight,
  signal: AbortSignal,
): Promise<Plan> {
  const history =
    work.kind === 'window' ? await services.source.readHistory(config.source, work, signal) : [];
  if (work.kind === 'window') {
    await checkColumnsKept(config.source, work, history, mapping, (range) =>
      services.source.readHistory(config.source, range, signal),
    );
    const oldest = history[0]?.committedAt ?? look.latest.committedAt;
    const seconds = Math.max(0, Math.round((services.clock.now() - oldest) / 1_000));
    reportLag(services, config, { versions: Number(work.through - work.after), seconds });
  }
  const rows =
    work.kind === 'retry'
      ? retryRows
      : (estimate(work, history) ?? (await services.source.countRows(config.source, work, signal)));
  const oneSlice = work.kind === 'retry' || isOneSlice(work, table);
  return {
    id: randomUUID(),
    sync: config.name,
    base: row.revision,
    source: config.source,
    sourceTableId: look.tableId,
    target: config.target,
    work,
    throughCommittedAt: look.latest.committedAt,
    ...planSize(rows, config, pace, oneSlice),
    mapping,
  };
}

/** Net changes of a window by its history, where every commit of it tells. */
function estimate(work: Work, history: readonly HistoryEntry[]): number | undefined {
  if (work.kind !== 'window' || BigInt(history.length) < work.through - work.after) return undefined;
  let total = 0;
  for (const { estimatedRows } of history) {
    if (estimatedRows === undefined) return undefined;
    total += estimatedRows;
  }
  return total;
}
