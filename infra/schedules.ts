import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  type IScheduleTarget,
  Schedule,
  ScheduleExpression,
  ScheduleGroup,
  ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { CONTINUOUS } from '../src/config/schedule.ts';

export interface SchedulesProps {
  /** Name of the deployment. */
  readonly name: string;
  readonly config: LakeferryConfig;
  readonly planner: IFunction;
}

/**
 * One schedule per sync and of its name, in a group of their own: each ticks the planner. A tick that fails is not
 * tried again: the next one comes.
 */
export class Schedules extends Construct {
  readonly group: ScheduleGroup;

  constructor(scope: Construct, id: string, { name, config, planner }: SchedulesProps) {
    super(scope, id);
    this.group = new ScheduleGroup(this, 'Group', {
      scheduleGroupName: groupName(name),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.#roleFor(planner);
    for (const { name: sync, schedule } of config.syncs.values()) {
      const continuous = schedule === CONTINUOUS;
      new Schedule(this, sync, {
        scheduleName: sync,
        scheduleGroup: this.group,
        description: `Lakeferry ${name}: tick of the sync ${sync}`,
        schedule: ScheduleExpression.expression(continuous ? 'rate(1 minute)' : schedule),
        target: tickOf(planner, role, continuous ? { sync, continuous } : { sync }),
      });
    }
  }

  /** May call the planner and nothing else; taken on by this group's schedules alone. */
  #roleFor(planner: IFunction): Role {
    const { account } = Stack.of(this);
    const conditions = {
      StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': this.group.scheduleGroupArn },
    };
    const call = new PolicyStatement({
      actions: ['lambda:InvokeFunction'],
      resources: [planner.functionArn],
    });
    return new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', { conditions }),
      inlinePolicies: { tick: new PolicyDocument({ statements: [call] }) },
    });
  }
}

/** Of the group's schedules. With a prefix: every account has a group `default`, and others may have one of a plain name. */
export function groupName(deployment: string): string {
  return `lakeferry-${deployment}`;
}

function tickOf(planner: IFunction, role: Role, event: object): IScheduleTarget {
  return {
    bind: () => ({
      arn: planner.functionArn,
      role,
      input: ScheduleTargetInput.fromObject(event),
      retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: Duration.minutes(1).toSeconds() },
    }),
  };
}
