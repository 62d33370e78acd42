import type { SourceSurvey, WarehouseFacts } from '../source/survey.ts';
import type { Attempt } from '../sync/attempt.ts';
import type { Clock } from '../telemetry/clock.ts';
import { attemptWithin } from './attempt-within.ts';
import type { ClockReading } from './clock.ts';
import { about, type Finding } from './finding.ts';
import { unanswered } from './fixes.ts';

/** A warehouse that is stopped takes minutes to start, unless it is a serverless one. */
const START_LIMIT_MS = 5 * 60_000;

export interface WarehouseExam {
  readonly findings: readonly Finding[];
  /** Both absent where it did not answer. */
  readonly facts?: WarehouseFacts;
  readonly clock?: ClockReading;
}

export async function examineWarehouse(
  { source, clock }: { readonly source: SourceSurvey; readonly clock: Clock },
  signal: AbortSignal,
): Promise<WarehouseExam> {
  const warehouse = about('databricks', 'warehouse');
  const startedAt = clock.now();
  const asked: Attempt<WarehouseFacts> = await attemptWithin(signal, START_LIMIT_MS, (limited) =>
    source.readWarehouse(limited),
  );
  if (asked.error) return { findings: [unanswered(warehouse, asked.error)] };
  const { now, principal } = asked.value;
  const answeredAt = clock.now();
  return {
    facts: asked.value,
    findings: [
      warehouse.ok(
        'answer',
        `answers to ${principal} after ${((answeredAt - startedAt) / 1_000).toFixed(1)} s`,
      ),
    ],
    clock: { server: 'the warehouse', now, before: startedAt, after: answeredAt },
  };
}
