import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { compose } from '../src/compose.ts';
import { readLambdaEnvironment } from '../src/config/environment.ts';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import type { Services } from '../src/sync/services.ts';
import { systemClock } from '../src/telemetry/clock.ts';
import { powertoolsLog } from '../src/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../src/telemetry/powertools-metrics.ts';

/** What a handler works with: the file's syncs, and the services behind them. */
export interface Runtime {
  readonly config: LakeferryConfig;
  readonly services: Services;
}

export const logger = new Logger({ serviceName: 'lakeferry' });
export const metrics = new Metrics({ namespace: 'Lakeferry', serviceName: 'lakeferry' });

/**
 * Stops a function's work `ms` before Lambda stops the function: its signal aborts then, and what is left of the time
 * is for its clean-up. The function's own answer stands. The one that middy would give by itself comes at the abort,
 * and Lambda would freeze the sandbox in the middle of the clean-up.
 */
export function stopsEarly(ms: number) {
  return { timeoutEarlyInMillis: ms, timeoutEarlyResponse: () => new Promise<never>(() => {}) };
}

let runtime: Promise<Runtime> | undefined;

/** Made once per sandbox, at the first invocation. */
export function environmentRuntime(): Promise<Runtime> {
  runtime ??= readLambdaEnvironment(process.env).then(({ config, connections }) => ({
    config,
    services: compose(connections, {
      clock: systemClock,
      log: powertoolsLog(logger),
      metrics: powertoolsMetrics(metrics),
    }),
  }));
  runtime.catch(() => {
    runtime = undefined;
  });
  return runtime;
}
