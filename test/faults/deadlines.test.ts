import type { SQSRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PLANNER_EARLY_MS } from '../../lambdas/planner.ts';
import { WRITER_EARLY_MS, writerHandler } from '../../lambdas/writer.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import type { FaultRule } from '../../src/local/warehouse/faults.ts';
import { encodeMessage } from '../../src/plan/codec.ts';
import { type FaultBench, type FaultTable, openFaultBench } from '../support/fault-bench.ts';
import { recordOf } from '../support/invoke.ts';

/** Times for a function to get to what hangs: it is tried with the next one where a busy machine keeps it from it. */
const AT_WORK_MS = [2_000, 10_000, 80_000];
/** How often this process looks whether it gets to its timers, and how late it may be without having been kept. */
const [LOOK_MS, PUNCTUAL_MS] = [20, 50];

let bench: FaultBench;
let table: FaultTable;

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(() => bench?.close());
afterEach(() => bench.stack.clearFaults());

/** Brings one fault about; `struck` tells whether something waits, or has waited, for it. */
type Hang = () => { readonly struck: () => boolean };

const neonAt =
  (text: string): Hang =>
  () => {
    let struck = false;
    bench.stack.proxy.faults.holdAtStatement(text).reached.then(() => {
      struck = true;
    });
    return { struck: () => struck };
  };

const silentAws =
  (...actions: readonly string[]): Hang =>
  () => {
    const [first] = actions.map((action) =>
      bench.stack.awsFaults.add({ action, times: 1_000, fault: 'silent' }),
    );
    return { struck: () => (first?.fired ?? 0) > 0 };
  };

const slowWarehouse =
  (rule: Pick<FaultRule, 'on'> & { readonly match?: RegExp }): Hang =>
  () => {
    const fault = { kind: 'slow', ms: 120_000 } as const;
    const armed = bench.stack.warehouseFaults.add({ ...rule, times: 1, fault } as FaultRule);
    return { struck: () => armed.fired === 1 };
  };

/** A warehouse that hands out every row, and is silent when the statement is closed. */
const silentAtClose: Hang = () => {
  const fault = { kind: 'slow', ms: 0 } as const;
  // Rows that are fetched: those that come with the first answer need no closing.
  bench.stack.warehouseFaults.add({ on: 'fetch', match: /describe detail/, times: 1_000, fault });
  return slowWarehouse({ on: 'closeOperation', match: /describe detail/ })();
};

/** What `attempt` gives once its function was at what hangs; each attempt has a table of its own. */
async function atWhatHangs<T>(
  attempt: (atWorkMs: number) => Promise<{ readonly struck: boolean; readonly end: T }>,
): Promise<T> {
  let missed: T | undefined;
  for (const atWorkMs of AT_WORK_MS) {
    table = await bench.aTable(50);
    const { struck, end } = await attempt(atWorkMs);
    if (struck) return end;
    missed = end;
    bench.stack.clearFaults();
  }
  throw new Error(`the function never got to what hangs: ${JSON.stringify(missed)}`);
}

/** Starts a watch that stands still while a busy machine keeps this process from its timers; gives its milliseconds. */
function startWatch(): () => number {
  const startedAt = performance.now();
  let [kept, due] = [0, startedAt + LOOK_MS];
  const timer = setInterval(() => {
    const late = performance.now() - due;
    if (late > PUNCTUAL_MS) kept += late;
    due = performance.now() + LOOK_MS;
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return performance.now() - startedAt - kept;
  };
}

/** Nothing that the function began goes on, neither in Postgres nor in the warehouse. */
async function expectNothingUnderWay(): Promise<void> {
  const running = () =>
    bench.stack.query(
      `select query from pg_stat_activity
       where datname = current_database() and application_name = 'lakeferry' and xact_start is not null`,
    );
  await expect.poll(running).toEqual([]);
  await expect.poll(() => bench.stack.warehouse.statements()).toEqual([]);
}

describe('a planner whose time runs out', () => {
  it.each<[string, Hang]>([
    ['Neon is silent when a transaction begins', neonAt('begin isolation level')],
    ['Neon is silent when the plan is opened', neonAt('set plan_id = $2')],
    ['Neon is silent when the opening is committed', neonAt('commit')],
    ['the warehouse opens no session', slowWarehouse({ on: 'openSession' })],
    ['the warehouse does not close a statement', silentAtClose],
    ['DynamoDB is silent at the first read', silentAws('GetItem')],
    ['DynamoDB is silent at the claim', silentAws('PutItem')],
    ['SQS is silent when the chunks are sent', silentAws('SendMessageBatch')],
    ['all of AWS is silent when the chunks are sent', silentAws('SendMessageBatch', 'UpdateItem')],
  ])('while %s ends before Lambda ends it, and leaves nothing under way', async (_, hang) => {
    const { outcome, leftMs } = await atWhatHangs(async (atWorkMs) => {
      await bench.forgetSessions();
      const timeoutMs = PLANNER_EARLY_MS + atWorkMs;
      const { struck } = hang();
      const elapsed = startWatch();
      const outcome = await table.plan(false, timeoutMs).then(
        (tick) => tick.outcome,
        (error: { readonly kind?: string }) => error.kind,
      );
      return { struck: struck(), end: { outcome, leftMs: timeoutMs - elapsed() } };
    });
    expect(outcome).toBe('cancelled');
    expect(leftMs).toBeGreaterThan(0);
    bench.stack.clearFaults();
    await expectNothingUnderWay();
    await table.settle();
    await table.expectEqual();
  });
});

describe('a writer whose time runs out', () => {
  const lockedTable: Hang = () => ({ struck: () => true });

  it.each<[string, Hang]>([
    ['Neon is silent at the fence', neonAt('for share')],
    ['Neon is silent in the middle of a COPY', neonAt('copy ')],
    ['Neon is silent at the merge', neonAt('merge into')],
    ['Neon is silent at the commit', neonAt('update lakeferry.applied_slices')],
    ['Neon is silent when the plan is finished', neonAt('set through = $3')],
    ['the warehouse opens no session', slowWarehouse({ on: 'openSession' })],
    ['DynamoDB is silent when the slice is noted', silentAws('UpdateItem')],
    ['all of DynamoDB is silent', silentAws('UpdateItem', 'GetItem', 'PutItem')],
    ['all of AWS is silent', silentAws('UpdateItem', 'GetItem', 'PutItem', 'ChangeMessageVisibility')],
    ['the target table is locked', lockedTable],
  ])(
    'while %s gives the message back before Lambda ends it, and leaves nothing under way',
    async (_, hang) => {
      let unlock: (() => Promise<void>) | undefined;
      const { failures, expected, leftMs } = await atWhatHangs(async (atWorkMs) => {
        await table.settle();
        // Values that may move between rows: such a chunk is not halved, and comes again whole.
        await bench.stack.query(`create unique index on ${table.target} (name)`);
        await table.change();
        const record = await sendOne();
        await bench.forgetSessions();
        unlock = hang === lockedTable ? await lockTarget() : undefined;
        const timeoutMs = WRITER_EARLY_MS + atWorkMs;
        const { struck } = hang();
        const elapsed = startWatch();
        const { batchItemFailures: failures } = await write(record, timeoutMs);
        const expected = [{ itemIdentifier: record.messageId }];
        return { struck: struck(), end: { failures, expected, leftMs: timeoutMs - elapsed() } };
      });
      expect(failures).toEqual(expected);
      expect(leftMs).toBeGreaterThan(0);
      if (unlock !== undefined) await expectNothingUnderWay();
      await unlock?.();
      bench.stack.clearFaults();
      await expectNothingUnderWay();
      await table.settle();
      await table.expectEqual();
    },
  );
});

/** Plans, and gives the one message as Lambda has it; the queue keeps its own copy. */
async function sendOne(): Promise<SQSRecord> {
  const tick = await table.plan();
  if (tick.outcome !== 'sent' || tick.chunks !== 1) throw new Error('not one chunk was sent');
  return recordOf({
    body: encodeMessage({ plan: tick.plan, slice: 0, of: tick.plan.slices }),
    receiptHandle: 'of-nobody',
    attempt: 1,
  });
}

async function write(record: SQSRecord, timeoutMs: number) {
  const handler = writerHandler(async () => ({
    config: { connections: { databricks: {}, neon: {}, aws: {} }, syncs: new Map() },
    services: bench.services,
  }));
  return handler({ Records: [record] }, createLambdaContext('writer', timeoutMs));
}

/** Another session's lock on the target; gives what ends it. */
async function lockTarget(): Promise<() => Promise<void>> {
  const locked = Promise.withResolvers<void>();
  const unlocked = Promise.withResolvers<void>();
  const session = bench.stack.inSnapshot(async (client) => {
    await client.query(`set transaction read write; lock table ${table.target} in access exclusive mode`);
    locked.resolve();
    await unlocked.promise;
  });
  await locked.promise;
  const unlock = async () => {
    unlocked.resolve();
    await session;
  };
  onTestFinished(unlock);
  return unlock;
}
