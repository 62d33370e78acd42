import { SyncError } from '../error/sync-error.ts';
import { EnvironmentError, type EnvironmentProblem } from './config-error.ts';
import { readDatabricksAuth, readNeon, readWarehouse } from './connection-values.ts';
import type { DatabricksConnection, NeonConnection } from './connections.ts';
import { type Environment, EnvironmentReader } from './environment-reader.ts';
import type { ConnectionSettings } from './lakeferry-config.ts';
import { type FetchSecret, parseDatabricksSecret, parseNeonSecret } from './secret-value.ts';

/**
 * The databases of a command on a person's machine, each on its own, so that one may be looked at without the other.
 * First the environment, for what is no secret lakeferry.yaml after it, and for what is one the secret that
 * lakeferry.yaml names. Both throw one EnvironmentError that names every place looked in, the configuration as `file`.
 */

/** `DATABRICKS_HOST`, `DATABRICKS_HTTP_PATH`, and `DATABRICKS_TOKEN` or `DATABRICKS_CLIENT_ID` with `DATABRICKS_CLIENT_SECRET`. */
export async function readOperatorDatabricks(
  env: Environment,
  settings: ConnectionSettings['databricks'],
  fetchSecret: FetchSecret,
  file: string,
): Promise<DatabricksConnection> {
  const reader = new EnvironmentReader(env, file);
  const warehouse = readWarehouse(reader, settings);
  const plain = readDatabricksAuth(reader);
  if (!plain && settings.secret === undefined) {
    reader.problem('DATABRICKS_TOKEN', noSecret('nor DATABRICKS_CLIENT_ID, ', 'databricks', file));
  }
  reader.check();
  const auth =
    plain ??
    (await fromSecret('DATABRICKS_TOKEN', settings.secret, file, async (secret) =>
      parseDatabricksSecret(secret, await fetchSecret(secret)),
    ));
  return { ...warehouse, auth };
}

/** `NEON_URL`, and `NEON_DIRECT_URL` where that is a pooled host. */
export async function readOperatorNeon(
  env: Environment,
  settings: ConnectionSettings['neon'],
  fetchSecret: FetchSecret,
  file: string,
): Promise<NeonConnection> {
  const reader = new EnvironmentReader(env, file);
  const plain = readNeon(reader);
  if (!plain && settings.secret === undefined) reader.problem('NEON_URL', noSecret('', 'neon', file));
  reader.check();
  return (
    plain ??
    fromSecret('NEON_URL', settings.secret, file, async (secret) =>
      parseNeonSecret(secret, await fetchSecret(secret)),
    )
  );
}

function noSecret(others: string, connection: keyof ConnectionSettings, file: string): string {
  return `not in the environment, ${others}and connections.${connection}.secret of ${file} is not set`;
}

async function fromSecret<T>(
  variable: string,
  secret: string | undefined,
  file: string,
  read: (secret: string) => Promise<T>,
): Promise<T> {
  if (secret === undefined) throw new SyncError('internal', `${variable} has no secret.`);
  try {
    return await read(secret);
  } catch (thrown) {
    if (!(thrown instanceof EnvironmentError)) throw thrown;
    const problems = thrown.problems.map(
      (problem): EnvironmentProblem => ({
        variable,
        message: `not in the environment, and ${problem.variable} of ${file}: ${problem.message}`,
      }),
    );
    throw new EnvironmentError(problems, { cause: thrown, remedy: thrown.remedy });
  }
}
