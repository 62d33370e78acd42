import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { concealConnections } from '../../src/config/concealed.ts';
import { EnvironmentError } from '../../src/config/config-error.ts';
import { readConfigFile } from '../../src/config/config-file.ts';
import { readLambdaEnvironment } from '../../src/config/environment.ts';
import type { Environment } from '../../src/config/environment-reader.ts';
import type { ConnectionSettings } from '../../src/config/lakeferry-config.ts';
import { readOperatorDatabricks, readOperatorNeon } from '../../src/config/operator-environment.ts';
import { type FetchSecret, parseDatabricksSecret, parseNeonSecret } from '../../src/config/secret-value.ts';

const NO_SETTINGS: ConnectionSettings = { databricks: {}, neon: {}, aws: {} };
const SERVICES = {
  AWS_REGION: 'eu-central-1',
  LAKEFERRY_CHECKPOINT_TABLE: 'checkpoints',
  LAKEFERRY_CHUNK_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/1/chunks',
};
const WAREHOUSE = {
  DATABRICKS_HOST: 'dbc-1.cloud.databricks.com',
  DATABRICKS_HTTP_PATH: '/sql/1.0/warehouses/1',
};
const FULL = {
  ...SERVICES,
  ...WAREHOUSE,
  DATABRICKS_TOKEN: 'dapi-hunter2',
  NEON_URL: 'postgresql://ana:hunter2@ep-x-pooler.neon.tech/app?sslmode=require',
  NEON_DIRECT_URL: 'postgresql://ana:hunter2@ep-x.neon.tech/app',
};
const CONFIG = '{"syncs":{"orders":{"source":"a.b.c","target":"d.e","primaryKey":"id"}}}';

function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    expect(inspect(error)).not.toContain('hunter2');
    return error.problems.map(({ variable, message }) => `${variable}: ${message}`);
  }
  return [];
}

const notFetched = async () => {
  throw new Error('fetched');
};

async function readBoth(env: Environment, settings = NO_SETTINGS, fetchSecret = notFetched as FetchSecret) {
  const problems: string[] = [];
  const told = (error: unknown) => {
    if (!(error instanceof EnvironmentError)) throw error;
    expect(inspect(error)).not.toContain('hunter2');
    problems.push(...error.problems.map(({ variable, message }) => `${variable}: ${message}`));
    return undefined;
  };
  const databricks = await readOperatorDatabricks(env, settings.databricks, fetchSecret, 'our.yaml').catch(
    told,
  );
  const neon = await readOperatorNeon(env, settings.neon, fetchSecret, 'our.yaml').catch(told);
  return { databricks, neon, problems };
}

describe('the databases of a command', () => {
  it('come from the environment', async () => {
    expect(await readBoth(FULL)).toEqual({
      databricks: {
        host: 'dbc-1.cloud.databricks.com',
        port: 443,
        path: '/sql/1.0/warehouses/1',
        auth: { kind: 'token', token: 'dapi-hunter2' },
      },
      neon: { url: FULL.NEON_URL, directUrl: FULL.NEON_DIRECT_URL },
      problems: [],
    });
  });

  it('take from the file what the environment does not say, and the environment first', async () => {
    const databricks = { host: 'file.databricks.com', httpPath: '/sql/file', secret: 'prod/databricks' };
    const { DATABRICKS_HOST: _, ...rest } = FULL;
    const read = await readBoth(rest, { databricks, neon: { secret: 'prod/neon' }, aws: {} });
    expect(read.databricks).toMatchObject({
      host: 'file.databricks.com',
      path: '/sql/1.0/warehouses/1',
      auth: { kind: 'token' },
    });
    expect(read.neon?.url).toBe(FULL.NEON_URL);
  });

  it('come from the secrets that the file names where the environment has none, each on its own', async () => {
    const settings = { databricks: { secret: 'prod/databricks' }, neon: { secret: 'prod/neon' }, aws: {} };
    const read = await readBoth(WAREHOUSE, settings, async (secret) => {
      if (secret === 'prod/databricks') return '{"token":"dapi-hunter2"}';
      throw new EnvironmentError([{ variable: `secret ${secret}`, message: 'not found in eu-central-1' }]);
    });
    expect(read.databricks?.auth).toEqual({ kind: 'token', token: 'dapi-hunter2' });
    expect(read.problems).toEqual([
      'NEON_URL: not in the environment, and secret prod/neon of our.yaml: not found in eu-central-1',
    ]);
  });

  it('report all that is missing, with each place looked in', async () => {
    expect((await readBoth({ NEON_URL: '  ', DATABRICKS_CLIENT_ID: 'x' })).problems).toEqual([
      'DATABRICKS_HOST: not in the environment, and connections.databricks.host of our.yaml is not set',
      'DATABRICKS_HTTP_PATH: not in the environment, and connections.databricks.httpPath of our.yaml is not set',
      'DATABRICKS_CLIENT_SECRET: not in the environment',
      'NEON_URL: not in the environment, and connections.neon.secret of our.yaml is not set',
    ]);
  });

  it.each([
    [
      { NEON_URL: 'mysql://ana:hunter2@x/app' },
      'NEON_URL: not of the form postgresql://user:password@host/database',
    ],
    [{ NEON_URL: 'ana:hunter2' }, 'NEON_URL: not of the form postgresql://user:password@host/database'],
    [
      { NEON_URL: 'postgresql://x/hunter2' },
      'NEON_URL: names no user; write postgresql://user:password@host/database',
    ],
    [
      { NEON_URL: 'postgresql://ana:hunter2@x' },
      'NEON_URL: names no database; write postgresql://user:password@host/database',
    ],
    [
      { NEON_URL: 'postgresql:///hunter2' },
      'NEON_URL: names no host; write postgresql://user:password@host/database',
    ],
    [{ NEON_DIRECT_URL: FULL.NEON_URL }, 'NEON_DIRECT_URL: names the pooled host; leave "-pooler" out of it'],
    [
      { DATABRICKS_TOKEN: '' },
      'DATABRICKS_TOKEN: not in the environment, nor DATABRICKS_CLIENT_ID, and connections.databricks.secret of our.yaml is not set',
    ],
    [
      { DATABRICKS_CLIENT_ID: 'x', DATABRICKS_CLIENT_SECRET: 'y' },
      'DATABRICKS_TOKEN: set together with DATABRICKS_CLIENT_ID; unset one of the two',
    ],
    [
      { DATABRICKS_HOST: 'a b' },
      'DATABRICKS_HOST: not a host, such as dbc-a1b2c3d4-e5f6.cloud.databricks.com',
    ],
    [
      { DATABRICKS_HTTP_PATH: 'sql' },
      'DATABRICKS_HTTP_PATH: not an HTTP path, such as /sql/1.0/warehouses/0123456789abcdef',
    ],
  ])('refuse %j without showing it', async (change: Environment, expected) => {
    expect((await readBoth({ ...FULL, ...change })).problems).toEqual([expected]);
  });

  it('show no secret however they are printed', async () => {
    const { databricks, neon } = await readBoth(FULL);
    if (!databricks || !neon) throw new Error('not read');
    const read = { databricks, neon, aws: { region: 'r', checkpointTable: 't', chunkQueueUrl: 'q' } };
    const plain = structuredClone({ ...read, neon: { ...read.neon }, databricks: { ...read.databricks } });
    for (const connections of [read, concealConnections(plain)]) {
      const { auth } = connections.databricks;
      const prints = [
        JSON.stringify(connections),
        inspect(connections, { depth: 9 }),
        String(auth),
        String(connections.neon),
        inspect(auth),
        inspect(new Error('failed', { cause: connections.neon })),
      ];
      expect(prints.join('\n')).not.toContain('hunter2');
      expect(inspect(connections, { depth: 9 })).toContain('ep-x-pooler.neon.tech/app');
      expect({ ...connections.neon }.url).toBe(FULL.NEON_URL);
    }
  });
});

describe('the environment of a function', () => {
  const secrets: Record<string, string> = {
    'prod/databricks': '{"clientId":"i","clientSecret":"hunter2"}',
    'prod/neon': FULL.NEON_URL,
  };
  const fetchSecret = async (secretId: string) => secrets[secretId] as string;

  it('names the secrets to fetch', async () => {
    const env = {
      ...SERVICES,
      ...WAREHOUSE,
      LAKEFERRY_CONFIG: CONFIG,
      LAKEFERRY_DATABRICKS_SECRET: 'prod/databricks',
      LAKEFERRY_NEON_SECRET: 'prod/neon',
    };
    const { config, connections } = await readLambdaEnvironment(env, fetchSecret);
    expect([...config.syncs.keys()]).toEqual(['orders']);
    expect(connections.databricks.auth).toEqual({ kind: 'oauth', clientId: 'i', clientSecret: 'hunter2' });
    expect(connections.neon).toEqual({ url: FULL.NEON_URL });
    expect(inspect(connections, { depth: 9 })).not.toContain('hunter2');
  });

  it('goes by plain values when they are present, and fetches nothing', async () => {
    const env = { ...FULL, LAKEFERRY_CONFIG: CONFIG, LAKEFERRY_NEON_SECRET: 'prod/neon' };
    const { connections } = await readLambdaEnvironment(env, () => Promise.reject(new Error('fetched')));
    expect(connections.databricks.auth).toEqual({ kind: 'token', token: 'dapi-hunter2' });
    expect(connections.neon.directUrl).toBe(FULL.NEON_DIRECT_URL);
  });

  it('reads a configuration file by its path, and fetches the secrets that it names', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lakeferry-'));
    const path = join(directory, 'lakeferry.yaml');
    const connections =
      'connections: { databricks: { secret: prod/databricks }, neon: { secret: prod/neon } }';
    writeFileSync(path, `${connections}\nsyncs: ${CONFIG.slice(9, -1)}`);
    const read = await readLambdaEnvironment(
      { ...SERVICES, ...WAREHOUSE, LAKEFERRY_CONFIG: path },
      fetchSecret,
    );
    rmSync(directory, { recursive: true });
    expect(read.connections.databricks.auth.kind).toBe('oauth');
    expect(read.connections.neon.url).toBe(FULL.NEON_URL);
  });

  it('reports all that is missing at once', async () => {
    await expect(readLambdaEnvironment({}, fetchSecret)).rejects.toMatchObject({
      problems: [{ variable: 'LAKEFERRY_CONFIG', message: 'not in the environment' }],
    });
    const lacking = await readLambdaEnvironment({ LAKEFERRY_CONFIG: CONFIG }, fetchSecret).catch(
      (error) => error,
    );
    expect((lacking as EnvironmentError).problems.map(({ variable }) => variable)).toEqual([
      'DATABRICKS_HOST',
      'DATABRICKS_HTTP_PATH',
      'AWS_REGION',
      'LAKEFERRY_CHECKPOINT_TABLE',
      'LAKEFERRY_CHUNK_QUEUE_URL',
      'LAKEFERRY_DATABRICKS_SECRET',
      'LAKEFERRY_NEON_SECRET',
    ]);
  });

  it('refuses a queue that is no URL', async () => {
    const env = { ...FULL, LAKEFERRY_CONFIG: CONFIG, LAKEFERRY_CHUNK_QUEUE_URL: 'chunks' };
    await expect(readLambdaEnvironment(env, fetchSecret)).rejects.toMatchObject({
      problems: [{ variable: 'LAKEFERRY_CHUNK_QUEUE_URL', message: 'not the URL of a queue' }],
    });
  });

  it('says which configuration file it could not read', async () => {
    const env = { LAKEFERRY_CONFIG: '/nowhere/lakeferry.yaml' };
    await expect(readLambdaEnvironment(env, notFetched)).rejects.toMatchObject({ kind: 'config_missing' });
  });
});

describe('a fetched secret', () => {
  it('gives a token, a service principal or a database', () => {
    expect(parseDatabricksSecret('s', '{"token":"t"}')).toEqual({ kind: 'token', token: 't' });
    expect(parseDatabricksSecret('s', '{"clientId":"i","clientSecret":"c"}')).toEqual({
      kind: 'oauth',
      clientId: 'i',
      clientSecret: 'c',
    });
    expect(parseNeonSecret('s', FULL.NEON_URL).url).toBe(FULL.NEON_URL);
    const both = JSON.stringify({ url: FULL.NEON_URL, directUrl: FULL.NEON_DIRECT_URL });
    expect(parseNeonSecret('s', both).directUrl).toBe(FULL.NEON_DIRECT_URL);
  });

  it('has a direct URL that is direct', () => {
    const pooled = JSON.stringify({ url: FULL.NEON_URL, directUrl: FULL.NEON_URL });
    expect(problemsOf(() => parseNeonSecret('prod/n', pooled))).toEqual([
      'secret prod/n: directUrl names the pooled host; leave "-pooler" out of it',
    ]);
  });

  it.each(['hunter2', '{"tokn":"hunter2"}', '{"token":""}', '[]'])('is refused unread: %j', (value) => {
    expect(problemsOf(() => parseDatabricksSecret('prod/d', value))).toEqual([
      'secret prod/d: not of the form {"token": …} or {"clientId": …, "clientSecret": …}',
    ]);
    expect(problemsOf(() => parseNeonSecret('prod/n', value))).toHaveLength(1);
  });
});

describe('a configuration file', () => {
  it('that is not there is config_missing', async () => {
    await expect(readConfigFile('/nowhere/lakeferry.yaml')).rejects.toMatchObject({
      kind: 'config_missing',
      message: 'There is no lakeferry.yaml.',
    });
  });
});
