import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  Dashboard as CloudWatchDashboard,
  Color,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
  Row,
  SingleValueWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import type { MetricName } from '../src/telemetry/metric-names.ts';
import { metricsOf, PERIOD } from './metrics.ts';
import { QUERIES } from './saved-queries.ts';

export interface DashboardProps {
  /** Name of the deployment, and with `Lakeferry-` before it of the dashboard. */
  readonly name: string;
  readonly config: LakeferryConfig;
  readonly alarms: readonly Alarm[];
  readonly planner: IFunction;
  readonly writer: IFunction;
  readonly logGroups: readonly LogGroup[];
  readonly queue: IQueue;
  readonly deadLetters: IQueue;
  readonly checkpoints: TableV2;
}

/** Width of the page, in CloudWatch's columns. */
const PAGE = 24;

/** What a person looks at first: every tile's title is a question. */
export class Dashboard extends Construct {
  readonly dashboardName: string;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.dashboardName = `Lakeferry-${props.name}`;
    const rows = [
      numbers(props),
      lag(props),
      rowsAndTimes(props),
      troubles(props),
      costs(props),
      [meanings(props)],
    ];
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: this.dashboardName,
      defaultInterval: Duration.hours(3),
      widgets: rows.map((row) => [new Row(...row)]),
    });
  }
}

function numbers({ name, deadLetters }: DashboardProps): IWidget[] {
  const metric = metricsOf(name);
  const visible = { period: PERIOD, statistic: Stats.MAXIMUM };
  return [
    number('Is a sync halted? (1 = yes)', metric('SyncsHalted', Stats.MAXIMUM)),
    number('How far does the last one lag? (seconds)', metric('LagSeconds', Stats.MAXIMUM)),
    number('Were rows rejected?', metric('RowsRejected', Stats.SUM)),
    number(
      'Do chunks wait in the dead-letter queue?',
      deadLetters.metricApproximateNumberOfMessagesVisible(visible),
    ),
  ];
}

function lag(props: DashboardProps): IWidget[] {
  const metric = metricsOf(props.name);
  return [
    new GraphWidget({
      title: 'Is anything behind?',
      width: PAGE / 2,
      left: [metric('LagSeconds', Stats.MAXIMUM).with({ label: 'largest lag of any sync' })],
      leftYAxis: { label: 'seconds', min: 0, showUnits: false },
      leftAnnotations: limitsOf(props.config),
    }),
    table('Which sync is behind?', props, 'How far does each sync lag'),
  ];
}

/** The lines of the alarm: one for each limit. */
function limitsOf({ syncs }: LakeferryConfig) {
  const byLimit = Map.groupBy(syncs.values(), ({ maxLagSeconds }) => maxLagSeconds);
  return [...byLimit].map(([value, [first, ...others]]) => ({
    value,
    color: Color.RED,
    label: `maxLag of ${first?.name}${others.length > 0 ? ` and ${others.length} more` : ''}`,
  }));
}

function rowsAndTimes({ name }: DashboardProps): IWidget[] {
  const metric = metricsOf(name);
  const perMinute = (id: string, metricName: MetricName, label: string) =>
    new MathExpression({
      expression: `${id} / ${PERIOD.toMinutes()}`,
      usingMetrics: { [id]: metric(metricName, Stats.SUM) },
      label,
      period: PERIOD,
    });
  return [
    graph('How many rows are applied per minute?', [
      perMinute('upserted', 'RowsUpserted', 'inserted or updated'),
      perMinute('deleted', 'RowsDeleted', 'deleted'),
    ]),
    graph('How long does a chunk take? (milliseconds)', [
      metric('ChunkDuration', Stats.p(50)).with({ label: 'half of them' }),
      metric('ChunkDuration', Stats.p(99)).with({ label: '99 of 100' }),
    ]),
  ];
}

function troubles(props: DashboardProps): IWidget[] {
  const { name, planner, writer, queue } = props;
  const metric = metricsOf(name);
  const sum = { period: PERIOD, statistic: Stats.SUM };
  return [
    graph('What is tried again, and what is held back?', [
      metric('ChunkFailures', Stats.SUM).with({ label: 'failed attempts at chunks' }),
      planner.metricErrors({ ...sum, label: 'ticks that failed' }),
      planner.metricThrottles({ ...sum, label: 'ticks throttled' }),
      writer.metricThrottles({ ...sum, label: 'writers throttled' }),
      queue.metricApproximateAgeOfOldestMessage({
        period: PERIOD,
        statistic: Stats.MAXIMUM,
        label: 'age of the oldest chunk (s)',
      }),
    ]),
    table('Which errors come, of which kind?', props, 'Which errors come, by sync and kind'),
  ];
}

function costs({ planner, writer, queue, checkpoints }: DashboardProps): IWidget[] {
  const sum = { period: Duration.hours(1), statistic: Stats.SUM };
  return [
    graph('What do the functions cost? (seconds of running per hour)', [
      seconds('planner', planner.metricDuration(sum)),
      seconds('writers', writer.metricDuration(sum)),
    ]),
    graph('What do queue and checkpoints cost? (per hour)', [
      queue.metricNumberOfMessagesSent({ ...sum, label: 'chunks sent' }),
      checkpoints.metricConsumedReadCapacityUnits({ ...sum, label: 'checkpoint read units' }),
      checkpoints.metricConsumedWriteCapacityUnits({ ...sum, label: 'checkpoint write units' }),
    ]),
  ];
}

/** What the alarms mean and what to run, in their own words. */
function meanings({ alarms, name }: DashboardProps): IWidget {
  const lines = alarms.map((alarm) => {
    const { alarmName = '', alarmDescription = '' } = propertiesOf(alarm);
    return `| ${alarmName.slice(`Lakeferry ${name}: `.length)} | ${alarmDescription.replaceAll('<', '&lt;')} |`;
  });
  const markdown = [
    '### What does it mean, and what do I run?',
    '',
    '| alarm | meaning, and last what to run |',
    '|---|---|',
    ...lines,
    '',
    '**lag**: age of the oldest commit that Neon lacks, 0 when it lacks none; while the source cannot be asked, the time since the last look. **through**: the Delta version that Neon shows. **halted**: nothing happens until a person acts. Logs Insights has saved queries under *Lakeferry*.',
  ].join('\n');
  return new TextWidget({ markdown, width: PAGE, height: 10 });
}

function propertiesOf(alarm: Alarm): { readonly alarmName?: string; readonly alarmDescription?: string } {
  return alarm.node.defaultChild as unknown as { alarmName?: string; alarmDescription?: string };
}

function number(title: string, metric: IMetric): IWidget {
  return new SingleValueWidget({ title, metrics: [metric], width: PAGE / 4, height: 4 });
}

function graph(title: string, left: IMetric[]): IWidget {
  return new GraphWidget({ title, left, width: PAGE / 2, leftYAxis: { min: 0, showUnits: false } });
}

function table(title: string, { logGroups }: DashboardProps, query: keyof typeof QUERIES): IWidget {
  return new LogQueryWidget({
    title,
    logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
    queryLines: [...QUERIES[query]],
    view: LogQueryVisualizationType.TABLE,
    width: PAGE / 2,
  });
}

function seconds(id: string, milliseconds: IMetric): IMetric {
  return new MathExpression({
    expression: `${id} / 1000`,
    usingMetrics: { [id]: milliseconds },
    label: id,
    period: Duration.hours(1),
  });
}
