import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { installSpark } from '../../src/local/warehouse/spark/install.ts';
import { type SparkAddress, startSpark } from '../../src/local/warehouse/spark/process.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The Spark of the run; absent where the suites run on DuckDB. */
    readonly spark: SparkAddress | undefined;
  }
}

/** Beside the folders of `lakeferry local up`, which uses the same installation. */
const INSTALLATION = path.resolve(import.meta.dirname, '../../.lakeferry/spark');

/** vitest's global set-up for the lakehouse suite: one Spark for the whole run, installed at the first. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const installation = await installSpark(INSTALLATION, (part) => {
    process.stdout.write(`Spark is not here yet: installing its ${part}.\n`);
  });
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-spark-'));
  const spark = await startSpark(installation, scratch);
  project.provide('spark', spark.address);
  return async () => {
    await spark.close();
    await rm(scratch, { recursive: true, force: true });
  };
}
