import type { DatabricksConnection } from '../../src/config/connections.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { createCertificate } from '../../src/local/warehouse/certificate.ts';
import type { WarehouseEngine } from '../../src/local/warehouse/engine.ts';
import { Faults } from '../../src/local/warehouse/faults.ts';
import { startWarehouse } from '../../src/local/warehouse/server.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { type ResultRow, Warehouse } from '../../src/source/databricks/client.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import type { Source } from '../../src/source/source.ts';
import type { SourceSurvey } from '../../src/source/survey.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { planSync, type Tick } from '../../src/sync/plan-sync.ts';
import type { Services } from '../../src/sync/services.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import type { TargetSurvey } from '../../src/target/survey.ts';
import type { ApplyOutcome, Target } from '../../src/target/target.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { MemoryCheckpoints } from './memory-checkpoints.ts';
import { MemoryQueue } from './memory-queue.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
import { openEngine } from './warehouse-engine.ts';

/**
 * Source and target for real: the Databricks driver against the local warehouse, Neon's driver against a real
 * Postgres. Checkpoints and queue are in memory, so that a test decides what is delivered, when and how often.
 */
export interface Lake {
  readonly services: Services & {
    readonly source: Source & SourceSurvey;
    readonly target: Target & TargetSurvey;
    readonly queue: MemoryQueue;
    readonly checkpoints: MemoryCheckpoints;
  };
  readonly database: FreshDatabase;
  readonly databricks: DatabricksConnection;
  readonly faults: Faults;
  /** Runs a statement on the warehouse. */
  sql(statement: string): Promise<ResultRow[]>;
  close(): Promise<void>;
}

const TOKEN = 'lake-token';
export const NEVER = new AbortController().signal;

/** `wrap` may stand between the front and the engine, to give what Delta gives in the wild. */
export async function startLake(
  wrap: (engine: WarehouseEngine) => WarehouseEngine = (engine) => engine,
): Promise<Lake> {
  const [database, engine] = await Promise.all([freshDatabase(), openEngine()]);
  const faults = new Faults();
  const server = await startWarehouse({
    engine: wrap(engine),
    token: TOKEN,
    certificate: await createCertificate(),
    faults,
  });
  const databricks: DatabricksConnection = {
    host: server.host,
    port: server.port,
    path: server.path,
    auth: { kind: 'token', token: TOKEN },
    caCert: server.caCert,
  };
  const warehouse = new Warehouse(databricks);
  const telemetry = { clock: systemClock, log: silentLog, metrics: noMetrics };
  const source = openDatabricksSource(databricks);
  const target = openPostgresTarget({ url: database.url, localProxy: database.proxy.address }, telemetry);
  return {
    services: {
      source,
      target,
      checkpoints: new MemoryCheckpoints(),
      queue: new MemoryQueue(),
      ...telemetry,
    },
    database,
    databricks,
    faults,
    sql: (statement) => warehouse.query(statement, 'test', NEVER),
    async close() {
      await Promise.allSettled([source.close(), target.close(), warehouse.close()]);
      await server.close();
      await engine.close();
      await database.drop();
    },
  };
}

/** Ticks and applies until the source has nothing new; gives the last tick. */
export async function syncNow({ services }: Pick<Lake, 'services'>, config: SyncConfig): Promise<Tick> {
  for (;;) {
    const tick = await planSync(services, config, { byPerson: true }, NEVER);
    if (tick.outcome !== 'sent') return tick;
    await deliverAll(services);
  }
}

/** Delivers every message of the queue once. */
export async function deliverAll(services: Lake['services']): Promise<ApplyOutcome[]> {
  const outcomes: ApplyOutcome[] = [];
  for (let message = services.queue.receive(); message; message = services.queue.receive()) {
    outcomes.push(await applyChunk(services, decodeMessage(message.body), NEVER));
    services.queue.acknowledge(message.receiptHandle);
  }
  return outcomes;
}
