import {
  METRIC_DIMENSION,
  METRIC_NAMESPACE,
  METRIC_UNITS,
  type MetricName,
} from '../telemetry/metric-names.ts';
import { code, pageText, table } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';

interface Words {
  readonly what: string;
  readonly when: string;
  /** What stands beside the number in the log, other than the sync. */
  readonly beside?: string;
}

const WHEN_SENT = 'when a planner sends a new plan, or what is missing of one';
const WHEN_APPLIED = 'when a writer commits a chunk';
const WHEN_TOLD = 'at a tick that knows how far the sync is';

const WORDS: Readonly<Record<MetricName, Words>> = {
  PlansMade: { what: 'plans sent, 1 each', when: WHEN_SENT },
  ChunksSent: { what: 'messages that the planner sent', when: WHEN_SENT },
  VersionsPlanned: { what: 'commit versions in the plan', when: WHEN_SENT },
  ChunksApplied: { what: 'chunks applied, 1 each', when: WHEN_APPLIED },
  RowsUpserted: { what: 'rows inserted or changed', when: WHEN_APPLIED },
  RowsDeleted: { what: 'rows deleted', when: WHEN_APPLIED },
  RowsRejected: { what: 'rows put aside', when: WHEN_APPLIED },
  ChunkDuration: { what: 'from taking up the message to the commit', when: WHEN_APPLIED },
  ChunksSkipped: {
    what: 'messages with nothing left to do, 1 each',
    when: 'when a writer acknowledges a message without writing',
    beside: 'outcome',
  },
  ChunkFailures: {
    what: 'attempts that failed, 1 each',
    when: 'when a chunk is not applied',
    beside: 'kind',
  },
  SyncsHalted: {
    what: 'always 1',
    when: 'when a sync halts, and at each tick that finds it halted',
    beside: 'kind',
  },
  LagVersions: { what: 'commits that the target lacks', when: WHEN_TOLD },
  LagSeconds: {
    what: 'age of the oldest of them; while the source cannot be asked, of the last look',
    when: WHEN_TOLD,
  },
  SyncsOverMaxLag: { what: '1 where the lag is over `maxLag`, else 0', when: WHEN_TOLD },
};

export const metrics: ReferencePage = {
  path: 'docs/reference/metrics.md',
  make: () =>
    pageText([
      madeFrom('src/telemetry/metric-names.ts'),
      '',
      '# Metrics',
      '',
      `The functions write metrics into their logs in CloudWatch's embedded format, under the namespace ${code(METRIC_NAMESPACE)}. The only`,
      `dimension is ${code(METRIC_DIMENSION)}, the name of the deployment: a metric for each sync would cost more than the functions.`,
      'The name of the sync stands beside each number in the log, so that Logs Insights can ask by it; the stack saves such',
      'queries under `Lakeferry/<deployment>`.',
      '',
      ...table(
        ['metric', 'unit', 'what', 'when', 'beside it in the log'],
        Object.entries(METRIC_UNITS).map(([name, unit]) => {
          const { what, when, beside } = WORDS[name as MetricName];
          return [
            code(name),
            unit,
            what,
            when,
            ['sync', ...(beside === undefined ? [] : [beside])].map(code).join(', '),
          ];
        }),
      ),
      '',
      'Alarms and dashboard look at these, and at those that AWS counts for the two functions, the queues and the table:',
      '[alarms](../operate/alarms.md), [dashboard](../operate/dashboard.md).',
    ]),
};
