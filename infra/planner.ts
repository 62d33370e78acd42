import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { PLANNER_TIMEOUT } from './limits.ts';
import { SyncFunction, type SyncServices } from './sync-function.ts';

/** Looks at the source, plans, and sends chunks. */
export class Planner extends Construct {
  readonly handler: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, services: SyncServices) {
    super(scope, id);
    const { handler, logGroup } = new SyncFunction(this, 'Planner', {
      ...services,
      entry: 'planner',
      description: 'looks for new commits, plans, and sends chunks',
      timeout: PLANNER_TIMEOUT,
      memorySize: 512,
      checkpointActions: ['dynamodb:GetItem', 'dynamodb:PutItem'],
      queueActions: ['sqs:SendMessage'],
    });
    // A tick that fails is not tried again: the next one comes.
    handler.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    this.handler = handler;
    this.logGroup = logGroup;
  }
}
