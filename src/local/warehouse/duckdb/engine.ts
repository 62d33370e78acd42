import type { SourceTable } from '../../../schema/table-name.ts';
import { type Clock, systemClock } from '../../../telemetry/clock.ts';
import type { WarehouseEngine } from '../engine.ts';
import { Database } from './database.ts';
import { loadFile } from './load-file.ts';
import { DuckDbSession } from './session.ts';

export interface DuckDbEngineOptions {
  /** Where the tables are kept; in memory when undefined. One engine at a time can have a directory open. */
  readonly directory: string | undefined;
  readonly clock?: Clock;
}

export interface DuckDbEngine extends WarehouseEngine {
  /**
   * Reads a user's .csv, .parquet or .json file into a new Delta table, or replaces the one of that name in an
   * ordinary commit. Types are inferred. The schema is made when missing. Throws EngineError for a file that is
   * not there, cannot be read, or is of another kind.
   */
  loadFile(path: string, table: SourceTable): Promise<{ readonly rows: number; readonly version: bigint }>;
}

/** Opens the engine that plays a SQL warehouse over Delta tables. */
export async function openDuckDbEngine(options: DuckDbEngineOptions): Promise<DuckDbEngine> {
  const database = await Database.open(options.directory, options.clock ?? systemClock);
  return {
    name: 'DuckDB',
    openSession: async () => new DuckDbSession(database, await database.connect()),
    loadFile: (path, table) => loadFile(database, path, table),
    close: () => database.close(),
  };
}
