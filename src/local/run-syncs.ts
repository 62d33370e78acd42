import { plannerAnswer, plannerHandler } from '../../lambdas/planner.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { type AwsConnection, LOCAL_AWS_CREDENTIALS } from '../config/connections.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import { SyncError } from '../error/sync-error.ts';
import { driveSyncs, type RunOptions, type RunResult } from '../sync/drive-syncs.ts';
import type { Services } from '../sync/services.ts';
import { createLambdaContext } from './lambda-context.ts';
import { pumpQueue } from './queue-pump.ts';

export interface LocalRunOptions extends RunOptions {
  readonly config: LakeferryConfig;
  readonly services: Services;
  readonly aws: AwsConnection;
}

const POLL_MS = 25;
const PLANNER_TIMEOUT_MS = 5 * 60_000;

/** Runs planner and writers as EventBridge and SQS would, in this process, on the handlers that are deployed. */
export async function runSyncs(options: LocalRunOptions): Promise<RunResult[]> {
  const { config, services, aws, syncs } = options;
  if (!aws.local) throw new SyncError('internal', 'Only the local stack can be run in this process.');
  const runtime = async () => ({ config, services });
  const stop = new AbortController();
  const pump = pumpQueue({
    aws: { sqs: aws.local.sqs, region: aws.region, credentials: LOCAL_AWS_CREDENTIALS },
    queueUrl: aws.chunkQueueUrl,
    handler: writerHandler(runtime),
    concurrency: Math.max(...syncs.map(({ maxWriters }) => maxWriters)),
    signal: stop.signal,
    log: services.log,
  });
  const planner = plannerHandler(runtime);
  try {
    return await driveSyncs(options, {
      async tick(sync, { byPerson, retryRejected }) {
        const event = { sync, byPerson, retryRejected };
        const ticked = await planner(event, createLambdaContext('planner', PLANNER_TIMEOUT_MS));
        return plannerAnswer(ticked);
      },
      pollMs: POLL_MS,
      watchQueue() {
        let empty = false;
        pump.idle().then(
          () => {
            empty = true;
          },
          () => {},
        );
        return () => empty;
      },
    });
  } finally {
    stop.abort();
    await pump.stopped;
  }
}
