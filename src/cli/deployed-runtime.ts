import { DEFAULT_DEPLOYMENT, DEPLOYMENT_NAME, type Deployment } from '../config/deployment.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import { readOperatorDatabricks, readOperatorNeon } from '../config/operator-environment.ts';
import { findDeployment } from '../deployment/find-deployment.ts';
import { openPlanner } from '../deployment/invoke-planner.ts';
import { secretsManager } from '../deployment/secrets.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import { driveSyncs } from '../sync/drive-syncs.ts';
import type { CliIo } from './io.ts';
import { readConfigOption } from './options.ts';
import type { Database, Runtime, RuntimeFlags } from './runtime.ts';
import { UsageError } from './usage-error.ts';

const POLL_MS = 500;

/**
 * The deployment that `--deployment` names, else LAKEFERRY_DEPLOYMENT, else the one of the default name; in the region
 * of lakeferry.yaml, as `cdk deploy` puts it there, else the one that the AWS SDK finds.
 */
export async function openDeployment(
  flags: RuntimeFlags,
  io: CliIo,
): Promise<{ readonly config: LakeferryConfig; readonly deployment: Deployment }> {
  const config = await readConfigOption(flags, io);
  const name = flags.deployment ?? (io.env['LAKEFERRY_DEPLOYMENT']?.trim() || DEFAULT_DEPLOYMENT);
  if (!DEPLOYMENT_NAME.test(name)) {
    throw new UsageError(
      `"${name}" is no name of a deployment: those are 1 to 40 of letters, digits, "-" and "_".`,
      '--deployment <name>',
    );
  }
  const deployment = await findDeployment({ name, region: config.connections.aws.region }, io.signal);
  return { config, deployment };
}

export async function openDeployedRuntime(flags: RuntimeFlags, io: CliIo): Promise<Runtime> {
  const { config, deployment } = await openDeployment(flags, io);
  const { name, region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl, plannerFunction } = deployment;
  const aws = { region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl };
  const fetchSecret = secretsManager(region, io.signal);
  return {
    config,
    title: [name, region],
    aws,
    async connect(needs) {
      const { databricks, neon } = config.connections;
      const [source, target] = await Promise.all([
        wayInto('source', needs, () => readOperatorDatabricks(io.env, databricks, fetchSecret)),
        wayInto('target', needs, () => readOperatorNeon(io.env, neon, fetchSecret)),
      ]);
      return { databricks: source, neon: target, aws };
    },
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

/** What cannot be opened is an error of the calls that need it, and no others. */
async function wayInto<T>(
  database: Database,
  needs: readonly Database[],
  open: () => Promise<T>,
): Promise<T | SyncError> {
  if (!needs.includes(database))
    return new SyncError('internal', `The command has no use for the ${database}.`);
  return open().catch((thrown: unknown) => asSyncError(thrown));
}
