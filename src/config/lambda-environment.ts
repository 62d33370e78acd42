import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { SyncError } from '../error/sync-error.ts';
import { readAws, readDatabricksAuth, readNeon, readWarehouse } from './connection-values.ts';
import type { AwsConnection, DatabricksConnection, NeonConnection } from './connections.ts';
import { type Environment, EnvironmentReader } from './environment.ts';
import type { LakeferryConfig } from './lakeferry-config.ts';
import { parseConfig } from './parse-config.ts';

/** A secret of AWS Secrets Manager, to be fetched and then parsed by secret-value.ts. */
export interface SecretReference {
  readonly kind: 'secret';
  /** Name or ARN. */
  readonly secretId: string;
}

/** What a deployed function is told by its environment. */
export interface LambdaEnvironment {
  readonly config: LakeferryConfig;
  readonly databricks: Omit<DatabricksConnection, 'auth'> & {
    readonly auth: DatabricksConnection['auth'] | SecretReference;
  };
  readonly neon: NeonConnection | SecretReference;
  readonly aws: AwsConnection;
}

/**
 * `LAKEFERRY_CONFIG` is the configuration itself (a text that starts with `{`) or the path of its file. The way into
 * a database is the plain variables of `readConnections` when they are present, else the secret named by
 * `LAKEFERRY_DATABRICKS_SECRET` and `LAKEFERRY_NEON_SECRET`, else the one that the configuration names. Throws
 * ConfigError, or one EnvironmentError that names every variable at fault.
 */
export function readLambdaEnvironment(env: Environment): LambdaEnvironment {
  const reader = new EnvironmentReader(env);
  const configText = reader.required('LAKEFERRY_CONFIG');
  if (configText === '') reader.check();
  const config = configText.startsWith('{')
    ? parseConfig(configText, 'LAKEFERRY_CONFIG')
    : fromFile(configText);
  const { databricks, neon, aws } = config.connections;

  const warehouse = readWarehouse(reader, databricks);
  const auth =
    readDatabricksAuth(reader) ??
    secretOf(reader, 'LAKEFERRY_DATABRICKS_SECRET', 'databricks', databricks.secret);
  const database = readNeon(reader) ?? secretOf(reader, 'LAKEFERRY_NEON_SECRET', 'neon', neon.secret);
  const services = readAws(reader, aws);
  reader.check();
  return { config, databricks: { ...warehouse, auth }, neon: database, aws: services };
}

function secretOf(
  reader: EnvironmentReader,
  variable: string,
  connection: string,
  configured: string | undefined,
): SecretReference {
  const place = `connections.${connection}.secret of lakeferry.yaml`;
  return { kind: 'secret', secretId: reader.required(variable, { value: configured, place }) };
}

function fromFile(path: string): LakeferryConfig {
  const file = basename(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SyncError(
      'config_missing',
      `Could not read ${file}, which LAKEFERRY_CONFIG names.`,
      { file },
      { cause },
    );
  }
  return parseConfig(text, file);
}
