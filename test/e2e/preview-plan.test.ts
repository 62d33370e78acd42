import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import type { ErrorKind } from '../../src/error/error-kind.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { operateSync } from '../../src/sync/operate-sync.ts';
import type { PlanPreview, WorkPreview } from '../../src/sync/plan-preview.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { type PreviewOptions, type PreviewServices, previewPlans } from '../../src/sync/preview-plan.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { overriding } from '../support/control.ts';
import { syncToHalt } from '../support/halts.ts';
import { deliverAll, type Lake, NEVER, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

const MANY = 1_200;

describe('a preview of the plan', () => {
  let lake: Lake;
  let made = 0;
  let source = '';
  let target = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.preview');
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    const name = `items${made++}`;
    source = `main.preview.${name}`;
    target = `public.${name}`;
    config = aSync(source, target, ['id']);
    await lake.sql(`create table ${source} (id int, name string, size int) using delta`);
    await lake.sql(`insert into ${source} values (1, 'one', 10), (2, 'two', 20), (3, 'three', 30)`);
  });

  async function preview(
    exact = false,
    over: Partial<PreviewServices> = {},
    options: Partial<PreviewOptions> = {},
  ): Promise<PlanPreview> {
    const services = { ...lake.services, ...over };
    const [only] = await previewPlans(services, [config], { exact, ...options }, NEVER);
    if (!only) throw new Error('there is no preview');
    return only;
  }

  function workOf({ next }: PlanPreview): WorkPreview {
    if (next?.step !== 'plan') throw new Error(`there is no plan but ${next?.step}`);
    return next;
  }

  /** Rows that the target's row of the sync counts, ever. */
  async function totals() {
    const row = (await lake.services.target.readRows(NEVER)).get(config.name);
    return { upserted: Number(row?.rowsUpserted ?? 0), deleted: Number(row?.rowsDeleted ?? 0) };
  }

  /** Everything in the database that a statement could have changed, and the checkpoint. */
  async function everything() {
    const [structure] = await lake.database.query(
      `select (select jsonb_agg(n order by n.oid) from pg_namespace n where nspname not like 'pg\\_%') as schemas,
              (select jsonb_agg(c.relname || ' ' || c.oid order by c.oid) from pg_class c
               where c.relnamespace not in (select oid from pg_namespace where nspname like 'pg\\_%')) as relations`,
    );
    const tables = await lake.database.query<{ name: string }>(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    );
    const rows = await Promise.all(
      tables.map(({ name }) => lake.database.query(`select xmin, ctid, t.* from ${name} t order by ctid`)),
    );
    const history = await lake.sql(`describe history ${source}`);
    return {
      structure,
      tables,
      rows,
      history,
      stored: await lake.services.checkpoints.read(config.name, NEVER),
    };
  }

  /** The message's body of the one chunk that was sent. */
  function nextBody(): string {
    const message = lake.services.queue.receive();
    if (!message) throw new Error('nothing was sent');
    lake.services.queue.acknowledge(message.receiptHandle);
    return message.body;
  }

  it('foretells the first load: its version, its rows, and the statements that make the table', async () => {
    const first = await preview(true);
    expect(first).toMatchObject({ standing: { state: 'free' }, halts: [], unknown: [], rejectedKeys: 0n });
    const { plan, changes, table, deletes } = workOf(first);
    expect(plan.work).toEqual({ kind: 'snapshot', version: 1n });
    expect(changes).toEqual({ kind: 'exact', upserts: 3, deletes: 0, rejected: 0, conflicts: 0 });
    expect(table?.outcome).toBe('missing');
    expect(deletes).toBeUndefined();
    const tick = await planSync(lake.services, config, { byPerson: false }, NEVER);
    expect(tick).toMatchObject({ outcome: 'sent', plan: { work: plan.work, slices: plan.slices } });
    await deliverAll(lake.services);
    expect(await totals()).toEqual({ upserted: 3, deleted: 0 });
  });

  it('foretells a window: commits, times, slices, and the changes, estimated and exact, as they then come', async () => {
    await syncNow(lake, config);
    expect((await preview()).next).toEqual({ step: 'nothing', version: 1n });
    const before = await totals();
    await lake.sql(`update ${source} set size = 11 where id = 1`);
    await lake.sql(`delete from ${source} where id = 2`);
    await lake.sql(`insert into ${source} values (4, 'four', 40), (5, 'five', 50)`);
    await lake.sql(`delete from ${source} where id = 5`);
    config = { ...config, maxChunkRows: 2 };
    const estimated = workOf(await preview());
    expect(estimated.plan.work).toEqual({ kind: 'window', after: 1n, through: 5n });
    expect(estimated.changes).toEqual({ kind: 'estimate', rows: 5, from: 'history' });
    expect(estimated.deletes).toMatchObject({ kind: 'estimate', rows: 2, weight: { rows: 3, halts: false } });
    const { first = 0, last = 0 } = estimated.committed ?? {};
    expect(last).toBeGreaterThan(first);
    expect(Math.abs(Date.now() - last)).toBeLessThan(600_000);
    const exact = workOf(await preview(true));
    // Key 5 came and went within the window: the target never had it.
    expect(exact.changes).toEqual({ kind: 'exact', upserts: 2, deletes: 1, rejected: 0, conflicts: 0 });
    expect(exact.table).toEqual({ outcome: 'fits', untouched: [] });
    const tick = await planSync(lake.services, config, { byPerson: false }, NEVER);
    expect(tick).toMatchObject({
      outcome: 'sent',
      plan: { work: exact.plan.work, slices: exact.plan.slices, writers: exact.plan.writers },
    });
    expect(exact.plan.slices).toBe(3);
    await deliverAll(lake.services);
    const after = await totals();
    expect([after.upserted - before.upserted, after.deleted - before.deleted]).toEqual([2, 1]);
  });

  it('counts what leaves a filter and what changes its key as deletes, and what never was inside as none', async () => {
    config = { ...config, where: 'size < 100' };
    await lake.sql(`insert into ${source} values (7, 'seven', 700), (8, 'eight', 800)`);
    await syncNow(lake, config);
    const before = await totals();
    await lake.sql(`update ${source} set size = 100 where id = 1`);
    await lake.sql(`update ${source} set id = 22 where id = 2`);
    await lake.sql(`update ${source} set size = 701 where id = 7`);
    await lake.sql(`delete from ${source} where id = 8`);
    const estimated = workOf(await preview());
    expect(estimated.deletes).toMatchObject({ kind: 'estimate', rows: 1 });
    const exact = workOf(await preview(true));
    expect(exact.changes).toEqual({ kind: 'exact', upserts: 1, deletes: 2, rejected: 0, conflicts: 0 });
    await syncNow(lake, config);
    const after = await totals();
    expect([after.upserted - before.upserted, after.deleted - before.deleted]).toEqual([1, 2]);
  });

  it('knows no number of deletes where the history tells none, and says what counts them', async () => {
    await syncNow(lake, config);
    await lake.sql(`insert overwrite ${source} values (1, 'one', 10), (9, 'nine', 90)`);
    const told = await preview();
    expect(workOf(told).deletes).toBeUndefined();
    // The three rows that went are not in the history's metrics: what sizes the plan is the count.
    expect(workOf(told).changes).toEqual({ kind: 'estimate', rows: 5, from: 'count' });
    expect(told.unknown).toEqual([
      {
        of: 'deletes',
        message: expect.stringContaining('history of the table does not tell'),
        remedy: `lakeferry plan ${config.name} --exact`,
      },
    ]);
    const counted = await preview(true);
    expect(workOf(counted).changes).toMatchObject({ kind: 'exact', deletes: 2 });
    expect(counted.unknown).toEqual([]);
  });

  it('names new columns that are left out, and columns of the owner', async () => {
    await syncNow(lake, config);
    await lake.database.query(`alter table ${target} add column note text`);
    await lake.sql(`alter table ${source} add columns (colour string)`);
    const seen = await preview();
    expect(seen.leftOut).toEqual([{ name: 'colour', type: 'string' }]);
    expect(workOf(seen).table).toEqual({ outcome: 'fits', untouched: ['note'] });
    expect(seen.halts).toEqual([]);
    await syncNow(lake, config);
    expect(await preview()).toMatchObject({ next: { step: 'nothing' }, leftOut: [{ name: 'colour' }] });
  });

  it('expects the halt for a table that does not fit, with every problem', async () => {
    await lake.database.query(`create table ${target} (id integer, name varchar(2))`);
    const seen = await preview();
    expect(seen.halts).toMatchObject([{ of: 'table', kind: 'target_incompatible' }]);
    const cause = await syncToHalt(lake, config);
    expect(seen.halts[0]).toMatchObject({ kind: cause.kind, message: cause.message, remedy: cause.remedy });
    const halted = await preview();
    expect(halted.standing).toMatchObject({ state: 'halted', cause: { kind: 'target_incompatible' } });
  });

  it('expects the halt for a load into rows of somebody else', async () => {
    await lake.database.query(`create table ${target} (id integer primary key, name text, size integer)`);
    await lake.database.query(`insert into ${target} values (9, 'theirs', 90)`);
    const seen = await preview();
    const cause = await syncToHalt(lake, config);
    expect(seen.halts).toEqual([
      { of: 'table', kind: cause.kind, message: cause.message, remedy: cause.remedy },
    ]);
  });

  it('expects the halts for a changed setting, a missing column, a missing table and a key that is none', async () => {
    await syncNow(lake, config);
    const halts: Partial<SyncConfig>[] = [
      { where: 'size > 10' },
      { primaryKey: ['code'] },
      { source: { ...config.source, table: 'nowhere' } },
    ];
    for (const change of halts) {
      const sound = config;
      config = { ...config, ...change };
      const seen = await preview();
      const { kind, message, remedy } = await syncToHalt(lake, config);
      expect(seen.halts).toMatchObject([{ kind, message, remedy }]);
      expect(seen.next).toBeUndefined();
      config = sound;
    }
    await lake.sql(`insert into ${source} values (6, 'six', 60), (6, 'another six', 61)`);
    expect((await preview()).halts).toEqual([]);
    expect((await preview(true)).halts).toMatchObject([{ of: 'changes', kind: 'duplicate_source_key' }]);
    expect((await syncToHalt(lake, config)).kind).toBe('duplicate_source_key');
  });

  it('expects the halt for a filter that the warehouse does not understand, of a load and of a window', async () => {
    const sound = { ...config, where: 'size > 0' };
    config = { ...config, where: 'sizes > 0' };
    const [expected, ...others] = (await preview()).halts;
    const { kind } = await syncToHalt(lake, config);
    const message = expect.stringContaining('sizes');
    expect([expected, ...others]).toMatchObject([{ of: 'changes', kind, message }]);
    config = sound;
    await syncNow(lake, config);
    await lake.sql(`delete from ${source} where id = 1`);
    expect((await preview()).halts).toEqual([]);
    const { source: from } = lake.services;
    const asked: string[] = [];
    const checkReadable = async ({ work }: Plan) => void asked.push(work.kind);
    await preview(false, { source: overriding(from, { checkReadable }) });
    expect(asked).toEqual(['window']);
  });

  it('expects the halt for changes that the feed lacks, with and without a count of them', async () => {
    await syncNow(lake, config);
    const feed = (on: boolean) =>
      lake.sql(`alter table ${source} set tblproperties (delta.enableChangeDataFeed = ${on})`);
    await feed(false);
    await lake.sql(`delete from ${source} where id = 1`);
    await feed(true);
    const [estimated, exact] = [await preview(), await preview(true)];
    const cause = await syncToHalt(lake, config);
    for (const seen of [estimated, exact]) {
      expect(seen.halts).toMatchObject([{ of: 'changes', kind: 'change_feed_off', remedy: cause.remedy }]);
    }
    expect(cause.kind).toBe('change_feed_off');
  });

  it('expects the halt for changes of which VACUUM took the files', async () => {
    await syncNow(lake, config);
    await lake.sql(`update ${source} set size = size + 1`);
    await lake.sql(`update ${source} set size = size + 1`);
    const { source: from } = lake.services;
    const look = await from.look(config.source, NEVER);
    await lake.sql(`vacuum ${source} retain 0 hours`);
    const gap = [{ of: 'changes', kind: 'retention_gap' }];
    expect((await preview()).halts).toMatchObject(gap);
    // Of a window that VACUUM itself is not in, the history tells all: nothing else reads the feed.
    const told = await preview(false, { source: overriding(from, { look: async () => look }) });
    expect(workOf(told).changes).toEqual({ kind: 'estimate', rows: 6, from: 'history' });
    expect(told.halts).toMatchObject(gap);
    expect((await syncToHalt(lake, config)).kind).toBe('retention_gap');
  });

  it('expects the halt for rows that Postgres cannot hold, unless they may be put aside', async () => {
    await syncNow(lake, config);
    await lake.sql(`insert into ${source} select 7, concat('nul', chr(0)), 70`);
    const halting = await preview(true);
    expect(workOf(halting).changes).toMatchObject({ rejected: 1, upserts: 0 });
    expect(halting.halts).toMatchObject([{ kind: 'row_rejected' }]);
    expect((await syncToHalt(lake, config)).kind).toBe('row_rejected');
    config = { ...config, rejectedRows: 'quarantine' };
    expect((await preview(true)).halts).toEqual([]);
    await syncNow(lake, config);
    expect(await preview()).toMatchObject({ next: { step: 'nothing' }, rejectedKeys: 1n });
  });

  it('expects the halt before many deletes, which comes; what stands then is told, and the same plan again', async () => {
    await lake.sql(`insert into ${source} select id + 10, 'n', 1 from range(${MANY})`);
    await syncNow(lake, config);
    await lake.sql(`delete from ${source} where id > 9`);
    for (const exact of [false, true]) {
      const seen = await preview(exact);
      expect(workOf(seen).deletes).toEqual({
        kind: exact ? 'exact' : 'estimate',
        rows: MANY,
        weight: { rows: MANY + 3, estimated: false, halts: true },
      });
      expect(seen.halts).toMatchObject([{ of: 'deletes', kind: 'mass_delete' }]);
      expect(seen.halts[0]?.remedy).toContain(`lakeferry approve ${config.name}`);
    }
    expect((await syncToHalt(lake, config)).kind).toBe('mass_delete');
    const halted = await preview();
    expect(halted.standing).toMatchObject({ state: 'halted', cause: { kind: 'mass_delete' } });
    expect(workOf(halted).plan.work).toMatchObject({ kind: 'window', after: 2n, through: 3n });
    await operateSync(
      lake.services,
      config.name,
      { type: 'pause', by: 'ana', reason: '', now: 1 },
      { dryRun: false },
      NEVER,
    );
    expect((await preview()).standing).toMatchObject({
      state: 'paused',
      by: 'ana',
      cause: { kind: 'mass_delete' },
    });
    config = { ...config, maxDeletePercent: 100 };
    expect((await preview()).halts).toEqual([]);
  });

  it('tells a plan in flight, how far it is, and what comes behind it', async () => {
    await syncNow(lake, config);
    await lake.sql(`update ${source} set size = size + 1`);
    config = { ...config, maxChunkRows: 2 };
    await planSync(lake.services, config, { byPerson: false }, NEVER);
    await lake.sql(`delete from ${source} where id = 1`);
    expect(await preview()).toMatchObject({
      standing: { state: 'applying' },
      next: { step: 'goes_on', done: 0, latest: 3n, plan: { slices: 2, work: { through: 2n } } },
    });
    await applyChunk(lake.services, decodeMessage(nextBody()), NEVER);
    expect((await preview()).next).toMatchObject({ step: 'goes_on', done: 1 });
    await deliverAll(lake.services);
    expect(await preview()).toMatchObject({
      standing: { state: 'free' },
      next: { step: 'plan', plan: { work: { after: 2n, through: 3n } } },
    });
  });

  it('takes a plan that is finished, and not yet off the checkpoint, for finished', async () => {
    await syncNow(lake, config);
    await lake.sql(`update ${source} set size = size + 1`);
    await planSync(lake.services, config, { byPerson: false }, NEVER);
    const died = () => Promise.reject(new SyncError('checkpoint_unavailable', 'The writer died here.'));
    const dying = { ...lake.services, checkpoints: overriding(lake.services.checkpoints, { write: died }) };
    await expect(applyChunk(dying, decodeMessage(nextBody()), NEVER)).rejects.toThrow('died here');
    expect((await lake.services.checkpoints.read(config.name, NEVER)).checkpoint.state).toBe('applying');
    expect(await preview()).toMatchObject({
      standing: { state: 'free' },
      next: { step: 'nothing', version: 2n },
    });
  });

  it('cuts the plan at the pace that the target bears', async () => {
    await syncNow(lake, config);
    const { checkpoints } = lake.services;
    const { checkpoint, revision } = await checkpoints.read(config.name, NEVER);
    await checkpoints.write(config.name, { ...checkpoint, pace: { share: 0.5 } }, revision, NEVER);
    await lake.sql(`insert into ${source} select id + 10, 'n', 1 from range(${MANY})`);
    config = { ...config, maxChunkRows: 1_200 };
    const { plan } = workOf(await preview());
    expect([plan.slices, plan.writers]).toEqual([2, 2]);
    const tick = await planSync(lake.services, config, { byPerson: false }, NEVER);
    expect(tick).toMatchObject({ plan: { slices: plan.slices, writers: plan.writers, pages: plan.pages } });
    await deliverAll(lake.services);
  });

  it('tells a retry of rejected rows that is in flight', async () => {
    config = {
      ...config,
      rejectedRows: 'quarantine',
      columns: { ...config.columns, types: { name: 'varchar(4)' } },
    };
    await syncNow(lake, config);
    expect((await preview()).rejectedKeys).toBe(1n);
    config = { ...config, columns: { ...config.columns, types: { name: 'varchar(9)' } } };
    await lake.database.query(`alter table ${target} alter column name type varchar(9)`);
    await planSync(lake.services, config, { byPerson: true, retryRejected: true }, NEVER);
    expect((await preview()).next).toMatchObject({
      step: 'goes_on',
      plan: { work: { kind: 'retry', version: 1n } },
    });
    await deliverAll(lake.services);
    expect(await preview()).toMatchObject({ next: { step: 'nothing' }, rejectedKeys: 0n });
  });

  it('sees what a planner would do in the place of a retry that it cannot finish', async () => {
    config = {
      ...config,
      rejectedRows: 'quarantine',
      columns: { ...config.columns, types: { name: 'varchar(4)' } },
    };
    await syncNow(lake, config);
    config = { ...config, columns: { ...config.columns, types: {} } };
    await lake.database.query(`alter table ${target} alter column name type text`);
    const died = () => Promise.reject(new SyncError('queue_unavailable', 'The planner died here.'));
    const dying = { ...lake.services, queue: overriding(lake.services.queue, { send: died }) };
    await planSync(dying, config, { byPerson: true, retryRejected: true }, NEVER).catch(() => {});
    await lake.sql(`update ${source} set size = 31 where id = 3`);
    expect((await preview()).next).toMatchObject({ step: 'goes_on', plan: { work: { kind: 'retry' } } });
    config = { ...config, where: 'size > 0' };
    expect((await preview()).halts).toMatchObject([{ kind: 'mapping_changed' }]);
  });

  describe('without a way in', () => {
    const unreachable = (kind: ErrorKind) => () => Promise.reject(new SyncError(kind, 'Nobody answers.'));

    it('to the source, says so and what else it knows', async () => {
      await syncNow(lake, config);
      for (const kind of ['source_unavailable', 'source_unauthorized'] as const) {
        const blind = overriding(lake.services.source, { look: unreachable(kind) });
        expect(await preview(false, { source: blind })).toMatchObject({
          standing: { state: 'free' },
          next: undefined,
          rejectedKeys: 0n,
          halts: [],
          unknown: [{ of: 'source', kind, message: 'Nobody answers.' }],
        });
      }
    });

    it('to the target, says so once', async () => {
      for (const kind of ['target_unavailable', 'target_unauthorized', 'target_failed'] as const) {
        const nobody = unreachable(kind);
        const blind = overriding(lake.services.target, { lookAt: nobody, countRejected: nobody });
        const seen = await preview(false, { target: blind });
        expect(seen).toMatchObject({ next: undefined, rejectedKeys: undefined, halts: [] });
        expect(seen.unknown).toMatchObject([{ of: 'target', kind }]);
      }
    });

    it('to what the target put aside, says that', async () => {
      const blind = overriding(lake.services.target, { countRejected: unreachable('target_unavailable') });
      expect(await preview(false, { target: blind })).toMatchObject({
        rejectedKeys: undefined,
        unknown: [{ of: 'rejected' }],
        next: { step: 'plan' },
      });
    });

    it('to the checkpoint, is a failure only where something was planned before', async () => {
      const refused = {
        checkpoints: overriding(lake.services.checkpoints, { read: unreachable('aws_unauthorized') }),
      };
      const none = { undeployed: 'There is no stack.' };
      expect(await preview(false, refused)).toMatchObject({
        standing: { state: 'undeployed', why: 'Nobody answers.' },
        unknown: [],
      });
      await syncNow(lake, config);
      expect(await preview(false, refused, none)).toMatchObject({
        standing: { state: 'undeployed', why: 'There is no stack.' },
        unknown: [],
      });
      expect(await preview(false, refused)).toMatchObject({
        standing: { state: 'unknown' },
        unknown: [{ of: 'checkpoint', kind: 'aws_unauthorized' }],
        next: { step: 'nothing' },
      });
    });

    it('to a part of the answer, leaves out that part alone', async () => {
      await syncNow(lake, config);
      await lake.sql(`delete from ${source} where id = 1`);
      const nobody = unreachable('target_unavailable');
      const blind = overriding(lake.services.target, { checkTable: nobody, weighDeletes: nobody });
      const seen = await preview(false, { target: blind });
      expect(workOf(seen)).toMatchObject({ table: undefined, deletes: { rows: 1, weight: undefined } });
      expect(seen.unknown.map(({ of }) => of)).toEqual(['table', 'deletes']);
    });

    it('ends when it is interrupted', async () => {
      await expect(
        previewPlans(lake.services, [config], { exact: false }, AbortSignal.abort()),
      ).rejects.toMatchObject({ kind: 'cancelled' });
    });
  });

  it('writes nothing: not before the first tick, nor before a window, nor beside a plan in flight', async () => {
    const empty = await everything();
    await preview(true);
    expect(await everything()).toEqual(empty);
    await syncNow(lake, config);
    await lake.sql(`delete from ${source} where id = 1`);
    const loaded = await everything();
    await preview(true);
    expect(await everything()).toEqual(loaded);
    await planSync(lake.services, config, { byPerson: false }, NEVER);
    const sent = await everything();
    await preview();
    expect(await everything()).toEqual(sent);
    expect(await deliverAll(lake.services)).toHaveLength(1);
  });

  it('needs no more of the target than to read it, and says which rights it cannot see', async () => {
    await syncNow(lake, config);
    await lake.sql(`delete from ${source} where id = 1`);
    const role = `reader_${config.name}`;
    await lake.database.query(`create role ${role} login password 'secret'`);
    for (const schema of ['public', 'lakeferry']) {
      await lake.database.query(`grant usage on schema ${schema} to ${role}`);
      await lake.database.query(`grant select on all tables in schema ${schema} to ${role}`);
    }
    await lake.database.query(`alter role ${role} set default_transaction_read_only = on`);
    const url = new URL(lake.database.url);
    url.username = role;
    url.password = 'secret';
    const reading = openPostgresTarget({ url: url.href, localProxy: lake.database.proxy.address });
    try {
      const seen = await preview(true, { target: reading });
      expect(workOf(seen)).toMatchObject({
        changes: { kind: 'exact', deletes: 1 },
        deletes: { rows: 1, weight: { rows: 3 } },
        table: { outcome: 'fits' },
      });
      expect(seen.halts).toEqual([]);
      expect(seen.unknown).toMatchObject([
        {
          of: 'rights',
          message: expect.stringContaining(
            `The role ${role}, which looked, lacks insert, update, delete on public.${config.target.table};`,
          ),
          remedy: expect.stringContaining(`to "${role}";`),
        },
      ]);
    } finally {
      await reading.close();
      await lake.database.query(`drop owned by ${role} cascade`);
      await lake.database.query(`drop role ${role}`);
    }
  });
});
