import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBScalarFunction,
  type DuckDBVarCharVector,
  VARCHAR,
} from '@duckdb/node-api';
import type { Clock } from '../../../telemetry/clock.ts';
import { EngineError } from '../engine.ts';
import type { Catalog } from './catalog.ts';
import { loadCatalog, META_SQL } from './catalog-records.ts';
import { Connection } from './connection.ts';
import { parseDuckType } from './duck-type-text.ts';
import { engineError } from './errors.ts';
import { TYPE_REPORT_FUNCTION } from './json.ts';
import { DIALECT_SQL, SESSION_SQL } from './macros.ts';
import { typeText } from './types.ts';

/**
 * No extension is fetched from anywhere: what the warehouse needs is built in. NULLs sort as Spark sorts them.
 * Macros with typed parameters need the storage version.
 */
const SETTINGS = {
  storage_compatibility_version: 'v1.4.0',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  default_null_order: 'nulls_first_on_asc_last_on_desc',
};

/** The DuckDB instance, the catalog of what is in it, and the order of those who write. */
export class Database {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly #instance: DuckDBInstance;
  readonly #typeReports: TypeReports;
  #writers: Promise<unknown> = Promise.resolve();
  #nextStoreId: number;

  private constructor(
    instance: DuckDBInstance,
    clock: Clock,
    reports: TypeReports,
    loaded: Awaited<ReturnType<typeof loadCatalog>>,
  ) {
    this.#instance = instance;
    this.#typeReports = reports;
    this.clock = clock;
    this.catalog = loaded.catalog;
    this.#nextStoreId = loaded.nextStoreId;
  }

  /** Opens or creates the database in a directory, or one that lives in memory. */
  static async open(directory: string | undefined, clock: Clock): Promise<Database> {
    if (directory !== undefined) await mkdir(directory, { recursive: true });
    const path = directory === undefined ? ':memory:' : join(directory, 'warehouse.duckdb');
    const instance = await DuckDBInstance.create(path, SETTINGS).catch((thrown: unknown) => {
      throw openFailure(path, thrown);
    });
    try {
      const duck = await instance.connect();
      const reports = new TypeReports();
      registerFunctions(duck, reports);
      const connection = new Connection(duck);
      await connection.run(`${DIALECT_SQL};\n${META_SQL}`);
      const loaded = await loadCatalog(connection);
      connection.close();
      return new Database(instance, clock, reports, loaded);
    } catch (thrown) {
      instance.closeSync();
      throw thrown;
    }
  }

  async connect(): Promise<Connection> {
    const connection = new Connection(await this.#instance.connect());
    await connection.run(SESSION_SQL);
    return connection;
  }

  /** Runs `work` when everybody who came to write before is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#writers.then(work);
    this.#writers = turn.catch(() => undefined);
    return turn;
  }

  takeStoreId(): number {
    const id = this.#nextStoreId;
    this.#nextStoreId += 1;
    return id;
  }

  /** The argument types that `lf_report_type` reports under `report` while the statement is prepared. */
  async reportTypes(
    connection: Connection,
    report: string,
    sql: string,
  ): Promise<ReadonlyMap<number, string>> {
    const types = this.#typeReports.open(report);
    try {
      await connection.prepared(sql, () => undefined);
      return types;
    } finally {
      this.#typeReports.close(report);
    }
  }

  async close(): Promise<void> {
    await this.#writers;
    this.#instance.closeSync();
  }
}

function openFailure(path: string, thrown: unknown): EngineError {
  const inUse = thrown instanceof Error && thrown.message.includes('Could not set lock');
  if (!inUse) return engineError(thrown);
  return new EngineError('CONCURRENT_ACCESS', '55006', `Another process has ${path} open.`, {
    cause: thrown,
  });
}

class TypeReports {
  readonly #open = new Map<string, Map<number, string>>();

  open(report: string): Map<number, string> {
    const types = new Map<number, string>();
    this.#open.set(report, types);
    return types;
  }

  close(report: string): void {
    this.#open.delete(report);
  }

  /** `call` is `report:number`. */
  add(call: string, type: string): void {
    const [report = '', number = ''] = call.split(':');
    this.#open.get(report)?.set(Number(number), type);
  }
}

export function newReport(): string {
  return randomUUID();
}

/** Both are functions of constants, which DuckDB evaluates once, as it prepares a statement. */
function registerFunctions(duck: DuckDBConnection, reports: TypeReports): void {
  const textFunction = (name: string, arity: number, apply: (...args: string[]) => string) => {
    duck.registerScalarFunction(
      DuckDBScalarFunction.create({
        name,
        parameterTypes: Array.from({ length: arity }, () => VARCHAR),
        returnType: VARCHAR,
        mainFunction: (_info, input, output) => {
          for (let row = 0; row < input.rowCount; row += 1) {
            const args = Array.from({ length: arity }, (_, at) =>
              String(input.getColumnVector(at).getItem(row)),
            );
            (output as DuckDBVarCharVector).setItem(row, apply(...args));
          }
          output.flush();
        },
      }),
    );
  };
  textFunction(TYPE_REPORT_FUNCTION, 2, (call = '', type = '') => {
    reports.add(call, type);
    return type;
  });
  textFunction('lf_delta_type', 1, (type = '') => typeText(parseDuckType(type)));
}
