import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';

export interface SchedulesProps {
  readonly config: LakeferryConfig;
  readonly planner: IFunction;
}

/** One schedule per sync: each ticks the planner with its name. A tick that fails is not tried again: the next one comes. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { config, planner }: SchedulesProps) {
    super(scope, id);
    for (const { name, schedule } of config.syncs.values()) {
      new Schedule(this, name, {
        description: `Lakeferry: tick of the sync ${name}`,
        schedule: ScheduleExpression.expression(schedule),
        target: new LambdaInvoke(planner, {
          input: ScheduleTargetInput.fromObject({ sync: name }),
          retryAttempts: 0,
          maxEventAge: Duration.minutes(1),
        }),
      });
    }
  }
}
