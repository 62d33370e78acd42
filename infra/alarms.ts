import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { MAX_CHUNK_AGE, MAX_RECEIVES } from './limits.ts';
import { metricsOf, PERIOD } from './metrics.ts';
import { groupName } from './schedules.ts';
import { type AlarmWindow, windowOfQuickest, windowOfSlowest } from './tick-window.ts';

export interface AlarmsProps {
  /** Name of the deployment. */
  readonly name: string;
  readonly config: LakeferryConfig;
  readonly topic: ITopic;
  readonly planner: IFunction;
  readonly writer: IFunction;
  readonly queue: IQueue;
  readonly deadLetters: IQueue;
}

interface AlarmOf {
  /** Second half of the alarm's name, which is the subject of its mail. */
  readonly says: string;
  /** What it means, what is safe, and last what to run. */
  readonly meaning: string;
  readonly metric: Metric;
  /** Goes off from this value on; 1 when absent. */
  readonly threshold?: number;
  readonly window: AlarmWindow;
  /** Periods of the window that must be bad; 1 when absent. */
  readonly bad?: number;
}

/** Everything that a person is called for. Each tells when it is over, too. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const alarms = Object.entries({ ...alarmsOfSyncs(props), ...alarmsOfParts(props) });
    this.all = [...alarms.map(([each, of]) => this.#add(each, props, of)), ...this.#silence(props)];
  }

  #add(
    id: string,
    { name, topic }: AlarmsProps,
    { says, meaning, metric, threshold = 1, window, bad = 1 }: AlarmOf,
  ) {
    const alarm = new Alarm(this, id, {
      alarmName: `Lakeferry ${name}: ${says}`,
      alarmDescription: meaning,
      metric: metric.with({ period: window.period }),
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: window.evaluationPeriods,
      datapointsToAlarm: bad,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    return callFor(alarm, topic);
  }

  /** What does not run tells nothing: the one alarm that goes off by silence. */
  #silence({ name, config, topic, planner }: AlarmsProps): Alarm[] {
    const window = windowOfQuickest(config, 3);
    if (window === undefined) return [];
    const { period, evaluationPeriods } = window;
    const alarm = new Alarm(this, 'PlannerSilent', {
      alarmName: `Lakeferry ${name}: no tick runs`,
      alarmDescription: `The planner has not been called for longer than three ticks take: Neon stays as it is, and no other alarm can tell that it lags. Enable the schedules. Run: aws scheduler list-schedules --group-name ${groupName(name)}`,
      metric: planner.metricInvocations({ period, statistic: Stats.SUM }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods,
      treatMissingData: TreatMissingData.BREACHING,
    });
    return [callFor(alarm, topic)];
  }
}

function alarmsOfSyncs({ name, config }: AlarmsProps): Record<string, AlarmOf> {
  const metric = metricsOf(name);
  const run = commandOf(name);
  const window = windowOfSlowest(config);
  return {
    SyncHalted: {
      says: 'a sync is halted',
      meaning: `A sync is halted until you act. Neon serves its last version, whole and consistent; nothing was lost in Neon or Delta; other syncs run. Run: ${run('status')}`,
      metric: metric('SyncsHalted', Stats.MAXIMUM),
      window,
    },
    SyncLags: {
      says: 'a sync lags',
      meaning: `A sync lags by more than its maxLag, or its source could not be looked at for as long. Neon stays at its last version, whole and consistent. Run: ${run('status')}`,
      metric: metric('SyncsOverMaxLag', Stats.MAXIMUM),
      window,
    },
    RowsRejected: {
      says: 'rows are rejected',
      meaning: `Postgres cannot hold some rows; they are put aside by their keys in lakeferry.rejected_rows, and all others are applied. Run: ${run('status')}, and for a sync that it shows: ${run('rejected <sync>')}`,
      metric: metric('RowsRejected', Stats.SUM),
      window: { period: PERIOD, evaluationPeriods: 1 },
    },
  };
}

function alarmsOfParts(props: AlarmsProps): Record<string, AlarmOf> {
  const { name, config, planner, writer, queue, deadLetters } = props;
  const run = commandOf(name);
  const sum = { period: PERIOD, statistic: Stats.SUM };
  const quarterHour: AlarmWindow = { period: PERIOD, evaluationPeriods: 3 };
  return {
    DeadLetters: {
      says: 'chunks are in the dead-letter queue',
      meaning: `Chunks were not applied in ${MAX_RECEIVES} attempts and their syncs are halted. Neon serves the last version, whole and consistent. See to the cause that status names, then send them again. Run: ${run('status')}, then: ${run('redrive')}`,
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        period: PERIOD,
        statistic: Stats.MAXIMUM,
      }),
      window: { period: PERIOD, evaluationPeriods: 1 },
    },
    PlannerErrors: {
      says: 'ticks fail',
      meaning: `Ticks fail again and again, most often since the SQL warehouse or Neon cannot be reached. Lakeferry tries again by itself; Neon stays at its last version. Run: ${run('status')}`,
      metric: planner.metricErrors(sum),
      window: windowOfSlowest(config, 3),
      bad: 3,
    },
    WriterErrors: {
      says: 'the writer fails',
      meaning: `The writer ends without an answer: out of memory, out of time, or without a secret. No row was applied by half; its chunks come again by themselves. Lower maxChunkRows if it runs out of memory. Run: ${run('status')}`,
      metric: writer.metricErrors(sum),
      window: quarterHour,
      bad: 2,
    },
    PlannerThrottled: {
      says: 'ticks are throttled',
      meaning:
        "AWS holds back the planner: the account's Lambda concurrency is used up. Ticks come late or not at all; Neon stays at its last version until one comes. Ask AWS for more, or lower maxWriters. Run: aws lambda get-account-settings",
      metric: planner.metricThrottles(sum),
      window: quarterHour,
      bad: 2,
    },
    WriterThrottled: {
      says: 'writers are throttled',
      meaning:
        "AWS holds back the writers: the account's Lambda concurrency is used up. Chunks come again by themselves, late. Lower maxWriters, or ask AWS for more. Run: aws lambda get-account-settings",
      metric: writer.metricThrottles(sum),
      window: quarterHour,
      bad: 2,
    },
    OldChunk: {
      says: 'a chunk waits for long',
      meaning: `A chunk has been in the queue for more than ${MAX_CHUNK_AGE.toMinutes()} minutes: its writers fail, or there are too few of them. Nothing is lost; later windows wait. Run: ${run('status')}`,
      metric: queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: Stats.MAXIMUM }),
      threshold: MAX_CHUNK_AGE.toSeconds(),
      window: { period: Duration.minutes(5), evaluationPeriods: 1 },
    },
  };
}

function callFor(alarm: Alarm, topic: ITopic): Alarm {
  alarm.addAlarmAction(new SnsAction(topic));
  alarm.addOkAction(new SnsAction(topic));
  return alarm;
}

/** Who is called may be in any shell: a command names the deployment that calls. */
function commandOf(name: string): (command: string) => string {
  return (command) => `lakeferry ${command} --deployment ${name}`;
}
