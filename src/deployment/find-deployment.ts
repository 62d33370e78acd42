import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { type Deployment, deploymentParameter, parseDeployment } from '../config/deployment.ts';
import { SyncError } from '../error/sync-error.ts';
import { clientSettings } from './client-settings.ts';
import { controlPlaneError } from './control-plane-error.ts';
import { findCredentials } from './credentials.ts';
import { noRegion } from './no-region.ts';

export interface DeploymentSought {
  readonly name: string;
  /** The AWS SDK's own chain says when absent: `AWS_REGION`, then the profile's. */
  readonly region: string | undefined;
  /** The configuration, as a person named it. */
  readonly file: string;
}

/**
 * Reads what the stack of this name tells of itself. Throws `deployment_missing`, `environment_invalid` without a
 * region, `aws_unauthorized` or `aws_unavailable`.
 */
export async function findDeployment(
  { name, region: configured, file }: DeploymentSought,
  signal: AbortSignal,
): Promise<Deployment> {
  const ssm = new SSMClient(clientSettings(configured));
  try {
    const region = await ssm.config.region().catch(() => undefined);
    if (region === undefined) throw noRegion(file);
    const text = await readParameter(ssm, name, region, signal);
    return parse(text, name, region);
  } finally {
    ssm.destroy();
  }
}

async function readParameter(
  ssm: SSMClient,
  name: string,
  region: string,
  signal: AbortSignal,
): Promise<string> {
  const Name = deploymentParameter(name);
  try {
    await findCredentials(ssm);
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name }), { abortSignal: signal });
    return Parameter?.Value ?? '';
  } catch (thrown) {
    if (thrown instanceof ParameterNotFound) throw missing(name, region, thrown);
    const thing = { name: `the SSM parameter ${Name}`, region, right: 'ssm:GetParameter' };
    throw controlPlaneError(thrown, thing, signal);
  }
}

function missing(name: string, region: string, cause: unknown): SyncError {
  const parameter = deploymentParameter(name);
  return new SyncError(
    'deployment_missing',
    `There is no deployment "${name}" in ${region}: the SSM parameter ${parameter} is not there.`,
    {},
    { cause, remedy: 'npx cdk deploy, or name another: --deployment <name>, AWS_REGION, AWS_PROFILE' },
  );
}

function parse(text: string, name: string, region: string): Deployment {
  try {
    return parseDeployment(text);
  } catch (cause) {
    throw new SyncError(
      'deployment_missing',
      `The deployment "${name}" in ${region} was made by a version of Lakeferry that this one does not know.`,
      {},
      { cause, remedy: 'npx cdk deploy, or use the version of Lakeferry that deployed it' },
    );
  }
}
