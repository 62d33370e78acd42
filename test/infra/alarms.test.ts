import type { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { METRIC_DIMENSION, METRIC_NAMESPACE, METRIC_UNITS } from '../../src/telemetry/metric-names.ts';
import { configWith, resourcesOf, templateOf } from './synthesized.ts';

interface Alarm {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly MetricName?: string;
  readonly Namespace?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Statistic?: string;
  readonly Period?: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
  readonly AlarmActions: unknown;
  readonly OKActions: unknown;
}

/** By what they say, without the deployment's name. */
function alarmsOf(template: Template): Map<string, Alarm> {
  const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm') as unknown as [string, Alarm][];
  return new Map(alarms.map(([, alarm]) => [alarm.AlarmName.replace('Lakeferry prod: ', ''), alarm]));
}

describe('the alarms', () => {
  let template: Template;
  let alarms: Map<string, Alarm>;

  beforeAll(() => {
    template = templateOf();
    alarms = alarmsOf(template);
  });

  it.each([
    ['a sync is halted', { MetricName: 'SyncsHalted', Statistic: 'Maximum', Threshold: 1 }],
    ['a sync lags', { MetricName: 'SyncsOverMaxLag', Statistic: 'Maximum', Threshold: 1 }],
    ['rows are rejected', { MetricName: 'RowsRejected', Statistic: 'Sum', Threshold: 1 }],
    [
      'chunks are in the dead-letter queue',
      { MetricName: 'ApproximateNumberOfMessagesVisible', Namespace: 'AWS/SQS', Threshold: 1 },
    ],
    ['ticks fail', { MetricName: 'Errors', Namespace: 'AWS/Lambda', Threshold: 1, DatapointsToAlarm: 3 }],
    [
      'the writer fails',
      { MetricName: 'Errors', Namespace: 'AWS/Lambda', Threshold: 1, DatapointsToAlarm: 2 },
    ],
    [
      'ticks are throttled',
      { MetricName: 'Throttles', Namespace: 'AWS/Lambda', Threshold: 1, DatapointsToAlarm: 2 },
    ],
    [
      'writers are throttled',
      { MetricName: 'Throttles', Namespace: 'AWS/Lambda', Threshold: 1, DatapointsToAlarm: 2 },
    ],
    [
      'a chunk waits for long',
      { MetricName: 'ApproximateAgeOfOldestMessage', Namespace: 'AWS/SQS', Threshold: 1_800 },
    ],
    [
      'no tick runs',
      { MetricName: 'Invocations', ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'breaching' },
    ],
  ])('say that %s', (says, expected) => {
    expect(alarms.get(says)).toMatchObject(expected);
  });

  it('are these ten, and all but the silent planner’s are quiet while nothing is told', () => {
    expect(alarms.size).toBe(10);
    const quiet = [...alarms].filter(([, { TreatMissingData }]) => TreatMissingData === 'notBreaching');
    expect(quiet.map(([says]) => says)).toEqual([...alarms.keys()].filter((says) => says !== 'no tick runs'));
  });

  it('look at metrics that the functions emit, for this deployment', () => {
    const ours = [...alarms.values()].filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
    expect(ours).toHaveLength(3);
    for (const { MetricName, Dimensions } of ours) {
      expect(Object.keys(METRIC_UNITS)).toContain(MetricName);
      expect(Dimensions).toEqual([{ Name: METRIC_DIMENSION, Value: 'prod' }]);
    }
  });

  it('look at the functions and queues of this stack, each at the right one', () => {
    const targetOf = (says: string) => JSON.stringify(alarms.get(says)?.Dimensions);
    expect(targetOf('ticks fail')).toContain('SyncPlannerFunction');
    expect(targetOf('no tick runs')).toContain('SyncPlannerFunction');
    expect(targetOf('the writer fails')).toContain('SyncWriterFunction');
    expect(targetOf('chunks are in the dead-letter queue')).toContain('SyncChunkQueueDeadLetters');
    expect(targetOf('a chunk waits for long')).toMatch(/SyncChunkQueue(?!Dead)/);
    expect(targetOf('ticks are throttled')).toContain('SyncPlannerFunction');
    expect(targetOf('writers are throttled')).toContain('SyncWriterFunction');
  });

  it('look at one metric each: a sum has no value in a period in which a part of it has none', () => {
    for (const [says, { MetricName }] of alarms) expect(MetricName, says).toBeDefined();
  });

  it('call when they go off and when it is over, at one topic', () => {
    const topic = [{ Ref: expect.stringMatching(/^SyncAlarmTopic/) }];
    for (const [says, { AlarmActions, OKActions }] of alarms) {
      expect([AlarmActions, OKActions], says).toEqual([topic, topic]);
    }
  });

  it('call at a topic of yours, and make none then', () => {
    const other = templateOf((scope) => ({ alarmTopic: new Topic(scope, 'Mine') }));
    other.resourceCountIs('AWS::SNS::Topic', 1);
    for (const { AlarmActions } of alarmsOf(other).values()) {
      expect(AlarmActions).toEqual([{ Ref: expect.stringMatching(/^Mine/) }]);
    }
  });

  it('end in what to run, and each command of ours that they name is one', async () => {
    const known = async (command: string) => {
      let said = '';
      const stderr = {
        write(text: string) {
          said += text;
        },
      };
      const signal = new AbortController().signal;
      const world = { stdout: stderr, stderr, env: {}, cwd: '/', clock: systemClock, signal };
      await runCli([command, '--no-such-option'], world);
      return said.includes('nknown option');
    };
    for (const [says, { AlarmDescription }] of alarms) {
      const [, run = ''] = /Run: (.*)$/.exec(AlarmDescription) ?? [];
      expect(run, says).not.toBe('');
      const commands = [...run.matchAll(/lakeferry ([a-z]+)/g)].map(([, command]) => command as string);
      if (!run.startsWith('aws ')) expect(commands, says).not.toEqual([]);
      for (const command of commands) expect(await known(command), command).toBe(true);
      expect([...run.matchAll(/ --deployment prod/g)], says).toHaveLength(commands.length);
    }
    expect(await known('nothing')).toBe(false);
  });
});

describe('what a sync tells at its ticks', () => {
  /** Minutes that an alarm looks back, of which one bad period is enough. */
  function lookBack(says: string, schedule: string): number {
    const config = configWith({ schedule, maxLag: '31 days' });
    const {
      Period = 0,
      EvaluationPeriods,
      DatapointsToAlarm,
    } = alarmsOf(templateOf(() => ({ config }))).get(says) ?? never(says);
    if (says === 'a sync is halted') expect(DatapointsToAlarm).toBe(1);
    // What CloudWatch accepts.
    expect(Period * EvaluationPeriods).toBeLessThanOrEqual(Period < 3_600 ? 86_400 : 604_800);
    return (Period * EvaluationPeriods) / 60;
  }

  it.each([
    ['rate(1 minute)', 15],
    ['rate(1 hour)', 65],
    ['rate(12 hours)', 725],
    ['rate(1 day)', 1_500],
    ['cron(0 8 * * ? *)', 1_500],
    ['cron(0/5 * * * ? *)', 15],
    ['cron(0 8 ? * MON *)', 10_080],
    ['rate(30 days)', 10_080],
  ])('with %s is remembered until it tells again', (schedule, minutes) => {
    expect(lookBack('a sync is halted', schedule)).toBe(minutes);
  });

  it('is missed after three ticks did not run, and not before a quarter of an hour', () => {
    expect(lookBack('no tick runs', 'rate(1 minute)')).toBe(15);
    expect(lookBack('no tick runs', 'rate(1 hour)')).toBe(185);
    expect(lookBack('no tick runs', 'cron(0/10 * * * ? *)')).toBe(35);
    expect(lookBack('no tick runs', 'cron(0 8 * * ? *)')).toBe(4_380);
  });

  it.each(['cron(0 8 ? * MON *)', 'cron(0 8 1 * ? *)', 'rate(7 days)'])(
    'has no alarm for its silence with %s, which would go off between two ticks',
    (schedule) => {
      const alarms = alarmsOf(templateOf(() => ({ config: configWith({ schedule }) })));
      expect(alarms.has('no tick runs')).toBe(false);
      expect(alarms.size).toBe(9);
    },
  );
});

function never(says: string): never {
  throw new Error(`there is no alarm that says ${says}`);
}
