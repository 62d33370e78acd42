import { readAws, readDatabricksAuth, readNeon, readWarehouse } from './connection-values.ts';
import type { Connections } from './connections.ts';
import { type Environment, EnvironmentReader } from './environment.ts';
import type { LakeferryConfig } from './lakeferry-config.ts';

/**
 * Connections of a command on a person's machine: the environment, and for what is no secret lakeferry.yaml after
 * it. Throws one EnvironmentError that names every variable at fault.
 *
 * - `DATABRICKS_HOST`, `DATABRICKS_HTTP_PATH`, and `DATABRICKS_TOKEN` or `DATABRICKS_CLIENT_ID` with
 *   `DATABRICKS_CLIENT_SECRET`
 * - `NEON_URL`, and `NEON_DIRECT_URL` where that is a pooled host
 * - `AWS_REGION`, `LAKEFERRY_CHECKPOINT_TABLE`, `LAKEFERRY_CHUNK_QUEUE_URL`, `LAKEFERRY_DEAD_LETTER_QUEUE_URL`
 */
export function readConnections(env: Environment, config: Pick<LakeferryConfig, 'connections'>): Connections {
  const reader = new EnvironmentReader(env);
  const warehouse = readWarehouse(reader, config.connections.databricks);
  const auth = readDatabricksAuth(reader);
  if (!auth) {
    reader.problem(
      'DATABRICKS_TOKEN',
      'not in the environment, nor DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET',
    );
  }
  const neon = readNeon(reader);
  if (!neon) reader.required('NEON_URL');
  const aws = readAws(reader, config.connections.aws);
  reader.check();
  if (!auth || !neon) throw new TypeError('a missing connection passed the check');
  return { databricks: { ...warehouse, auth }, neon, aws };
}
