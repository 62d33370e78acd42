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

const WHEN_OPENED = 'when a planner opens a plan';
const WHEN_APPLIED = 'when a writer commits a chunk';
const WHEN_TOLD = 'at a tick that knows how far the sync is';

const WORDS: Readonly<Record<MetricName, Words>> = {
  PlansMade: { what: 'plans opened, 1 each', when: WHEN_OPENED },
  ChunksSent: {
    what: 'messages with a chunk',
    when: 'when the planner sends the first of each lane, or what is missing, and a writer the next',
  },
  VersionsPlanned: { what: 'commit versions in the plan; 1 for a load or a retry', when: WHEN_OPENED },
  ChunksApplied: { what: 'chunks applied, 1 each', when: WHEN_APPLIED },
  RowsUpserted: { what: 'rows inserted or changed', when: WHEN_APPLIED },
  RowsDeleted: { what: 'rows deleted', when: WHEN_APPLIED },
  RowsRejected: { what: 'rows put aside', when: WHEN_APPLIED },
  ChunkDuration: { what: 'from taking up the message to the commit', when: WHEN_APPLIED },
  ChunksSkipped: {
    what: 'messages that led to no write, 1 each',
    when: 'when a writer finds its chunk applied, in parts, being written, or of another plan',
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
