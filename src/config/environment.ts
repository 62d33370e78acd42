import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { SyncError } from '../error/sync-error.ts';
import { CONFIG_FILE } from './config-file.ts';
import { readAws, readDatabricksAuth, readNeon, readWarehouse } from './connection-values.ts';
import type { AwsConnection, Connections } from './connections.ts';
import { type Environment, EnvironmentReader } from './environment-reader.ts';
import type { LakeferryConfig } from './lakeferry-config.ts';
import { parseConfig } from './parse-config.ts';
import { type FetchSecret, parseDatabricksSecret, parseNeonSecret } from './secret-value.ts';

/** What a deployed function is told by its environment. */
export interface LambdaEnvironment {
  readonly config: LakeferryConfig;
  readonly connections: Connections;
}

/**
 * `LAKEFERRY_CONFIG` is the configuration itself (a text that starts with `{`) or the path of its file. The way into
 * a database is the plain variables of src/config/operator-environment.ts when they are present, else the secret named by
 * `LAKEFERRY_DATABRICKS_SECRET` and `LAKEFERRY_NEON_SECRET`, else the one that the configuration names. Throws
 * ConfigError, or one EnvironmentError that names every variable at fault.
 */
export async function readLambdaEnvironment(
  env: Environment,
  fetchSecret: FetchSecret,
): Promise<LambdaEnvironment> {
  const reader = new EnvironmentReader(env, CONFIG_FILE);
  const configText = reader.required('LAKEFERRY_CONFIG');
  reader.check();
  const config = configText.startsWith('{')
    ? parseConfig(configText, 'LAKEFERRY_CONFIG')
    : fromFile(configText);
  const settings = config.connections;

  const warehouse = readWarehouse(reader, settings.databricks);
  const auth = readDatabricksAuth(reader);
  const database = readNeon(reader);
  const aws = readAws(reader, settings.aws);
  const authSecret = auth ? '' : secretId(reader, 'databricks', settings.databricks.secret);
  const neonSecret = database ? '' : secretId(reader, 'neon', settings.neon.secret);
  reader.check();

  const [fetchedAuth, neon] = await Promise.all([
    auth ?? fetchSecret(authSecret).then((value) => parseDatabricksSecret(authSecret, value)),
    database ?? fetchSecret(neonSecret).then((value) => parseNeonSecret(neonSecret, value)),
  ]);
  return { config, connections: { databricks: { ...warehouse, auth: fetchedAuth }, neon, aws } };
}

/** The part that no secret is read for. Throws EnvironmentError. */
export function readAwsEnvironment(env: Environment): AwsConnection {
  const reader = new EnvironmentReader(env, CONFIG_FILE);
  const aws = readAws(reader, {});
  reader.check();
  return aws;
}

function secretId(
  reader: EnvironmentReader,
  connection: 'databricks' | 'neon',
  configured: string | undefined,
): string {
  const setting = `connections.${connection}.secret`;
  return reader.required(`LAKEFERRY_${connection.toUpperCase()}_SECRET`, { value: configured, setting });
}

function fromFile(path: string): LakeferryConfig {
  const file = basename(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const message = `Could not read ${file}, which LAKEFERRY_CONFIG names.`;
    throw new SyncError('config_missing', message, { file }, { cause });
  }
  return parseConfig(text, file);
}
