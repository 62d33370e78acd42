import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { WRITER_TIMEOUT } from './limits.ts';
import { SyncFunction, type SyncServices } from './sync-function.ts';

/** AWS allows no smaller maximum concurrency for an SQS event source. */
const MIN_CONCURRENCY = 2;

/** Applies chunks, one message at a time, by as many functions at once as the syncs together allow. */
export class Writer extends Construct {
  constructor(scope: Construct, id: string, services: SyncServices) {
    super(scope, id);
    const { handler } = new SyncFunction(this, 'Writer', {
      ...services,
      entry: 'writer.ts',
      timeout: WRITER_TIMEOUT,
      memorySize: 1_024,
    });
    const writers = [...services.config.syncs.values()].reduce((sum, { maxWriters }) => sum + maxWriters, 0);
    handler.addEventSource(
      new SqsEventSource(services.queue, {
        batchSize: 1,
        reportBatchItemFailures: true,
        maxConcurrency: Math.max(MIN_CONCURRENCY, Math.min(writers, 1_000)),
      }),
    );
  }
}
