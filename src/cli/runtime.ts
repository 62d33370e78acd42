import type { ComposableConnections, ComposedServices } from '../compose.ts';
import type { AwsConnection } from '../config/connections.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { RunOptions, RunResult } from '../sync/drive-syncs.ts';
import type { Services } from '../sync/services.ts';
import { lineLog } from '../telemetry/line-log.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import { noMetrics } from '../telemetry/metrics.ts';
import type { CliIo } from './io.ts';
import { UsageError } from './usage-error.ts';

/** What a command on a running system is told of which one. */
export interface RuntimeFlags {
  readonly config: string;
  readonly local?: true;
  readonly deployment?: string;
}

/** A database that a command looks into. */
export type Database = 'source' | 'target';

/** A running system: the local stack, or a deployed one. Commands do not know which. */
export interface Runtime {
  readonly config: LakeferryConfig;
  /** What it is, in words: `local stack`, or the deployment's name and its region. */
  readonly title: readonly string[];
  readonly aws: AwsConnection;
  /**
   * Connections to what the command needs. A database that it does not need, or that there is no way into from here,
   * has an error in its place.
   */
  connect(needs: readonly Database[]): Promise<ComposableConnections>;
  /** Has the planner tick, and follows what comes of it. */
  runSyncs(options: RunOptions & { readonly services: Services }): Promise<RunResult[]>;
}

export interface ServiceOptions {
  readonly needs: readonly Database[];
  /** Logs each step to stderr. */
  readonly verbose?: boolean;
}

export async function withServices<T>(
  runtime: Pick<Runtime, 'connect'>,
  { needs, verbose = false }: ServiceOptions,
  io: CliIo,
  work: (services: ComposedServices) => Promise<T>,
): Promise<T> {
  const log: Log = verbose ? lineLog(io.stderr, { format: 'text', clock: io.clock }) : silentLog;
  // Loaded only here: the drivers take longer to load than a command that needs none takes to answer.
  const [{ compose }, connections] = await Promise.all([import('../compose.ts'), runtime.connect(needs)]);
  const services = compose(connections, { clock: io.clock, log, metrics: noMetrics });
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}

/** The syncs that a command names; all of them when it names none. */
export function chooseSyncs(config: LakeferryConfig, names: readonly string[]): readonly SyncConfig[] {
  if (names.length === 0) return [...config.syncs.values()];
  return names.map((name) => {
    const sync = config.syncs.get(name);
    if (sync) return sync;
    throw new UsageError(
      `There is no sync "${name}" in the configuration.`,
      `one of: ${[...config.syncs.keys()].join(', ')}`,
    );
  });
}
