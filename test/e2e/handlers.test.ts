import type { SQSRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PLANNER_EARLY_MS } from '../../lambdas/planner.ts';
import { logger } from '../../lambdas/runtime.ts';
import { MAX_RECEIVES, WRITER_EARLY_MS } from '../../lambdas/writer.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage, encodeMessage } from '../../src/plan/codec.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { powertoolsLog } from '../../src/telemetry/powertools-log.ts';
import { aBench, type Bench, errorOf, Gate, only, overriding } from '../support/control.ts';
import { type Functions, functionsOn, recordOf } from '../support/invoke.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';

/** Time for a function to get to the slow statement, which takes far longer. */
const AT_WORK_MS = 8_000;
const SLOW = { kind: 'slow', ms: 60_000 } as const;

// The logger is made when the handlers are loaded: from then on it writes to this console.
vi.hoisted(() => vi.stubEnv('POWERTOOLS_DEV', 'true'));

describe('the functions', () => {
  let lake: Lake;
  let bench: Bench;
  let functions: Functions;
  let lines: string[];

  beforeAll(async () => {
    lake = await startLake();
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    lines = [];
    for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
      vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void lines.push(parts.join(' ')));
    }
    await use(await aBench(lake));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    lake.faults.clear();
  });

  async function use(made: Bench): Promise<void> {
    bench = made;
    functions = functionsOn({ ...made.services, log: powertoolsLog(logger) }, made.config);
  }

  const entries = () => lines.map((line): Record<string, unknown> => JSON.parse(line));
  const plan = () => functions.plan({ sync: bench.config.name });

  /** Records of every message that is visible, in flight as Lambda would have them. */
  function receive(): SQSRecord[] {
    const { queue } = bench.services;
    const records: SQSRecord[] = [];
    for (let message = queue.receive(); message; message = queue.receive()) records.push(recordOf(message));
    return records;
  }

  async function write(records: readonly SQSRecord[], timeoutMs?: number): Promise<string[]> {
    const { batchItemFailures } = await functions.write(records, timeoutMs);
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  async function expectEqual(): Promise<void> {
    const { source, target } = await bench.both();
    expect(target).toEqual(source);
  }

  const progressOf = (record: SQSRecord) =>
    bench.services.checkpoints.readProgress(decodeMessage(record.body).plan.id, NEVER);

  describe('planner', () => {
    it('sends the chunks of a sync, and the writer applies them', async () => {
      expect(await plan()).toMatchObject({ outcome: 'sent', chunks: 1 });
      expect(await write(receive())).toEqual([]);
      await expectEqual();
      expect(await plan()).toEqual({ outcome: 'idle' });
    });

    it('names a sync that lakeferry.yaml does not have, and does nothing', async () => {
      await expect(functions.plan({ sync: 'nobody' })).rejects.toMatchObject({
        kind: 'config_invalid',
        message: 'There is no sync nobody.',
        fields: { sync: 'nobody' },
      });
      expect(bench.services.queue.size).toBe(0);
    });

    it('leaves a halted sync alone, except for a person', async () => {
      await plan();
      const record = only(receive());
      const error = new SyncError('row_rejected', 'A row was refused.');
      await bench.fail(recordToMessage(record), error);
      expect(await plan()).toMatchObject({ outcome: 'halted', cause: { kind: 'row_rejected' } });
      const byPerson = { sync: bench.config.name, byPerson: true };
      expect(await functions.plan(byPerson)).toMatchObject({ outcome: 'sent' });
    });

    it('lets go of the sync before it answers when its time runs out', async () => {
      lake.faults.add({ on: 'execute', match: /describe detail/, times: 1, fault: SLOW });
      const ticked = functions.plan({ sync: bench.config.name }, PLANNER_EARLY_MS + AT_WORK_MS);
      await expect(ticked).rejects.toMatchObject({ kind: 'cancelled' });
      expect(await bench.state()).toBe('idle');
      expect(await plan()).toMatchObject({ outcome: 'sent' });
    });
  });

  describe('writer', () => {
    it('names exactly the message that failed, and applies the others of the batch', async () => {
      await use(await aBench(lake, { maxChunkRows: 1 }));
      await plan();
      const records = receive();
      expect(records).toHaveLength(3);
      lake.faults.add({
        on: 'execute',
        match: /pmod\(xxhash64\((?!'page')[^)]*\), 3\) = 1/,
        times: 1,
        fault: { kind: 'error', errorClass: 'INTERNAL_ERROR', sqlState: 'XX000', message: 'broken' },
      });
      const failing = only(records.filter(({ body }) => decodeMessage(body).slice === 1));
      expect(await write(records)).toEqual([failing.messageId]);
      expect((await progressOf(failing)).done).toEqual(new Set([0, 2]));

      bench.services.queue.elapse(5);
      for (const { receiptHandle, messageId } of records) {
        if (messageId !== failing.messageId) bench.services.queue.acknowledge(receiptHandle);
      }
      const again = receive();
      expect(only(again).attributes.ApproximateReceiveCount).toBe('2');
      expect(await write(again)).toEqual([]);
      await expectEqual();
    });

    it('gives back a message that it cannot read and goes on with the others', async () => {
      await plan();
      const good = only(receive());
      const bad = ['no JSON', '{"v":1}', good.body.replace('"slice":0', '"slice":7')].map((body) =>
        recordOf({ body, receiptHandle: 'none', attempt: 1 }),
      );
      const [first, ...others] = bad;
      if (!first) throw new Error('there is no record');
      expect(await write([first, good, ...others])).toEqual(bad.map(({ messageId }) => messageId));
      await expectEqual();
      expect(await bench.state()).toBe('idle');
      expect(entries().filter(({ kind }) => kind === 'message_invalid')).toHaveLength(3);
    });

    it('lets a message that it cannot read come again after a minute, not after the visibility timeout', async () => {
      bench.services.queue.duplicate('no JSON', 'somebody');
      const record = only(receive());
      expect(await write([record])).toEqual([record.messageId]);
      bench.services.queue.elapse(59);
      expect(receive()).toEqual([]);
      bench.services.queue.elapse(1);
      expect(only(receive()).attributes.ApproximateReceiveCount).toBe('2');
    });

    it('halts the sync with the last attempt and leaves the message to the dead-letter queue', async () => {
      await plan();
      const { body, receiptHandle } = only(receive());
      const fault = {
        kind: 'error',
        errorClass: 'INTERNAL_ERROR',
        sqlState: 'XX000',
        message: 'no',
      } as const;
      lake.faults.add({ on: 'execute', match: /line_total/, times: 2, fault });
      const attempt = (number: number) => recordOf({ body, receiptHandle, attempt: number });

      const before = attempt(MAX_RECEIVES - 1);
      expect(await write([before])).toEqual([before.messageId]);
      expect(await bench.state()).toBe('applying');
      const last = attempt(MAX_RECEIVES);
      expect(await write([last])).toEqual([last.messageId]);
      expect(await bench.state()).toBe('halted');

      const redriven = attempt(1);
      expect(await write([redriven])).toEqual([]);
      expect(await bench.state()).toBe('idle');
      await expectEqual();
    });

    describe('that finds the slice of its chunk held by a transaction that outlived its writer', () => {
      /** A writer in the middle of its COPY, of which nobody hears any more. */
      async function losesItsWriter(body: string) {
        const gate = new Gate();
        const { source } = bench.services;
        const held = overriding(source, {
          readTableId: async (...args) => {
            await gate.pass();
            return source.readTableId(...args);
          },
        });
        const lost = errorOf(bench.apply({ body }, { source: held }));
        await gate.reached;
        return {
          /** The server gives the transaction up. */
          async ends() {
            await lake.database.proxy.terminateBackends();
            gate.open();
            expect((await lost).kind).toBe('target_unavailable');
          },
        };
      }

      async function writeImpatiently(record: SQSRecord): Promise<string[]> {
        const neon = { url: lake.database.url, localProxy: lake.database.proxy.address };
        const limits = { statementMs: 60_000, lockMs: 20, idleMs: 60_000 };
        const target = openPostgresTarget(neon, { limits });
        const services = { ...bench.services, target, log: powertoolsLog(logger) };
        const { batchItemFailures } = await functionsOn(services, bench.config).write([record]);
        await target.close();
        return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      }

      it('gives back a message that came before, until the chunk can be applied', async () => {
        await plan();
        const { queue } = bench.services;
        const first = only(receive());
        const lost = await losesItsWriter(first.body);
        await queue.returnAfter(first.receiptHandle, 1, NEVER);
        queue.elapse(1);
        const again = only(receive());
        expect(await writeImpatiently(again)).toEqual([again.messageId]);
        expect(receive()).toEqual([]);
        expect(await bench.state()).toBe('applying');
        await lost.ends();
        queue.elapse(150);
        expect(await write(receive())).toEqual([]);
        await expectEqual();
      });

      it('keeps the half that goes on for the writer', async () => {
        await plan();
        const first = only(receive());
        const lost = await losesItsWriter(first.body);
        const { plan: made, slice, of } = decodeMessage(first.body);
        const half = encodeMessage({ plan: made, slice, of: 2 * of });
        const record = recordOf({ body: half, receiptHandle: 'half', attempt: 1 });
        expect(await writeImpatiently(record)).toEqual([record.messageId]);
        await lost.ends();
      });

      it.each([
        ['at its first receive, when it came twice', 1],
        ['at its last, without halting the sync', MAX_RECEIVES],
      ])('lets go of the message %s', async (_, attempt) => {
        await plan();
        const { body, receiptHandle } = only(receive());
        const lost = await losesItsWriter(body);
        expect(await writeImpatiently(recordOf({ body, receiptHandle, attempt }))).toEqual([]);
        expect(await bench.state()).toBe('applying');
        await lost.ends();
      });
    });

    it('gives the message back even when neither the failure nor the return can be noted', async () => {
      await plan();
      const record = only(receive());
      const away = async () => {
        throw new SyncError('checkpoint_unavailable', 'The checkpoint table is away.');
      };
      const { checkpoints, queue } = bench.services;
      functions = functionsOn(
        {
          ...bench.services,
          checkpoints: overriding(checkpoints, { addDone: away, recordFailure: away, read: away }),
          queue: overriding(queue, { returnAfter: away }),
          log: powertoolsLog(logger),
        },
        bench.config,
      );
      expect(await write([record])).toEqual([record.messageId]);
    });

    it.each([
      ['in the middle of a query', { on: 'execute', match: /line_total/ }, []],
      ['in the middle of a COPY', { on: 'fetch', match: /line_total/ }, [{ copying: true }]],
      ['after the last page', { on: 'execute', match: /describe detail/ }, [{ copying: false }]],
    ] as const)(
      'stops a chunk %s when its time runs out, and applies it in two halves',
      async (_, point, inside) => {
        await lake.sql(`insert into ${bench.source} select id, repeat('x', 2000) from range(10, 2000) r(id)`);
        await plan();
        // Pages enough for several fetches, the first of them large enough to be on its way to Postgres.
        const { body, receiptHandle } = only(receive());
        const { plan: made, slice } = decodeMessage(body);
        const record = recordOf({
          body: encodeMessage({ plan: { ...made, pages: 30 }, slice, of: made.slices }),
          receiptHandle,
          attempt: 1,
        });
        // Two fetches are let through: the driver reads one ahead.
        if (point.on === 'fetch') lake.faults.add({ ...point, times: 2, fault: { kind: 'slow', ms: 0 } });
        const armed = lake.faults.add({ ...point, times: 1, fault: SLOW });
        const written = write([record], WRITER_EARLY_MS + AT_WORK_MS);
        await vi.waitFor(async () => {
          expect(armed.fired).toBe(1);
          expect(await openTransactions()).toEqual(inside);
        }, AT_WORK_MS);
        expect(await written).toEqual([]);

        const failures = [...(await progressOf(record)).failures.values()];
        expect(failures).toMatchObject([{ kind: 'out_of_time', attempt: 1 }]);
        expect(await bench.rows()).toEqual([]);
        expect(await bench.row()).toMatchObject({ through: null, open: true });
        await expect.poll(openTransactions).toEqual([]);

        // The message of the whole chunk is acknowledged; its own copy here is one that is delivered twice.
        const parts: unknown[] = [];
        bench.services.queue.acknowledge(receiptHandle);
        for (let next = receive(); next.length > 0; next = receive()) {
          parts.push(...next.map(({ body: text }) => decodeMessage(text)));
          expect(await write(next)).toEqual([]);
          for (const { receiptHandle: handle } of next) bench.services.queue.acknowledge(handle);
        }
        expect(parts).toMatchObject([
          { slice: 0, of: 2 },
          { slice: 1, of: 2 },
        ]);
        await expectEqual();
      },
    );

    it('gives the message of a chunk back that may not be divided', async () => {
      await plan();
      const { body, receiptHandle } = only(receive());
      const { plan: made } = decodeMessage(body);
      const whole = encodeMessage({ plan: { ...made, divisible: false }, slice: 0, of: 1 });
      const record = recordOf({ body: whole, receiptHandle, attempt: 1 });
      lake.faults.add({ on: 'execute', match: /line_total/, times: 1, fault: SLOW });
      expect(await write([record], WRITER_EARLY_MS + AT_WORK_MS)).toEqual([record.messageId]);

      const failures = [...(await progressOf(record)).failures.values()];
      expect(failures).toMatchObject([{ kind: 'out_of_time', attempt: 1 }]);
      bench.services.queue.elapse(10);
      expect(await write(receive())).toEqual([]);
      await expectEqual();
    });
  });

  /** The writer's transactions, and whether each has rows of an unfinished COPY. */
  function openTransactions() {
    return lake.database.query(
      `select exists (select from pg_stat_progress_copy c where c.pid = a.pid and tuples_processed > 0) as copying
       from pg_stat_activity a
       where datname = current_database() and application_name = 'lakeferry' and xact_start is not null`,
    );
  }

  describe('log', () => {
    const PLANTED = 'planted-Row-Value';
    const chunkLines = () => entries().filter(({ message }) => String(message).startsWith('chunk '));

    beforeEach(async () => {
      await lake.sql(`insert into ${bench.source} values (4, '${PLANTED}'), (5, '${PLANTED}')`);
    });

    function expectSilence(): void {
      const everything = lines.join('\n');
      expect(everything).not.toContain(PLANTED);
      expect(everything).not.toContain(new URL(lake.database.url).password);
      expect(everything).not.toContain('lake-token');
    }

    it('says of a chunk that was applied its sync, plan and slice', async () => {
      const planned = await plan();
      if (planned.outcome !== 'sent') throw new Error(planned.outcome);
      await write(receive());
      const [line] = chunkLines().filter(({ message }) => message === 'chunk done');
      expect(line).toMatchObject({
        sync: bench.config.name,
        planId: planned.plan.id,
        slice: 0,
        outcome: 'applied',
        upserted: 5,
        function_name: 'writer',
      });
      expectSilence();
    });

    it.each([
      [
        'a value that the column cannot hold',
        'alter table T alter column name type varchar(5)',
        'row_rejected',
      ],
      ['a value that is there already', 'create unique index on T (name)', 'unique_conflict'],
      ['a value that a check forbids', `alter table T add check (name <> '${PLANTED}')`, 'row_rejected'],
      [
        'a trigger that quotes the row',
        `create or replace function public.refuse() returns trigger language plpgsql
           as $$ begin raise exception 'no % here', new.name using detail = new.name, hint = new.name; end $$;
         create trigger refuse before insert on T for each row execute function public.refuse()`,
        'row_rejected',
      ],
    ])('keeps the row to itself when Postgres refuses %s', async (_, statement, kind) => {
      const planned = await plan();
      if (planned.outcome !== 'sent') throw new Error(planned.outcome);
      const record = only(receive());
      await lake.database.query(statement.replaceAll(' T ', ` ${bench.target} `));
      expect(await write([record])).toEqual([record.messageId]);
      const failed = entries().filter(({ message }) => message !== 'chunks sent');
      expect(failed.map(({ message }) => message)).toEqual(['chunk not applied', 'sync halted']);
      for (const line of failed) {
        expect(line).toMatchObject({ sync: bench.config.name, planId: planned.plan.id, slice: 0, kind });
      }
      expectSilence();
      const progress = JSON.stringify([...(await progressOf(record)).failures]);
      const { checkpoint } = await bench.services.checkpoints.read(bench.config.name, NEVER);
      const { message } = checkpoint.state === 'halted' ? checkpoint.cause : { message: '' };
      expect(`${progress} ${message}`).not.toContain(PLANTED);
    });

    it.each(['Postgres', 'the warehouse'])('keeps the secret to itself when %s refuses it', async (who) => {
      await plan();
      const record = only(receive());
      const url = new URL(lake.database.url);
      url.password = PLANTED;
      const neon = { url: url.href, localProxy: lake.database.proxy.address };
      const databricks = { ...lake.databricks, auth: { kind: 'token', token: PLANTED } as const };
      const wrong =
        who === 'Postgres'
          ? { target: openPostgresTarget(neon) }
          : { source: openDatabricksSource(databricks, { retryDelaysMs: [] }) };
      const services = { ...bench.services, log: powertoolsLog(logger), ...wrong };
      const failed = await functionsOn(services, bench.config).write([record]);
      expect(failed.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
      const refused = expect.stringMatching(/_(unauthorized|permission)$/);
      expect(chunkLines()).toMatchObject([{ message: 'chunk not applied', slice: 0, kind: refused }]);
      expectSilence();
      await Promise.all([wrong.target?.close(), wrong.source?.close()]);
    });
  });
});

function recordToMessage(record: SQSRecord) {
  const { body, receiptHandle } = record;
  return { body, receiptHandle, group: '', attempt: Number(record.attributes.ApproximateReceiveCount) };
}
