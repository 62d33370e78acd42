import { expect } from 'vitest';
import { plannerHandler } from '../../lambdas/planner.ts';
import type { Runtime } from '../../lambdas/runtime.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { type ComposedServices, compose, composeDeadLetters } from '../../src/compose.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import type { ChunkQueue, DeadLetterQueue } from '../../src/queue/queue.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import type { Tick } from '../../src/sync/plan-sync.ts';
import type { Services } from '../../src/sync/services.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { overriding } from './control.ts';
import { DriftingClock } from './drifting-clock.ts';
import { type FaultyStack, startFaultyStack } from './faulty-stack.ts';
import { aSync } from './syncs.ts';

/** The deployed functions on the local stack with its queue, each service behind its faults. */
export interface FaultBench {
  readonly stack: FaultyStack;
  readonly clock: DriftingClock;
  readonly services: Services;
  readonly deadLetters: DeadLetterQueue;
  /** The next statement on the warehouse opens a session of its own. */
  forgetSessions(): Promise<void>;
  /** A source table of `rows` rows, and its sync. */
  aTable(rows: number, over?: Partial<SyncConfig>): Promise<FaultTable>;
  close(): Promise<void>;
}

export interface FaultTable {
  readonly config: SyncConfig;
  /** Name of the source table in statements. */
  readonly source: string;
  /** Name of the target table in statements. */
  readonly target: string;
  plan(byPerson?: boolean, timeoutMs?: number): Promise<Tick>;
  /** Lets writers work until the chunk queue is empty. */
  write(): Promise<void>;
  /** What a person does after an outage that used up the attempts, which have no waits between them here. */
  recover(): Promise<void>;
  /** One commit that updates, deletes and inserts. */
  change(): Promise<void>;
  /** Ticks and writes until the source has nothing new; gives what the planner threw on the way. */
  settle(): Promise<readonly unknown[]>;
  /** The target equals the source at its newest version, nothing is under way, and no dead letter lies about. */
  expectEqual(): Promise<void>;
}

const NEVER = new AbortController().signal;
const LONG_MS = 600_000;
/** Longer than a planner's lease, shorter than what makes a plan stalled. */
const LEASE_MS = 6 * 60_000;
const MAX_TICKS = 30;
/** What nobody gives back comes again after it. A busy machine must not exceed it while a writer works. */
const VISIBILITY_SECONDS = 6;

export async function openFaultBench(): Promise<FaultBench> {
  const stack = await startFaultyStack();
  const clock = new DriftingClock();
  const composed = compose(stack.connections, { clock: clock.skewed(0), log: silentLog, metrics: noMetrics });
  const openSource = () => openDatabricksSource(stack.connections.databricks, { retryDelaysMs: [10] });
  let source = openSource();
  const services: Services = {
    ...composed,
    get source() {
      return source;
    },
    // Without the waits between attempts.
    queue: overriding<ChunkQueue>(composed.queue, {
      returnAfter: (receiptHandle, _, signal) => composed.queue.returnAfter(receiptHandle, 0, signal),
    }),
  };
  const { aws, resources } = stack;
  const deadLetters = composeDeadLetters({
    region: aws.region,
    checkpointTable: resources.checkpointTable,
    chunkQueueUrl: resources.chunkQueueUrl,
    deadLetterQueueUrl: resources.deadLetterQueueUrl,
    local: { sqs: aws.sqs, dynamodb: aws.dynamodb },
  });
  await stack.sql('create schema main.faults');
  let made = 0;
  return {
    stack,
    clock,
    services,
    deadLetters,
    async forgetSessions() {
      const before = source;
      source = openSource();
      await before.close();
    },
    async aTable(rows, over = {}) {
      const name = `t${made++}`;
      const table = `main.faults.${name}`;
      await stack.sql(`create table ${table} (id int, name string) using delta`);
      await stack.sql(`insert into ${table} select id, concat('row ', id) from range(0, ${rows}) r(id)`);
      return faultTable(
        { stack, clock, services, deadLetters, composed },
        aSync(table, `public.${name}`, ['id'], over),
      );
    },
    async close() {
      stack.clearFaults();
      deadLetters.close();
      await Promise.all([composed.close(), source.close()]);
      await stack.close();
    },
  };
}

interface Parts {
  readonly stack: FaultyStack;
  readonly clock: DriftingClock;
  readonly services: Services;
  readonly deadLetters: DeadLetterQueue;
  readonly composed: ComposedServices;
}

function faultTable({ stack, clock, services, deadLetters }: Parts, config: SyncConfig): FaultTable {
  const source = Object.values(config.source).join('.');
  const target = Object.values(config.target).join('.');
  const runtime = async (): Promise<Runtime> => ({
    config: { connections: { databricks: {}, neon: {}, aws: {} }, syncs: new Map([[config.name, config]]) },
    services,
  });
  const planner = plannerHandler(runtime);
  let changes = 0;
  const table: FaultTable = {
    config,
    source,
    target,
    plan: (byPerson = false, timeoutMs = LONG_MS) =>
      planner({ sync: config.name, byPerson }, createLambdaContext('planner', timeoutMs)),
    async write() {
      const stop = new AbortController();
      const pump = pumpQueue({
        aws: stack.aws,
        queueUrl: stack.resources.chunkQueueUrl,
        handler: writerHandler(runtime),
        visibilityTimeoutSeconds: VISIBILITY_SECONDS,
        signal: stop.signal,
      });
      await pump.idle();
      stop.abort();
      await pump.stopped;
    },
    async recover() {
      await deadLetters.moveAll(() => {}, NEVER);
      await table.plan(true);
      await table.write();
    },
    async change() {
      changes += 1;
      await stack.sql(`merge into ${source} as t
        using (select id, id % 5 = 0 as gone from range(0, 40) r(id)
               union all select 1000 + ${changes}, false) as s
        on t.id = s.id
        when matched and s.gone then delete
        when matched then update set name = concat('change ${changes} of ', t.id)
        when not matched then insert (id, name) values (s.id, 'new')`);
    },
    async settle() {
      const thrown: unknown[] = [];
      for (let tick = 0; tick < MAX_TICKS; tick++) {
        const ticked = await table.plan().catch((error: unknown) => {
          thrown.push(error);
          return undefined;
        });
        if (ticked?.outcome === 'idle') return thrown;
        if (ticked?.outcome === 'halted') throw new Error(`the sync is halted: ${ticked.cause.kind}`);
        await table.write();
        if (ticked?.outcome === 'busy') clock.jump(LEASE_MS);
      }
      throw new Error('the sync does not come to rest');
    },
    async expectEqual() {
      const [newest] = await stack.sql(`describe history ${source} limit 1`);
      const rows = await stack.sql(`select id, name from ${source} order by id`);
      expect(await stack.query(`select id, name from ${target} order by id`)).toEqual(rows);
      const [row] = await stack.query('select open, through::text from lakeferry.syncs where sync = $1', [
        config.name,
      ]);
      expect(row).toEqual({ open: false, through: String(newest?.['version']) });
      expect((await services.checkpoints.read(config.name, NEVER)).checkpoint.state).toBe('idle');
      expect(await deadLetters.readCount(NEVER)).toBe(0);
    },
  };
  return table;
}
