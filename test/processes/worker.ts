import { setTimeout as wait } from 'node:timers/promises';
import { plannerHandler } from '../../lambdas/planner.ts';
import type { Runtime } from '../../lambdas/runtime.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { compose } from '../../src/compose.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import type { WorkerOrders } from './worker-orders.ts';

/**
 * A process with the planner and the writers of all syncs, which goes on until it is killed. It says `planned` and
 * `written` on stdout as it goes.
 */
const { connections, syncs, aheadMs } = JSON.parse(process.argv[2] ?? '') as WorkerOrders;
const TIMEOUT_MS = 60_000;
const BETWEEN_TICKS_MS = 100;
const VISIBILITY_SECONDS = 2;

const clock = { now: () => Date.now() + aheadMs };
const services = compose(connections, { clock, log: silentLog, metrics: noMetrics });
const runtime = async (): Promise<Runtime> => ({
  config: {
    connections: {},
    syncs: new Map(syncs.map((sync) => [sync.name, sync])),
  } as unknown as Runtime['config'],
  services,
});

const write = writerHandler(runtime);
pumpQueue({
  aws: {
    sqs: connections.aws.local?.sqs ?? '',
    region: connections.aws.region,
    credentials: LOCAL_AWS_CREDENTIALS,
  },
  queueUrl: connections.aws.chunkQueueUrl,
  handler: async (event, context) => {
    console.log('written');
    return write(event, context);
  },
  visibilityTimeoutSeconds: VISIBILITY_SECONDS,
  signal: new AbortController().signal,
});

const plan = plannerHandler(runtime);
for (;;) {
  for (const { name } of syncs) {
    console.log('planned');
    // What a planner throws, a later tick mends.
    await plan({ sync: name }, createLambdaContext('planner', TIMEOUT_MS)).catch(() => undefined);
  }
  await wait(BETWEEN_TICKS_MS);
}
