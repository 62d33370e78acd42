import type { Deployment } from '../config/deployment.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import { parseConfig } from '../config/parse-config.ts';
import { openPlanner } from '../deployment/invoke-planner.ts';
import { SyncError } from '../error/sync-error.ts';
import { driveSyncs } from '../sync/drive-syncs.ts';
import type { CliIo } from './io.ts';
import { readConfigOptionText } from './options.ts';
import { noteOtherConfig } from './other-config.ts';
import type { Runtime, RuntimeFlags } from './runtime.ts';
import { openSurroundings, type Surroundings } from './surroundings.ts';

const POLL_MS = 500;

/**
 * The deployment that `--deployment` names, else LAKEFERRY_DEPLOYMENT, else the one of the default name; in the region
 * of lakeferry.yaml, as `cdk deploy` puts it there, else the one that the AWS SDK finds.
 */
export async function openDeployment(
  flags: RuntimeFlags,
  io: CliIo,
): Promise<{
  readonly config: LakeferryConfig;
  readonly deployment: Deployment;
  readonly surroundings: Surroundings;
}> {
  const text = await readConfigOptionText(flags, io);
  const config = parseConfig(text, flags.config);
  const surroundings = await openSurroundings(config.connections, flags, io);
  const { deployment } = surroundings;
  if (deployment === undefined) throw new SyncError('internal', 'The local stack is no deployment.');
  if (deployment instanceof SyncError) throw deployment;
  noteOtherConfig(deployment, text, flags, io);
  return { config, deployment, surroundings };
}

export async function openDeployedRuntime(flags: RuntimeFlags, io: CliIo): Promise<Runtime> {
  const { config, deployment, surroundings } = await openDeployment(flags, io);
  const { region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl, plannerFunction } = deployment;
  return {
    config,
    title: surroundings.title,
    aws: { region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl },
    connect: surroundings.connect,
    async runSyncs(options) {
      const planner = openPlanner({ region, functionName: plannerFunction });
      try {
        return await driveSyncs(options, {
          tick: (sync, tick) => planner.tick({ sync, ...tick }, options.signal),
          pollMs: POLL_MS,
        });
      } finally {
        planner.close();
      }
    },
  };
}
