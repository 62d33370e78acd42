import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { compose, composeQueue } from '../src/compose.ts';
import { CONFIG_FILE } from '../src/config/config-file.ts';
import {
  type LambdaEnvironment,
  readAwsEnvironment,
  readLambdaEnvironment,
} from '../src/config/environment.ts';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { secretsManager } from '../src/deployment/secrets.ts';
import type { ChunkQueue } from '../src/queue/queue.ts';
import type { Services } from '../src/sync/services.ts';
import { systemClock } from '../src/telemetry/clock.ts';
import { METRIC_NAMESPACE } from '../src/telemetry/metric-names.ts';
import { powertoolsLog } from '../src/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../src/telemetry/powertools-metrics.ts';
import { type Ends, renewedServices } from './renewed-services.ts';

/** For the way into both databases; an invocation that cannot have it fails, and comes again. */
const SECRETS_TIMEOUT_MS = 20_000;

/** What a handler works with: the file's syncs, and the services behind them. */
export interface Runtime {
  readonly config: LakeferryConfig;
  readonly services: Services;
}

/** Both take the deployment's name from POWERTOOLS_SERVICE_NAME. */
export const logger = new Logger();
export const metrics = new Metrics({ namespace: METRIC_NAMESPACE });

/**
 * Stops a function's work `ms` before Lambda stops the function: its signal aborts then, and what is left of the time
 * is for its clean-up. The function's own answer stands. The one that middy would give by itself comes at the abort,
 * and Lambda would freeze the sandbox in the middle of the clean-up.
 */
export function stopsEarly(ms: number) {
  return { timeoutEarlyInMillis: ms, timeoutEarlyResponse: () => new Promise<never>(() => {}) };
}

const TELEMETRY = {
  clock: systemClock,
  log: powertoolsLog(logger),
  metrics: powertoolsMetrics(metrics),
};

/** `readEnvironment` is asked again when a database refuses the secrets that it gave: it must not remember them. */
export async function openRuntime(readEnvironment: () => Promise<LambdaEnvironment>): Promise<Runtime> {
  const { config, connections } = await readEnvironment();
  const open = async (): Promise<Ends> => {
    const { source, target, checkpoints, queue } = compose((await readEnvironment()).connections, TELEMETRY);
    checkpoints.close();
    queue.close();
    return { source, target };
  };
  return { config, services: renewedServices(compose(connections, TELEMETRY), open) };
}

function readEnvironment(): Promise<LambdaEnvironment> {
  const signal = AbortSignal.timeout(SECRETS_TIMEOUT_MS);
  return readLambdaEnvironment(process.env, secretsManager(undefined, CONFIG_FILE, signal));
}

let runtime: Promise<Runtime> | undefined;

/** Made once per sandbox, at the first invocation. */
export function environmentRuntime(): Promise<Runtime> {
  runtime ??= openRuntime(readEnvironment);
  runtime.catch(() => {
    runtime = undefined;
  });
  return runtime;
}

/** The chunk queue alone: it is to be had where the secrets are not. */
export function environmentQueue(): ChunkQueue {
  return composeQueue(readAwsEnvironment(process.env));
}
