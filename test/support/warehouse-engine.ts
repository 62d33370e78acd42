import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { inject } from 'vitest';
import { openDuckDbEngine } from '../../src/local/warehouse/duckdb/engine.ts';
import type { WarehouseEngine } from '../../src/local/warehouse/engine.ts';
import { openSparkEngine } from '../../src/local/warehouse/spark/engine.ts';

/** What the suites that touch the source run on: DuckDB, or Spark with Delta under `npm run test:lakehouse`. */
export const ENGINE: 'duckdb' | 'spark' = inject('spark') ? 'spark' : 'duckdb';

/** A statement on Spark takes a second where DuckDB takes milliseconds: fewer runs and longer limits for it. */
export function onEngine<T>(choice: Readonly<Record<typeof ENGINE, T>>): T {
  return choice[ENGINE];
}

/** An engine with no tables, whose data goes when it is closed. */
export async function openEngine(): Promise<WarehouseEngine> {
  const spark = inject('spark');
  if (!spark) return openDuckDbEngine({ directory: undefined });
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-lakehouse-'));
  const engine = await openSparkEngine({ spark, directory });
  return {
    name: engine.name,
    openSession: () => engine.openSession(),
    async close() {
      await engine.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
