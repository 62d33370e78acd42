import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { PLANNER_TIMEOUT } from './limits.ts';
import { SyncFunction, type SyncServices } from './sync-function.ts';

/** Looks at the source, plans, and sends chunks. */
export class Planner extends Construct {
  readonly handler: IFunction;

  constructor(scope: Construct, id: string, services: SyncServices) {
    super(scope, id);
    const { handler } = new SyncFunction(this, 'Planner', {
      ...services,
      entry: 'planner.ts',
      timeout: PLANNER_TIMEOUT,
      memorySize: 512,
    });
    services.queue.grantSendMessages(handler);
    this.handler = handler;
  }
}
