import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import type { SQSBatchResponse } from 'aws-lambda';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lakeferry } from '../../infra/lakeferry.ts';
import { PLANNER_TIMEOUT, WRITER_TIMEOUT } from '../../infra/limits.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import { runStatement } from '../../src/local/run-statement.ts';
import { type Stack as LocalStack, startStack } from '../../src/local/stack.ts';
import { localConnections } from '../../src/local/stack-info.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { type LambdaProcess, startLambda } from './lambda-process.ts';
import type { Resource } from './synthesized.ts';

/** Generous: measured are 3.6 MB and 0.6 s of processor time. The larger a bundle, the longer a cold start. */
const [MAX_BUNDLE_MB, MAX_IMPORT_CPU_MS] = [6, 5_000];
const NAME = 'bundled';
const NEVER = new AbortController().signal;

describe('the bundles of a synthesized stack', () => {
  let folder: string;
  let local: LocalStack;
  let secretsManager: ScriptedServer;
  let database: pg.Client;
  let functions: Record<'planner' | 'writer', LambdaProcess>;
  let sizesMb: number[];
  let bundles: string[];
  const stopPump = new AbortController();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lakeferry-bundles-'));
    local = await startStack({ folder: join(folder, 'stack') });
    database = new pg.Client({ connectionString: local.info.postgres });
    await database.connect();
    await askForPasswordsAsNeonDoes(database);
    const secrets: Record<string, unknown> = {
      'lakeferry/databricks': { token: local.info.warehouse.token },
      'lakeferry/neon': { url: local.info.postgres },
    };
    secretsManager = await startScriptedServer((asked) => {
      const { SecretId } = JSON.parse(asked) as { readonly SecretId: string };
      return { status: 200, body: JSON.stringify({ SecretString: JSON.stringify(secrets[SecretId]) }) };
    });
    functions = await startFunctions();
  });
  afterAll(async () => {
    stopPump.abort();
    await Promise.all(Object.values(functions ?? {}).map((each) => each.close()));
    await database?.end();
    await secretsManager?.close();
    await local?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function startFunctions() {
    const templates = synthesize();
    const start = async (entry: 'planner' | 'writer', timeoutMs: number) => {
      const { Properties } = only(templates, new RegExp(`^Sync${entry}Function`, 'i'));
      const { Code, Handler, Environment } = Properties as {
        Code: { readonly S3Key: string };
        Handler: string;
        Environment: { readonly Variables: Record<string, unknown> };
      };
      const bundle = join(folder, 'cdk.out', `asset.${Code.S3Key.replace('.zip', '')}`);
      bundles = [...(bundles ?? []), bundle];
      sizesMb = [...(sizesMb ?? []), (await stat(join(bundle, 'index.mjs'))).size / 2 ** 20];
      const environment = { ...environmentOf(Environment.Variables), AWS_LAMBDA_FUNCTION_NAME: entry };
      return startLambda({ folder: bundle, handler: Handler, environment, timeoutMs });
    };
    return {
      planner: await start('planner', PLANNER_TIMEOUT.toMilliseconds()),
      writer: await start('writer', WRITER_TIMEOUT.toMilliseconds()),
    };
  }

  /** Resources of the stack; its bundles are below `cdk.out`. */
  function synthesize(): Record<string, Resource> {
    const { host, port, path } = local.info.warehouse;
    // As on a machine where nobody else may read what somebody writes.
    const umask = process.umask(0o077);
    const stack = new Stack(new App({ outdir: join(folder, 'cdk.out') }), 'Test');
    new Lakeferry(stack, 'Sync', {
      name: NAME,
      config: {
        connections: {
          databricks: { host: `${host}:${port}`, httpPath: path, secret: 'lakeferry/databricks' },
          neon: { secret: 'lakeferry/neon' },
        },
        syncs: { orders: { source: 'main.gold.orders', target: 'public.orders', primaryKey: 'id' } },
      },
    });
    (stack.node.root as App).synth();
    process.umask(umask);
    return JSON.parse(readFileSync(join(folder, 'cdk.out', 'Test.template.json'), 'utf8')).Resources;
  }

  /** The template's variables with the local resources in place of what they refer to, and Lambda's own beside them. */
  function environmentOf(variables: Record<string, unknown>): Record<string, string> {
    const { aws, warehouse, neon, postgres } = local.info;
    const referred: Record<string, string> = {
      LAKEFERRY_CHECKPOINT_TABLE: aws.checkpointTable,
      LAKEFERRY_CHUNK_QUEUE_URL: aws.chunkQueueUrl,
    };
    const own = Object.entries(variables).map(([name, value]) => {
      const text = typeof value === 'string' ? value : referred[name];
      if (text === undefined) throw new Error(`${name} is ${JSON.stringify(value)}`);
      return [name, text] as const;
    });
    return {
      ...Object.fromEntries(own),
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: LOCAL_AWS_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_AWS_CREDENTIALS.secretAccessKey,
      AWS_SESSION_TOKEN: 'session',
      AWS_ENDPOINT_URL_SQS: aws.sqs,
      AWS_ENDPOINT_URL_DYNAMODB: aws.dynamodb,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
      NODE_EXTRA_CA_CERTS: warehouse.caCertFile,
      LAMBDA_HOST_NEON: neon,
      LAMBDA_HOST_POSTGRES: new URL(postgres).host,
    };
  }

  async function statement(text: string): Promise<void> {
    const { databricks } = await localConnections(local.info);
    await runStatement(databricks, text, NEVER);
  }

  it('sync a table: the planner’s, and the writer’s with the chunks that it sent', async () => {
    await statement('create schema if not exists main.gold');
    await statement('create table main.gold.orders (id bigint, name string) using delta');
    await statement("insert into main.gold.orders values (1, 'one'), (2, 'two'), (3, 'three')");
    const { aws } = local.info;
    const pump = pumpQueue({
      aws: { ...aws, credentials: LOCAL_AWS_CREDENTIALS },
      queueUrl: aws.chunkQueueUrl,
      handler: async (event) => (await functions.writer.invoke(event)) as SQSBatchResponse,
      signal: stopPump.signal,
    });
    const rows = async () => (await database.query('select id, name from orders order by id')).rows;

    expect(await functions.planner.invoke({ sync: 'orders' })).toEqual({
      outcome: 'sent',
      planId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      work: 'snapshot',
      chunks: 1,
      opened: true,
    });
    await pump.idle();
    expect(await rows()).toEqual([
      { id: '1', name: 'one' },
      { id: '2', name: 'two' },
      { id: '3', name: 'three' },
    ]);

    await statement("update main.gold.orders set name = 'zwei' where id = 2");
    await statement('delete from main.gold.orders where id = 3');
    expect(await functions.planner.invoke({ sync: 'orders' })).toMatchObject({ outcome: 'sent' });
    await pump.idle();
    expect(await rows()).toEqual([
      { id: '1', name: 'one' },
      { id: '2', name: 'zwei' },
    ]);
    expect(await functions.planner.invoke({ sync: 'orders' })).toEqual({ outcome: 'idle' });
    stopPump.abort();
    await pump.stopped;
  });

  it('tell a failure as Lambda does: the planner by an error, the writer by the message that is to come again', async () => {
    await expect(functions.planner.invoke({ sync: 'nobody' })).rejects.toThrow(
      'config_invalid: There is no sync nobody.',
    );
    const record = { messageId: 'bad', receiptHandle: 'none', body: '{}', attributes: {} };
    expect(await functions.writer.invoke({ Records: [record] })).toEqual({
      batchItemFailures: [{ itemIdentifier: 'bad' }],
    });
  });

  it('log for this deployment, and no secret', () => {
    const log = [functions.planner, functions.writer].flatMap((each) => each.log).join('');
    const lines = log.split('\n').filter((line) => line.startsWith('{'));
    const services = new Set(lines.map((line) => JSON.parse(line).service));
    expect(services).toEqual(new Set([NAME]));
    expect(lines.some((line) => line.includes('"RowsUpserted":3'))).toBe(true);
    expect(log).not.toContain(local.info.warehouse.token);
    expect(log).not.toContain(new URL(local.info.postgres).password);
  });

  it('may be read by everybody: Lambda is not who wrote them', async () => {
    for (const bundle of bundles) {
      const files = (await readdir(bundle)).toSorted();
      expect(files).toEqual(['index.mjs', 'lakeferry.yaml']);
      for (const file of files) expect((await stat(join(bundle, file))).mode & 0o777, file).toBe(0o644);
    }
  });

  it('are small, and start in time', () => {
    const measured = Object.entries(functions).map(
      ([name, { importCpuMs, peakMemoryMb }], index) =>
        `${name}: ${sizesMb[index]?.toFixed(1)} MB, loaded in ${Math.round(importCpuMs)} ms of processor time, ${Math.round(peakMemoryMb())} MB of memory at most`,
    );
    process.stdout.write(`${measured.join('\n')}\n`);
    for (const size of sizesMb) expect(size).toBeLessThan(MAX_BUNDLE_MB);
    for (const { importCpuMs } of Object.values(functions))
      expect(importCpuMs).toBeLessThan(MAX_IMPORT_CPU_MS);
  });
});

/** Neon's proxy takes the password in plain text, within TLS, and the driver sends it before it is asked. */
async function askForPasswordsAsNeonDoes(database: pg.Client): Promise<void> {
  const [{ hba_file: file }] = (await database.query('show hba_file')).rows as [{ hba_file: string }];
  writeFileSync(file, `host all all all password\n${readFileSync(file, 'utf8')}`);
  await database.query('select pg_reload_conf()');
}

function only(resources: Record<string, Resource>, id: RegExp): Resource {
  const found = Object.entries(resources).filter(
    ([each, { Type }]) => id.test(each) && Type === 'AWS::Lambda::Function',
  );
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`there are ${found.length} resources like ${id}`);
  return first[1];
}
