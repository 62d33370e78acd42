import { resolve } from 'node:path';
import type { ComposedServices } from '../compose.ts';
import type { Connections } from '../config/connections.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { SyncError } from '../error/sync-error.ts';
import { DEMO_FOLDER, findStackInfo, localConnections, STACK_FOLDER } from '../local/stack-info.ts';
import { lineLog } from '../telemetry/line-log.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import { noMetrics } from '../telemetry/metrics.ts';
import type { CliIo } from './io.ts';
import { UsageError } from './usage-error.ts';

/** Where the stack of the folder that the command runs in keeps its data. */
export function stackFolder(io: CliIo): string {
  return resolve(io.cwd, STACK_FOLDER);
}

/** Throws `usage` for a command on the deployed stack, which is still to come. */
export function requireLocal(flags: { readonly local?: true }, command: string): void {
  if (flags.local) return;
  throw new UsageError(
    'The deployed stack cannot be operated from here yet.',
    `lakeferry ${command} --local`,
  );
}

/** Connections of the running local stack, or else of a demo that was kept. Throws `stack_down`. */
export async function openLocal(io: CliIo): Promise<Connections> {
  for (const folder of [STACK_FOLDER, DEMO_FOLDER]) {
    const info = await findStackInfo(resolve(io.cwd, folder));
    if (info) return localConnections(info);
  }
  throw new SyncError('stack_down', 'No local stack is running here.');
}

export async function withServices<T>(
  connections: Connections,
  io: CliIo,
  verbose: boolean,
  work: (services: ComposedServices) => Promise<T>,
): Promise<T> {
  const log: Log = verbose ? lineLog(io.stderr, { format: 'text', clock: io.clock }) : silentLog;
  // Loaded only here: the drivers take longer to load than a command that needs none takes to answer.
  const { compose } = await import('../compose.ts');
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
