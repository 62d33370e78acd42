import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { beforeAll, describe, expect, it } from 'vitest';
import { Lakeferry } from '../../infra/lakeferry.ts';
import { CONFIG, configWith, quickApp, resourcesOf } from './synthesized.ts';

/** What CloudFormation or CloudWatch would refuse, or mix up, if two of one account bore it. */
const NAMED: Readonly<Record<string, string>> = {
  'AWS::SQS::Queue': 'QueueName',
  'AWS::Scheduler::ScheduleGroup': 'Name',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
  'AWS::Logs::QueryDefinition': 'Name',
  'AWS::SSM::Parameter': 'Name',
};

describe('the construct in a stack of yours, twice in one app', () => {
  let templates: Template[];
  let deployments: string[];

  beforeAll(() => {
    const app = quickApp();
    const [first, second] = [new Stack(app, 'Shop'), new Stack(app, 'Office')];
    const topic = new Topic(first, 'OnCall');
    const made = [
      new Lakeferry(first, 'Sync', { config: CONFIG, alarmTopic: topic }),
      new Lakeferry(second, 'Sync', { config: configWith({ schedule: 'rate(1 hour)' }) }),
      new Lakeferry(second, 'OtherSync', { config: CONFIG }),
    ];
    deployments = made.map(({ deployment }) => deployment.name);
    templates = [first, second].map((stack) => Template.fromStack(stack));
  });

  it('has a name of its own each time, from where it stands', () => {
    expect(deployments).toEqual([
      expect.stringMatching(/^Shop-Sync-[0-9A-F]{8}$/),
      expect.stringMatching(/^Office-Sync-[0-9A-F]{8}$/),
      expect.stringMatching(/^Office-OtherSync-[0-9A-F]{8}$/),
    ]);
  });

  it('shares no name of anything with another', () => {
    for (const [type, property] of Object.entries(NAMED)) {
      const names = templates.flatMap((template) =>
        resourcesOf(template, type).map(([, properties]) => JSON.stringify(properties[property])),
      );
      expect(names.length, type).toBeGreaterThanOrEqual(3);
      expect(new Set(names).size, type).toBe(names.length);
    }
  });

  it('counts into metrics of its own', () => {
    const services = templates.flatMap((template) =>
      resourcesOf(template, 'AWS::Lambda::Function').map(
        ([, { Environment }]) =>
          (Environment as { Variables: Record<string, unknown> }).Variables['POWERTOOLS_SERVICE_NAME'],
      ),
    );
    expect(new Set(services)).toEqual(new Set(deployments));
  });

  it('lets you grant and subscribe with what it gives', () => {
    const app = quickApp();
    const stack = new Stack(app, 'Mine');
    const { alarmTopic, parameter, deployment } = new Lakeferry(stack, 'Sync', {
      config: CONFIG,
      name: 'mine',
    });
    expect(parameter.parameterName).toBeDefined();
    expect(alarmTopic.topicArn).toBe(deployment.alarmTopicArn);
  });
});
