import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { plannerHandler } from '../../lambdas/planner.ts';
import { openRuntime, type Runtime } from '../../lambdas/runtime.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { readLambdaEnvironment } from '../../src/config/environment.ts';
import { secretsManager } from '../../src/deployment/secrets.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import { aBench, type Bench } from '../support/control.ts';
import { recordOf } from '../support/invoke.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

const [DATABRICKS, NEON] = ['lakeferry/databricks', 'lakeferry/neon'] as const;

// The logger is made when the handlers are loaded: from then on it writes to this console.
vi.hoisted(() => vi.stubEnv('POWERTOOLS_DEV', 'true'));

describe('secrets that change', () => {
  let lake: Lake;
  let bench: Bench;
  let server: ScriptedServer;
  /** What Secrets Manager holds. */
  let secrets: Record<string, string>;
  let asked: string[];
  let runtime: Runtime;
  let role: string;

  beforeAll(async () => {
    lake = await startLake();
    server = await startScriptedServer((request) => {
      const { SecretId } = JSON.parse(request) as { readonly SecretId: string };
      asked.push(SecretId);
      const value = secrets[SecretId];
      return value === undefined
        ? { status: 400, body: JSON.stringify({ __type: 'ResourceNotFoundException' }) }
        : { status: 200, body: JSON.stringify({ SecretString: value }) };
    });
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', server.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', LOCAL_AWS_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', LOCAL_AWS_CREDENTIALS.secretAccessKey);
    role = `ferry_${lake.database.name}`;
    await lake.database.query(`create role ${role} login superuser password 'first'`);
  });
  afterAll(async () => {
    await server?.close();
    await lake?.close();
  });

  beforeEach(async () => {
    for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
      vi.spyOn(console, level).mockImplementation(() => {});
    }
    bench = await aBench(lake);
    asked = [];
    await setPassword('first');
    secrets = { [DATABRICKS]: JSON.stringify({ token: 'lake-token' }), [NEON]: urlWith('first') };
    runtime = await openRuntime(readEnvironment);
    asked = [];
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await runtime.services.source.close();
    await runtime.services.target.close();
  });

  /** As Lambda's environment tells it, with the local servers behind. */
  async function readEnvironment() {
    const { host, port, path, caCert } = lake.databricks;
    const environment = {
      LAKEFERRY_CONFIG: JSON.stringify({
        connections: { databricks: { secret: DATABRICKS }, neon: { secret: NEON } },
        syncs: { [bench.config.name]: { source: bench.source, target: bench.target, primaryKey: 'id' } },
      }),
      DATABRICKS_HOST: `${host}:${port}`,
      DATABRICKS_HTTP_PATH: path,
      AWS_REGION: 'us-east-1',
      LAKEFERRY_CHECKPOINT_TABLE: 'unused',
      LAKEFERRY_CHUNK_QUEUE_URL: 'http://127.0.0.1/unused',
    };
    const fetchSecret = secretsManager('us-east-1', 'lakeferry.yaml', AbortSignal.timeout(120_000));
    const read = await readLambdaEnvironment(environment, fetchSecret);
    const { databricks, neon, aws } = read.connections;
    return {
      ...read,
      connections: {
        databricks: { ...databricks, ...(caCert === undefined ? {} : { caCert }) },
        neon: { ...neon, localProxy: lake.database.proxy.address },
        aws,
      },
    };
  }

  function urlWith(password: string): string {
    const url = new URL(lake.database.url);
    return `postgresql://${role}:${password}@${url.host}${url.pathname}`;
  }

  /** Connections that are open stay so: they are ended, as Neon does when it restarts. */
  async function setPassword(password: string): Promise<void> {
    await lake.database.query(`alter role ${role} password '${password}'`);
    await lake.database.proxy.terminateBackends();
  }

  const inMemory = async () => {
    const { checkpoints, queue } = bench.services;
    return { ...runtime, services: { ...runtime.services, checkpoints, queue } };
  };
  const plan = () =>
    plannerHandler(inMemory)({ sync: bench.config.name }, createLambdaContext('planner', 600_000));
  const write = () => {
    const Records = bench.take().map(recordOf);
    return writerHandler(inMemory)({ Records }, createLambdaContext('writer', 600_000));
  };

  async function expectSynced(): Promise<void> {
    const { source, target } = await bench.both();
    expect(target).toEqual(source);
  }

  it('are fetched once, however many calls are made', async () => {
    expect(await plan()).toMatchObject({ outcome: 'sent' });
    expect(await write()).toEqual({ batchItemFailures: [] });
    await expectSynced();
    expect(asked).toEqual([]);
  });

  it('do not halt the planner of a sync whose password in Neon is another now', async () => {
    await setPassword('second');
    secrets[NEON] = urlWith('second');
    expect(await plan()).toMatchObject({ outcome: 'sent' });
    expect(asked).toContain(NEON);
  });

  it('do not halt the writer either', async () => {
    await plan();
    await setPassword('third');
    secrets[NEON] = urlWith('third');
    expect(await write()).toEqual({ batchItemFailures: [] });
    await expectSynced();
  });

  it('do not halt a sync whose Databricks token is another now, be it in the middle of a transaction', async () => {
    await plan();
    await runtime.services.source.close();
    secrets[DATABRICKS] = JSON.stringify({ token: 'revoked' });
    runtime = await openRuntime(readEnvironment);
    secrets[DATABRICKS] = JSON.stringify({ token: 'lake-token' });
    asked = [];
    expect(await write()).toEqual({ batchItemFailures: [] });
    expect(asked.filter((id) => id === DATABRICKS)).toHaveLength(1);
    await expectSynced();
  });

  it('halt the sync when the new ones are refused, too, after one more attempt', async () => {
    await setPassword('second');
    expect(await plan()).toMatchObject({ outcome: 'halted', cause: { kind: 'target_unauthorized' } });
    expect(asked.filter((id) => id === NEON)).toHaveLength(1);
  });

  it('halt the sync by the refusal, not by what kept them from being fetched again', async () => {
    await setPassword('second');
    delete secrets[NEON];
    expect(await plan()).toMatchObject({ outcome: 'halted', cause: { kind: 'target_unauthorized' } });
  });

  it('keep no chunk from the queue where they cannot be read', async () => {
    await plan();
    const { queue } = bench.services;
    const received = queue.receive();
    if (received === undefined) throw new Error('nothing was sent');
    delete secrets[NEON];
    const blind = writerHandler(
      () => openRuntime(readEnvironment),
      () => queue,
    );
    const written = blind({ Records: [recordOf(received)] }, createLambdaContext('writer', 600_000));
    await expect(written).rejects.toMatchObject({ kind: 'environment_invalid' });
    queue.elapse(59);
    expect(queue.receive()).toBeUndefined();
    queue.elapse(1);
    secrets[NEON] = urlWith('first');
    expect(await write()).toEqual({ batchItemFailures: [] });
    await expectSynced();
  });

  it.each([
    [1, 60],
    [4, 480],
    [9, 900],
  ])('are not needed for giving back what came %i times, for %i seconds', async (attempt, seconds) => {
    const sqs = await startScriptedServer(() => ({ status: 200, body: '{}' }));
    for (const [name, value] of Object.entries({
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      LAKEFERRY_CHECKPOINT_TABLE: 'checkpoints',
      LAKEFERRY_CHUNK_QUEUE_URL: `${sqs.endpoint}/chunks`,
    })) {
      vi.stubEnv(name, value);
    }
    delete secrets[NEON];
    const blind = writerHandler(() => openRuntime(readEnvironment));
    const record = recordOf({ body: 'any', receiptHandle: 'its-handle', attempt });
    const written = blind({ Records: [record] }, createLambdaContext('writer', 600_000));
    await expect(written).rejects.toMatchObject({ kind: 'environment_invalid' });
    expect(sqs.requests.map((request) => JSON.parse(request))).toEqual([
      { QueueUrl: `${sqs.endpoint}/chunks`, ReceiptHandle: 'its-handle', VisibilityTimeout: seconds },
    ]);
    await sqs.close();
  });

  it('are fetched once for calls that are refused together', async () => {
    await setPassword('second');
    secrets[NEON] = urlWith('second');
    const { target } = runtime.services;
    const signal = AbortSignal.timeout(120_000);
    await Promise.all([target.readRows(signal), target.readRows(signal), target.countRejected(signal)]);
    expect(asked.filter((id) => id === NEON)).toHaveLength(1);
    await target.readRows(signal);
  });
});
