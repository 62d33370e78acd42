import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type ComposedServices, compose } from '../../../src/compose.ts';
import type { Connections } from '../../../src/config/connections.ts';
import { startAws } from '../../../src/local/aws/aws.ts';
import { ensureResources } from '../../../src/local/aws/resources.ts';
import { startNeonProxy } from '../../../src/local/neon-proxy/proxy.ts';
import { startPostgres } from '../../../src/local/postgres/server.ts';
import { runStatement } from '../../../src/local/run-statement.ts';
import { createCertificate } from '../../../src/local/warehouse/certificate.ts';
import { startWarehouse } from '../../../src/local/warehouse/server.ts';
import { openSparkEngine } from '../../../src/local/warehouse/spark/engine.ts';
import { installSpark } from '../../../src/local/warehouse/spark/install.ts';
import { type SparkAddress, startSpark } from '../../../src/local/warehouse/spark/process.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { noMetrics } from '../../../src/telemetry/metrics.ts';
import { SOURCE_SCHEMA, sourceName, TARGET_SCHEMA } from './customer-profiles.ts';
import { type GuideJob, type JobTarget, startGuideJob } from './guide-job.ts';
import { installGuideJob } from './install.ts';

/** Where both opponents meet: the same Delta tables, the same Postgres, the same installation of Spark. */
export interface Ground {
  readonly connections: Connections;
  readonly services: ComposedServices;
  /** Over TCP, as a superuser. */
  readonly postgres: pg.Client;
  /** Runs a statement on Spark, through the warehouse's front. */
  sql(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  latestVersion(table: string): Promise<bigint>;
  /** Directory of a Delta table. */
  directoryOf(table: string): string;
  jobTarget(table: string): JobTarget;
  /** A new folder for a stream's checkpoint. */
  checkpointFolder(): Promise<string>;
  startGuideJob(): Promise<GuideJob>;
  close(): Promise<void>;
}

const SPARK = path.resolve(import.meta.dirname, '../../../.lakeferry/spark');
/** Address of a Spark that runs already, for the side of Lakeferry; for development only. */
const RUNNING_SPARK = 'LAKEFERRY_TEST_SPARK';
const DATABASE = 'app';
const TOKEN = 'compare-token';
const NEVER = new AbortController().signal;

export async function openGround(): Promise<Ground> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lakeferry-compare-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const stop of undo.splice(0).reverse()) await stop();
  };
  try {
    return { ...(await startParts(folder, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(folder: string, undo: (() => Promise<unknown>)[]): Promise<Omit<Ground, 'close'>> {
  const installed = await installSpark(SPARK, (part) => {
    process.stderr.write(`Spark is not here yet: installing its ${part}.\n`);
  });
  const job = await installGuideJob(installed);

  const server = await startPostgres({ directory: path.join(folder, 'postgres') });
  undo.push(() => server.stop());
  await server.createDatabase(DATABASE);
  const proxy = await startNeonProxy({ postgres: server });
  undo.push(() => proxy.close());
  const aws = await startAws();
  undo.push(() => aws.close());
  const resources = await ensureResources(aws);

  const spark = await sparkOf(() => startSpark(installed, path.join(folder, 'spark')), undo);
  const lakehouse = path.join(folder, 'lakehouse');
  const engine = await openSparkEngine({ spark, directory: lakehouse });
  undo.push(() => engine.close());
  const certificate = await createCertificate();
  const warehouse = await startWarehouse({ engine, token: TOKEN, certificate });
  undo.push(() => warehouse.close());

  const { host, port, path: httpPath, caCert } = warehouse;
  const connections: Connections = {
    databricks: { host, port, path: httpPath, auth: { kind: 'token', token: TOKEN }, caCert },
    neon: { url: server.url(DATABASE), localProxy: proxy.address },
    aws: { ...resources, region: aws.region, local: { sqs: aws.sqs, dynamodb: aws.dynamodb } },
  };
  const services = compose(connections, { clock: systemClock, log: silentLog, metrics: noMetrics });
  undo.push(() => services.close());
  const postgres = new pg.Client({ connectionString: server.url(DATABASE) });
  postgres.on('error', () => undefined);
  await postgres.connect();
  undo.push(() => postgres.end());

  const sql: Ground['sql'] = async (statement) =>
    (await runStatement(connections.databricks, statement, NEVER)).rows;
  await sql(`create schema main.${SOURCE_SCHEMA}`);
  await postgres.query(`set timezone to 'UTC'; create schema ${TARGET_SCHEMA}`);
  let scratches = 0;
  return {
    connections,
    services,
    postgres,
    sql,
    async latestVersion(table) {
      const [latest] = await sql(`describe history ${sourceName(table)} limit 1`);
      return BigInt(String(latest?.['version']));
    },
    directoryOf: (table) => path.join(lakehouse, `${SOURCE_SCHEMA}.db`, table),
    jobTarget: (table) => {
      const { host, port, user, password } = server;
      return { host, port, user, password, database: DATABASE, schema: TARGET_SCHEMA, table };
    },
    checkpointFolder: () => mkdtemp(path.join(folder, 'checkpoint-')),
    startGuideJob: () =>
      startGuideJob({ spark: installed, job, scratch: path.join(folder, `guide-${scratches++}`) }),
  };
}

async function sparkOf(
  start: () => ReturnType<typeof startSpark>,
  undo: (() => Promise<unknown>)[],
): Promise<SparkAddress> {
  const running = process.env[RUNNING_SPARK];
  if (running !== undefined) return JSON.parse(running) as SparkAddress;
  const spark = await start();
  undo.push(() => spark.close());
  return spark.address;
}
