import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import type { EngineBatch, EngineColumn, EngineResult, EngineSession, WarehouseEngine } from '../engine.ts';
import type { SparkAddress } from './process.ts';
import { type Answer, ask } from './wire.ts';

export interface SparkEngineOptions {
  /** A running Spark; it stays the caller's, and may serve several engines. */
  readonly spark: SparkAddress;
  /** Where the tables are kept. One engine at a time can have a directory open. */
  readonly directory: string;
}

/** Opens a SQL warehouse of Apache Spark over Delta tables. Statements go to Spark as they come. */
export async function openSparkEngine({ spark, directory }: SparkEngineOptions): Promise<WarehouseEngine> {
  const warehouse = await identify(ask(spark, { do: 'open_warehouse', directory }));
  return {
    name: 'Spark',
    async openSession() {
      return sessionOf(spark, await identify(ask(spark, { do: 'open_session', warehouse })));
    },
    async close() {
      await ask(spark, { do: 'close_warehouse', warehouse });
    },
  };
}

function sessionOf(spark: SparkAddress, session: number): EngineSession {
  return {
    async execute(statement, signal): Promise<EngineResult> {
      const { answer, rest } = await ask(spark, { do: 'execute', session, statement }, signal);
      const columns = answer['columns'] as EngineColumn[];
      if (columns.length > 0) return { columns, batches: readBatches(rest) };
      for await (const _ of rest);
      return { columns, batches: nothing() };
    },
    async close() {
      await ask(spark, { do: 'close_session', session });
    },
  };
}

async function identify(asked: Promise<Answer>): Promise<number> {
  return (await asked).answer['id'] as number;
}

async function* nothing(): AsyncGenerator<EngineBatch> {}

async function* readBatches(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<EngineBatch> {
  for await (const batch of await RecordBatchReader.from(bytes)) yield valuesOf(batch);
}

function valuesOf(batch: RecordBatch): EngineBatch {
  const values = batch.schema.fields.map((_, at) => [...(batch.getChildAt(at) ?? [])]);
  return { rows: batch.numRows, values };
}
