import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SyncError } from '../error/sync-error.ts';
import { type LocalAws, startAws } from './aws/aws.ts';
import { ensureResources } from './aws/resources.ts';
import type { EngineName } from './engine-name.ts';
import { type NeonProxy, startNeonProxy } from './neon-proxy/proxy.ts';
import { type PostgresServer, startPostgres } from './postgres/server.ts';
import { findStackInfo, type StackInfo, stackFile } from './stack-info.ts';
import { createCertificate } from './warehouse/certificate.ts';
import { openDuckDbEngine } from './warehouse/duckdb/engine.ts';
import type { WarehouseEngine } from './warehouse/engine.ts';
import { Faults } from './warehouse/faults.ts';
import { startWarehouse } from './warehouse/server.ts';
import { openSparkEngine } from './warehouse/spark/engine.ts';
import { type InstallPart, installSpark } from './warehouse/spark/install.ts';
import { startSpark } from './warehouse/spark/process.ts';

export interface StackOptions {
  /** Data of all servers; made when missing, found again at the next start. */
  readonly folder: string;
  /** Forgets what an earlier stack on this folder kept. */
  readonly fresh?: boolean;
  /** What runs the warehouse's statements; each has tables of its own. */
  readonly engine?: EngineName;
  /** Where Spark is installed, or is to be; below `folder` when absent. */
  readonly sparkFolder?: string;
  /** Told before each part starts. */
  readonly onPart?: (part: StackPart) => void;
}

export type StackPart = 'postgres' | 'proxy' | 'aws' | `spark-${InstallPart}` | 'spark' | 'warehouse';

export interface Stack {
  readonly info: StackInfo;
  readonly proxy: NeonProxy;
  readonly faults: Faults;
  close(): Promise<void>;
}

const DATABASE = 'app';
/** Folders of ours under the stack's: all that `fresh` removes. */
const PARTS = ['postgres', 'aws', 'warehouse', 'lakehouse'] as const;

/**
 * Starts Postgres, Neon's proxy, SQS, DynamoDB and the SQL warehouse, all on loopback, and writes how to reach them
 * to the folder. What was started is stopped again where a part fails. Failures are `local_failed`.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const folder = path.resolve(options.folder);
  const running = await findStackInfo(folder);
  if (running) {
    throw new SyncError('local_failed', `A local stack runs here already, as process ${running.pid}.`, {
      pid: running.pid,
    });
  }
  await mkdir(folder, { recursive: true });
  if (options.fresh) {
    for (const part of PARTS) await rm(path.join(folder, part), { recursive: true, force: true });
  }
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    await rm(stackFile(folder), { force: true });
    for (const stop of undo.splice(0).reverse()) await stop();
  };
  try {
    return { ...(await startParts(folder, options, undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(
  folder: string,
  {
    onPart = () => {},
    engine: engineName = 'duckdb',
    sparkFolder = path.join(folder, 'spark'),
  }: StackOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<Stack, 'close'>> {
  const folderOf = (part: (typeof PARTS)[number]) => path.join(folder, part);
  onPart('postgres');
  const postgres: PostgresServer = await startPostgres({ directory: folderOf('postgres') });
  undo.push(() => postgres.stop());
  await postgres.createDatabase(DATABASE);

  onPart('proxy');
  const proxy = await startNeonProxy({ postgres });
  undo.push(() => proxy.close());

  onPart('aws');
  const aws: LocalAws = await startAws({ directory: folderOf('aws') });
  undo.push(() => aws.close());
  const resources = await ensureResources(aws);

  let engine: WarehouseEngine;
  if (engineName === 'spark') {
    const installation = await installSpark(sparkFolder, (part) => onPart(`spark-${part}`));
    onPart('spark');
    const spark = await startSpark(installation, path.join(sparkFolder, 'scratch'));
    undo.push(() => spark.close());
    onPart('warehouse');
    engine = await openSparkEngine({ spark: spark.address, directory: folderOf('lakehouse') });
  } else {
    onPart('warehouse');
    engine = await openDuckDbEngine({ directory: folderOf('warehouse') });
  }
  undo.push(() => engine.close());
  const token = randomBytes(24).toString('base64url');
  const faults = new Faults();
  const warehouse = await startWarehouse({ engine, token, certificate: await createCertificate(), faults });
  undo.push(() => warehouse.close());

  const caCertFile = path.join(folder, 'warehouse-ca.pem');
  await writeFile(caCertFile, warehouse.caCert);
  const { host, port, path: httpPath } = warehouse;
  const info: StackInfo = {
    schemaVersion: 1,
    pid: process.pid,
    postgres: postgres.url(DATABASE),
    neon: proxy.address,
    warehouse: { host, port, path: httpPath, token, caCertFile },
    aws: {
      region: aws.region,
      sqs: aws.sqs,
      dynamodb: aws.dynamodb,
      chunkQueueUrl: resources.chunkQueueUrl,
      deadLetterQueueUrl: resources.deadLetterQueueUrl,
      checkpointTable: resources.checkpointTable,
    },
  };
  await writeFile(stackFile(folder), `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600 });
  return { info, proxy, faults };
}
