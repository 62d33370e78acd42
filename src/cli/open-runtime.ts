import type { CliIo } from './io.ts';
import type { Runtime, RuntimeFlags } from './runtime.ts';

/** Finds the system that the flags name, and reads the configuration. */
export async function openRuntime(flags: RuntimeFlags, io: CliIo): Promise<Runtime> {
  // Loaded only here, each with what it talks to.
  if (flags.local) return (await import('./local-runtime.ts')).openLocalRuntime(flags, io);
  return (await import('./deployed-runtime.ts')).openDeployedRuntime(flags, io);
}
