import { DBSQLClient, type LogLevel } from '@databricks/sql';
import { onTestFinished } from 'vitest';
import { createCertificate } from '../../src/local/warehouse/certificate.ts';
import type {
  EngineBatch,
  EngineColumn,
  EngineResult,
  WarehouseEngine,
} from '../../src/local/warehouse/engine.ts';
import { Faults } from '../../src/local/warehouse/faults.ts';
import { startWarehouse, type Warehouse } from '../../src/local/warehouse/server.ts';
import type { Log } from '../../src/telemetry/log.ts';

export const TOKEN = 'dapi-test';
export const certificate = await createCertificate();

/** What a statement does. */
type Run = (signal: AbortSignal) => EngineResult | Promise<EngineResult>;

/** Answers each statement by what the test says, and remembers what was asked of it. */
class ScriptedEngine implements WarehouseEngine {
  readonly name = 'scripted';
  readonly runs = new Map<string, Run>();
  readonly executed: string[] = [];
  readonly events: string[] = [];
  openSessions = 0;
  sessionsOpened = 0;

  async openSession() {
    const session = ++this.sessionsOpened;
    this.openSessions += 1;
    return {
      execute: async (statement: string, signal: AbortSignal) => {
        this.executed.push(`${session}: ${statement}`);
        const run = this.runs.get(statement);
        if (run === undefined) return rowsOf([{ name: 'one', type: 'int' }], [[1]]);
        return run(signal);
      },
      close: async () => {
        this.openSessions -= 1;
        this.events.push('session closed');
      },
    };
  }

  async close() {}
}

/** A result of one batch, given row by row. */
export function rowsOf(columns: EngineColumn[], rows: unknown[][]): EngineResult {
  return { columns, batches: single(batchOf(columns, rows)) };
}

function batchOf(columns: readonly EngineColumn[], rows: unknown[][]): EngineBatch {
  return { rows: rows.length, values: columns.map((_column, at) => rows.map((row) => row[at])) };
}

export async function* single(batch: EngineBatch) {
  yield batch;
}

/** One text column. */
export const TEXT = [{ name: 'line', type: 'string' }];

export interface Stand {
  readonly engine: ScriptedEngine;
  readonly faults: Faults;
  readonly warehouse: Warehouse;
  readonly logged: string[];
  connect(token?: string): Promise<DBSQLClient>;
  openSession(): ReturnType<DBSQLClient['openSession']>;
}

/** A warehouse over a scripted engine, and drivers for it; closed when the test ends. */
export async function stand(options: { waitMs?: number } = {}): Promise<Stand> {
  const engine = new ScriptedEngine();
  const faults = new Faults();
  const logged: string[] = [];
  const note = (message: string, fields?: unknown) =>
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { info: note, warn: note, error: note };
  const warehouse = await startWarehouse({ engine, faults, log, token: TOKEN, certificate, ...options });
  onTestFinished(() => warehouse.close());
  // Clients are left to the warehouse's close: their own would repeat CloseSession for half a minute after it.
  const connect = async (token = TOKEN) => {
    const client = new DBSQLClient({ logger: { log: (_level: LogLevel) => {} } });
    client.on('error', () => {});
    await client.connect({
      host: warehouse.host,
      port: warehouse.port,
      path: warehouse.path,
      token,
      customCaCert: warehouse.caCert,
      preserveBigNumericPrecision: true,
      telemetryEnabled: false,
    });
    return client;
  };
  return {
    engine,
    faults,
    warehouse,
    logged,
    connect,
    openSession: async () => (await connect()).openSession(),
  };
}

export type Session = Awaited<ReturnType<DBSQLClient['openSession']>>;

/** Runs a statement and reads all its rows. */
export async function query(session: Session, statement: string): Promise<Record<string, unknown>[]> {
  const operation = await session.executeStatement(statement);
  const rows = (await operation.fetchAll()) as Record<string, unknown>[];
  await operation.close();
  return rows;
}

/** What a promise rejects with; the driver also throws values that are no Error. */
export async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('It did not reject.');
    },
    (reason) => reason as Record<string, unknown>,
  );
}
