import type { ComposableConnections } from '../compose.ts';
import type { AwsConnection } from '../config/connections.ts';
import { DEFAULT_DEPLOYMENT, DEPLOYMENT_NAME, type Deployment } from '../config/deployment.ts';
import type { ConnectionSettings } from '../config/lakeferry-config.ts';
import { readOperatorDatabricks, readOperatorNeon } from '../config/operator-environment.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { CliIo } from './io.ts';
import type { Database, RuntimeFlags } from './runtime.ts';
import { UsageError } from './usage-error.ts';

/** The two databases and, where one is there, the deployed stack: before a deployment there is no more than those. */
export interface Surroundings {
  /** What it is, in words: `local stack`, or the deployment's name and its region. */
  readonly title: readonly string[];
  /** Undefined on the local stack; an error where none is deployed, or where it could not be asked. */
  readonly deployment: Deployment | SyncError | undefined;
  readonly aws: AwsConnection | SyncError;
  /**
   * Connections to what the command needs. What it does not need, or what there is no way into from here, has an error
   * in its place.
   */
  connect(needs: readonly Database[]): Promise<ComposableConnections>;
}

/** Throws `stack_down` with `--local`, and `usage` for a deployment's name that cannot be one. */
export async function openSurroundings(
  connections: ConnectionSettings,
  flags: RuntimeFlags,
  io: CliIo,
): Promise<Surroundings> {
  if (flags.local) {
    // Loaded only here, as in openRuntime.
    const local = await (await import('./local-runtime.ts')).openLocal(io);
    return {
      title: ['local stack'],
      deployment: undefined,
      aws: local.aws,
      connect: async () => local,
    };
  }
  const name = deploymentName(flags, io);
  // Loaded only here: the AWS SDK takes longer to load than the local stack takes to answer.
  const { findDeployment } = await import('../deployment/find-deployment.ts');
  const { secretsManager } = await import('../deployment/secrets.ts');
  const sought = { name, region: connections.aws.region, file: flags.config };
  const deployment = await findDeployment(sought, io.signal).catch((thrown: unknown) => asSyncError(thrown));
  const found = deployment instanceof SyncError ? undefined : deployment;
  const region = found?.region ?? connections.aws.region;
  const aws = deployment instanceof SyncError ? deployment : awsOf(deployment);
  return {
    title: [name, ...(region === undefined ? [] : [region])],
    deployment,
    aws,
    async connect(needs) {
      const fetchSecret = secretsManager(region, flags.config, io.signal);
      const { databricks, neon } = connections;
      const [source, target] = await Promise.all([
        wayInto('source', needs, () => readOperatorDatabricks(io.env, databricks, fetchSecret, flags.config)),
        wayInto('target', needs, () => readOperatorNeon(io.env, neon, fetchSecret, flags.config)),
      ]);
      return { databricks: source, neon: target, aws };
    },
  };
}

/** What `--deployment` names, else LAKEFERRY_DEPLOYMENT, else the default name. */
function deploymentName(flags: RuntimeFlags, io: CliIo): string {
  const name = flags.deployment ?? (io.env['LAKEFERRY_DEPLOYMENT']?.trim() || DEFAULT_DEPLOYMENT);
  if (DEPLOYMENT_NAME.test(name)) return name;
  throw new UsageError(
    `"${name}" is no name of a deployment: those are 1 to 40 of letters, digits and "-".`,
    '--deployment <name>',
  );
}

function awsOf({ region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl }: Deployment): AwsConnection {
  return { region, checkpointTable, chunkQueueUrl, deadLetterQueueUrl };
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
