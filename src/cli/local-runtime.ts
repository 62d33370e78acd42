import { resolve } from 'node:path';
import type { Connections } from '../config/connections.ts';
import { SyncError } from '../error/sync-error.ts';
import { DEMO_FOLDER, findStackInfo, localConnections, STACK_FOLDER } from '../local/stack-info.ts';
import type { CliIo } from './io.ts';
import { readConfigOption } from './options.ts';
import type { Runtime, RuntimeFlags } from './runtime.ts';

/** Where the stack of the folder that the command runs in keeps its data. */
export function stackFolder(io: CliIo): string {
  return resolve(io.cwd, STACK_FOLDER);
}

/** Connections of the running local stack, or else of a demo that was kept. Throws `stack_down`. */
export async function openLocal(io: CliIo): Promise<Connections> {
  for (const folder of [STACK_FOLDER, DEMO_FOLDER]) {
    const info = await findStackInfo(resolve(io.cwd, folder));
    if (info) return localConnections(info);
  }
  throw new SyncError('stack_down', 'No local stack is running here.');
}

export async function openLocalRuntime(flags: RuntimeFlags, io: CliIo): Promise<Runtime> {
  const config = await readConfigOption(flags, io);
  const connections = await openLocal(io);
  const { aws } = connections;
  return {
    config,
    title: ['local stack'],
    aws,
    connect: async () => connections,
    async runSyncs(options) {
      // Loaded only here: the handlers of the functions and their libraries are no matter of the other commands.
      const { runSyncs } = await import('../local/run-syncs.ts');
      return runSyncs({ ...options, config, aws });
    },
  };
}
