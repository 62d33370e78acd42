import { concealAuth, concealNeon } from './concealed.ts';
import type { AwsConnection, DatabricksConnection, NeonConnection } from './connections.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import type { ConnectionSettings } from './lakeferry-config.ts';
import { parseWarehouseHost } from './warehouse-host.ts';

/** What is needed to reach the warehouse beside the way in. */
export function readWarehouse(
  reader: EnvironmentReader,
  settings: ConnectionSettings['databricks'],
): Omit<DatabricksConnection, 'auth' | 'caCert'> {
  const host = reader.required('DATABRICKS_HOST', {
    value: settings.host,
    setting: 'connections.databricks.host',
  });
  const path = reader.required('DATABRICKS_HTTP_PATH', {
    value: settings.httpPath,
    setting: 'connections.databricks.httpPath',
  });
  const parsed = parseWarehouseHost(host);
  if (host !== '' && !parsed) {
    reader.problem('DATABRICKS_HOST', 'not a host, such as dbc-a1b2c3d4-e5f6.cloud.databricks.com');
  }
  if (path !== '' && !/^\/\S+$/.test(path)) {
    reader.problem('DATABRICKS_HTTP_PATH', 'not an HTTP path, such as /sql/1.0/warehouses/0123456789abcdef');
  }
  return { host: parsed?.host ?? '', port: parsed?.port ?? 443, path };
}

/** A token, or a service principal's id and secret; undefined when the environment has neither. */
export function readDatabricksAuth(reader: EnvironmentReader): DatabricksConnection['auth'] | undefined {
  const token = reader.optional('DATABRICKS_TOKEN');
  const clientId = reader.optional('DATABRICKS_CLIENT_ID');
  const clientSecret = reader.optional('DATABRICKS_CLIENT_SECRET');
  if (token !== undefined && clientId !== undefined) {
    reader.problem('DATABRICKS_TOKEN', 'set together with DATABRICKS_CLIENT_ID; unset one of the two');
  }
  if (token !== undefined) return concealAuth({ kind: 'token', token });
  if (clientId === undefined && clientSecret === undefined) return undefined;
  return concealAuth({
    kind: 'oauth',
    clientId: clientId ?? reader.required('DATABRICKS_CLIENT_ID'),
    clientSecret: clientSecret ?? reader.required('DATABRICKS_CLIENT_SECRET'),
  });
}

/** Undefined when the environment has no NEON_URL. */
export function readNeon(reader: EnvironmentReader): NeonConnection | undefined {
  const url = reader.optional('NEON_URL');
  const directUrl = reader.optional('NEON_DIRECT_URL');
  for (const [variable, value, problemIn] of [
    ['NEON_URL', url, postgresUrlProblem],
    ['NEON_DIRECT_URL', directUrl, directUrlProblem],
  ] as const) {
    const problem = value === undefined ? undefined : problemIn(value);
    if (problem !== undefined) reader.problem(variable, problem);
  }
  if (url === undefined) return undefined;
  return concealNeon({ url, ...(directUrl !== undefined && { directUrl }) });
}

export function readAws(reader: EnvironmentReader, settings: ConnectionSettings['aws']): AwsConnection {
  const region = reader.required('AWS_REGION', {
    value: settings.region,
    setting: 'connections.aws.region',
  });
  const checkpointTable = reader.required('LAKEFERRY_CHECKPOINT_TABLE');
  const chunkQueueUrl = reader.required('LAKEFERRY_CHUNK_QUEUE_URL');
  const deadLetterQueueUrl = reader.optional('LAKEFERRY_DEAD_LETTER_QUEUE_URL');
  for (const [variable, value] of [
    ['LAKEFERRY_CHUNK_QUEUE_URL', chunkQueueUrl],
    ['LAKEFERRY_DEAD_LETTER_QUEUE_URL', deadLetterQueueUrl ?? ''],
  ] as const) {
    if (value !== '' && !/^https?:\/\/\S+$/.test(value)) reader.problem(variable, 'not the URL of a queue');
  }
  return {
    region,
    checkpointTable,
    chunkQueueUrl,
    ...(deadLetterQueueUrl !== undefined && { deadLetterQueueUrl }),
  };
}

/** What is wrong with a Postgres URL, without any of it. */
export function postgresUrlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return 'not of the form postgresql://user:password@host/database';
  }
  if (url.hostname === '') return 'names no host; write postgresql://user:password@host/database';
  if (url.username === '') return 'names no user; write postgresql://user:password@host/database';
  if (url.pathname.length < 2) return 'names no database; write postgresql://user:password@host/database';
  return undefined;
}

/** The same of a URL that must not lead through the pooler. */
export function directUrlProblem(text: string): string | undefined {
  return (
    postgresUrlProblem(text) ??
    (isPooled(text) ? 'names the pooled host; leave "-pooler" out of it' : undefined)
  );
}

/** Whether a Postgres URL names a host of Neon's pooler. */
export function isPooled(text: string): boolean {
  return URL.parse(text)?.hostname.split('.')[0]?.endsWith('-pooler') ?? false;
}
