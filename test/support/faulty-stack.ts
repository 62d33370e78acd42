import pg from 'pg';
import type { Connections } from '../../src/config/connections.ts';
import { type LocalAws, startAws } from '../../src/local/aws/aws.ts';
import { type AwsResources, ensureResources } from '../../src/local/aws/resources.ts';
import { type NeonProxy, startNeonProxy } from '../../src/local/neon-proxy/proxy.ts';
import { createCertificate } from '../../src/local/warehouse/certificate.ts';
import { openDuckDbEngine } from '../../src/local/warehouse/duckdb/engine.ts';
import { Faults } from '../../src/local/warehouse/faults.ts';
import { startWarehouse, type Warehouse as WarehouseServer } from '../../src/local/warehouse/server.ts';
import { type ResultRow, Warehouse } from '../../src/source/databricks/client.ts';
import { AwsFaults, startAwsFront } from './aws-front.ts';
import { type RestartablePostgres, startRestartablePostgres } from './restartable-postgres.ts';

/**
 * All services of the local stack for real, each behind something that breaks what passes through it. A test's own
 * statements and looks go past the faults.
 */
export interface FaultyStack {
  readonly postgres: RestartablePostgres;
  readonly proxy: NeonProxy;
  /** The warehouse that the product reaches. */
  readonly warehouse: WarehouseServer;
  readonly warehouseFaults: Faults;
  readonly awsFaults: AwsFaults;
  /** Through the faults. */
  readonly connections: Connections;
  /** Past the faults of AWS, for whoever plays AWS' own part or a person's. */
  readonly aws: LocalAws;
  readonly resources: AwsResources;
  /** Runs a statement on the warehouse. */
  sql(statement: string): Promise<ResultRow[]>;
  /** Runs a statement on Postgres; also right after a restart. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs the reads in one snapshot of Postgres. */
  inSnapshot<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  /** Ends every fault that is armed or under way. */
  clearFaults(): void;
  close(): Promise<void>;
}

const DATABASE = 'app';
const TOKEN = 'faulty-token';
const NEVER = new AbortController().signal;

export async function startFaultyStack(): Promise<FaultyStack> {
  const [postgres, aws, engine, certificate] = await Promise.all([
    startRestartablePostgres(),
    startAws(),
    openDuckDbEngine({ directory: undefined }),
    createCertificate(),
  ]);
  await postgres.createDatabase(DATABASE);
  const url = postgres.url(DATABASE);
  const proxy = await startNeonProxy({ postgres });
  const warehouseFaults = new Faults();
  const options = { engine, token: TOKEN, certificate };
  const warehouse = await startWarehouse({ ...options, faults: warehouseFaults });
  const quiet = await startWarehouse(options);
  const quietClient = new Warehouse(databricksAt(quiet));
  const awsFaults = new AwsFaults();
  const [sqs, dynamodb] = await Promise.all([
    startAwsFront(aws.sqs, awsFaults),
    startAwsFront(aws.dynamodb, awsFaults),
  ]);
  const resources = await ensureResources(aws);
  const behindFront = (queueUrl: string) => sqs.endpoint + new URL(queueUrl).pathname;
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));

  return {
    postgres,
    proxy,
    warehouse,
    warehouseFaults,
    awsFaults,
    aws,
    resources,
    connections: {
      databricks: databricksAt(warehouse),
      neon: { url, localProxy: proxy.address },
      aws: {
        region: aws.region,
        checkpointTable: resources.checkpointTable,
        chunkQueueUrl: behindFront(resources.chunkQueueUrl),
        deadLetterQueueUrl: behindFront(resources.deadLetterQueueUrl),
        local: { sqs: sqs.endpoint, dynamodb: dynamodb.endpoint },
      },
    },
    sql: (statement) => quietClient.query(statement, 'test', NEVER),
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      return (await pool.query<Row>(sql, [...values])).rows;
    },
    async inSnapshot(work) {
      const client = await pool.connect();
      try {
        await client.query('begin isolation level repeatable read, read only');
        const result = await work(client);
        await client.query('commit');
        client.release();
        return result;
      } catch (thrown) {
        client.release(true);
        throw thrown;
      }
    },
    clearFaults() {
      proxy.faults.clear();
      warehouseFaults.clear();
      awsFaults.clear();
    },
    async close() {
      await Promise.all([quietClient.close(), pool.end()]);
      await Promise.all([sqs.close(), dynamodb.close()]);
      await Promise.all([proxy.close(), warehouse.close(), quiet.close(), aws.close()]);
      await engine.close();
      await postgres.close();
    },
  };
}

function databricksAt({ host, port, path, caCert }: WarehouseServer): Connections['databricks'] {
  return { host, port, path, auth: { kind: 'token', token: TOKEN }, caCert };
}
