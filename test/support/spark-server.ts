import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { installSpark } from '../../src/local/warehouse/spark/install.ts';
import { type SparkAddress, type SparkProcess, startSpark } from '../../src/local/warehouse/spark/process.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The Spark of the run; absent where the suites run on DuckDB. */
    readonly spark: SparkAddress | undefined;
  }
}

/** Beside the folders of `lakeferry local up`, which uses the same installation. */
export const INSTALLATION = path.resolve(import.meta.dirname, '../../.lakeferry/spark');

/** Address of a Spark that runs already, as `npm run spark` prints it: saves its start and warm-up. */
const RUNNING = 'LAKEFERRY_TEST_SPARK';

/** vitest's global set-up for the lakehouse suite: one Spark for the whole run, installed at the first. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env[RUNNING];
  if (running !== undefined) {
    project.provide('spark', JSON.parse(running) as SparkAddress);
    return async () => {};
  }
  const spark = await startTestSpark();
  project.provide('spark', spark.address);
  return () => spark.close();
}

async function startTestSpark(): Promise<SparkProcess> {
  const installation = await installSpark(INSTALLATION, (part) => {
    process.stderr.write(`Spark is not here yet: installing its ${part}.\n`);
  });
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-spark-'));
  const spark = await startSpark(installation, scratch);
  return {
    address: spark.address,
    async close() {
      await spark.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

if (import.meta.main) {
  const spark = await startTestSpark();
  process.stdout.write(`export ${RUNNING}='${JSON.stringify(spark.address)}'\n`);
  process.once('SIGINT', () => void spark.close());
}
