import { EventSourceMapping, type Function as LambdaFunction, RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { WRITER_TIMEOUT } from './limits.ts';
import { SyncFunction, type SyncServices } from './sync-function.ts';

/** What AWS allows as maximum concurrency of an SQS event source. */
const [MIN_CONCURRENCY, MAX_CONCURRENCY] = [2, 1_000];

/** What the event source does in the function's name. */
const EVENT_SOURCE_ACTIONS = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];

export interface WriterProps extends SyncServices {
  readonly config: LakeferryConfig;
}

/** Applies chunks, one message at a time, by as many functions at once as the syncs together allow. */
export class Writer extends Construct {
  readonly handler: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, { config, ...services }: WriterProps) {
    super(scope, id);
    const { handler, logGroup } = new SyncFunction(this, 'Writer', {
      ...services,
      entry: 'writer',
      description: 'applies chunks to Neon',
      timeout: WRITER_TIMEOUT,
      memorySize: 1_024,
      // A lane is a chain: each chunk's writer sends the next one to the queue that invoked it, and Lambda would put what
      // follows the sixteenth among the dead letters. A lane ends with its plan's slices.
      recursiveLoop: RecursiveLoop.ALLOW,
      checkpointActions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      queueActions: [...EVENT_SOURCE_ACTIONS, 'sqs:ChangeMessageVisibility', 'sqs:SendMessage'],
    });
    const writers = [...config.syncs.values()].reduce((sum, { maxWriters }) => sum + maxWriters, 0);
    new EventSourceMapping(this, 'Chunks', {
      target: handler,
      eventSourceArn: services.queue.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: Math.max(MIN_CONCURRENCY, Math.min(writers, MAX_CONCURRENCY)),
    });
    this.handler = handler;
    this.logGroup = logGroup;
  }
}
