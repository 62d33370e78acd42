import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import type { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync, type Tick } from '../../src/sync/plan-sync.ts';
import { readStatus } from '../../src/sync/read-status.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { overriding } from '../support/control.ts';
import { type Lake, NEVER, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** What a writer does at last with the one message of a plan: applies it, or halts the sync. Gives the error. */
async function deliverFailing({ services }: Pick<Lake, 'services'>): Promise<SyncError> {
  const message = services.queue.receive();
  if (!message) throw new Error('no chunk was sent');
  const chunk = decodeMessage(message.body);
  try {
    await applyChunk(services, chunk, NEVER);
  } catch (thrown) {
    const error = thrown as SyncError;
    await handleChunkFailure(
      services,
      chunk,
      error,
      { attempt: 1, lastAttempt: true, outOfTime: false },
      NEVER,
      () => 0,
    );
    services.queue.acknowledge(message.receiptHandle);
    return error;
  }
  throw new Error('the chunk was applied');
}

describe('bad input', () => {
  let lake: Lake;
  let count = 0;
  let source = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.bad');
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    const name = `t${count++}`;
    source = `main.bad.${name}`;
    config = aSync(source, `public.${name}`, ['id']);
    await lake.sql(`create table ${source} (id int, name string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'one'), (2, 'two')`);
  });

  const rows = () => lake.database.query(`select id, name from public.${config.target.table} order by id`);
  const through = async () =>
    (await lake.database.query('select through from lakeferry.syncs where sync = $1', [config.name]))[0]?.[
      'through'
    ];
  const tick = (over: Partial<SyncConfig> = {}) =>
    planSync(lake.services, { ...config, ...over }, { byPerson: true }, NEVER);

  /** The planner's count of changes may find it, or the writer's query. */
  const failureKind = async (ticked: Tick) =>
    ticked.outcome === 'halted' ? ticked.cause.kind : (await deliverFailing(lake)).kind;

  it('names a column that the source lacks', async () => {
    const halted = await tick({ columns: { exclude: ['nick'], rename: {}, types: {} } });
    expect(halted).toMatchObject({
      outcome: 'halted',
      cause: {
        kind: 'source_column_missing',
        message: expect.stringContaining('no column nick. It has id, name.'),
      },
    });
  });

  it('names a source table that is not there', async () => {
    await lake.sql(`drop table ${source}`);
    expect(await tick()).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'source_table_missing', message: expect.stringContaining(source) },
    });
  });

  it('repeats what the warehouse says of a filter that it cannot read', async () => {
    expect(await tick({ where: 'colour = 1' })).toMatchObject({ outcome: 'sent' });
    const error = await deliverFailing(lake);
    expect(error.kind).toBe('source_column_missing');
    expect(error.message).toContain('colour');
    expect(await rows()).toEqual([]);
  });

  it('begins a first load anew when the column that its filter names has come to the source', async () => {
    config = { ...config, where: 'colour = 1', columns: { ...config.columns, include: ['name'] } };
    await tick();
    expect((await deliverFailing(lake)).kind).toBe('source_column_missing');
    await lake.sql(`alter table ${source} add column colour int`);
    await lake.sql(`insert into ${source} values (3, 'three', 1)`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toEqual([{ id: 3, name: 'three' }]);
  });

  it('begins a first load anew that was planned while a column came to the source', async () => {
    const { services } = lake;
    const altered = overriding(services.source, {
      look: async (...args) => {
        const seen = await services.source.look(...args);
        await lake.sql(`alter table ${source} add column colour int`);
        return seen;
      },
    });
    await planSync({ ...services, source: altered }, config, { byPerson: false }, NEVER);
    expect((await deliverFailing(lake)).kind).toBe('source_column_missing');
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toHaveLength(2);
  });

  it('begins a first load anew when the row that its filter fails at was corrected', async () => {
    config = { ...config, where: 'cast(name as int) > 1' };
    await tick();
    expect((await deliverFailing(lake)).kind).toBe('source_failed');
    await lake.sql(`update ${source} set name = string(id)`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toEqual([{ id: 2, name: '2' }]);
  });

  it('refuses a target that holds rows which Lakeferry did not write', async () => {
    await lake.database.query(`create table public.${config.target.table} (id int primary key, name text)`);
    await lake.database.query(`insert into public.${config.target.table} values (9, 'mine')`);
    expect(await tick()).toMatchObject({ outcome: 'halted', cause: { kind: 'target_not_empty' } });
    expect(await rows()).toEqual([{ id: 9, name: 'mine' }]);
    expect(await through()).toBeNull();
  });

  it('names what a target table lacks', async () => {
    await lake.database.query(`create table public.${config.target.table} (id int, title text)`);
    expect(await tick()).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'target_incompatible', message: expect.stringContaining('name') },
    });
  });

  it('halts on a key that is not unique in the first load, with nothing in the target', async () => {
    await lake.sql(`insert into ${source} values (2, 'two again')`);
    await tick();
    const error = await deliverFailing(lake);
    expect(error).toMatchObject({ kind: 'duplicate_source_key' });
    expect(JSON.stringify(error.message)).not.toContain('two again');
    expect(await rows()).toEqual([]);
    expect(await through()).toBeNull();
    expect((await lake.services.checkpoints.read(config.name, NEVER)).checkpoint).toMatchObject({
      state: 'halted',
    });
  });

  it('halts on a key that comes twice in one commit, with the target as it was', async () => {
    await syncNow(lake, config);
    await lake.sql(`insert into ${source} values (3, 'three'), (3, 'drei')`);
    await tick();
    expect(await deliverFailing(lake)).toMatchObject({
      kind: 'duplicate_source_key',
      message: expect.stringContaining('(id)'),
    });
    expect(await rows()).toHaveLength(2);
    expect(await through()).toBe('1');
  });

  it('goes on by itself with a longer window once the source is corrected and a person says so', async () => {
    await syncNow(lake, config);
    await lake.sql(`insert into ${source} values (null, 'nobody'), (3, 'three')`);
    await tick();
    const error = await deliverFailing(lake);
    expect(error).toMatchObject({ kind: 'row_rejected', message: expect.stringContaining('id') });
    expect(error.message).not.toContain('nobody');
    expect(await rows()).toHaveLength(2);
    expect(await planSync(lake.services, config, { byPerson: false }, NEVER)).toMatchObject({
      outcome: 'halted',
    });

    await lake.sql(`delete from ${source} where id is null`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toHaveLength(3);
    expect(await through()).toBe('3');
  });

  it('counts rows without a key and applies the others where the configuration says quarantine', async () => {
    config = { ...config, rejectedRows: 'quarantine' };
    await lake.sql(`insert into ${source} values (null, 'nobody')`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    await lake.sql(`insert into ${source} values (null, 'nobody else'), (3, 'three')`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toHaveLength(3);
    const [kept] = await lake.database.query(
      'select count(*)::int as n from lakeferry.rejected_rows where sync = $1',
      [config.name],
    );
    expect(kept).toEqual({ n: 1 });
    const [totals] = await lake.database.query(
      'select rows_rejected::int as n from lakeferry.syncs where sync = $1',
      [config.name],
    );
    expect(totals).toEqual({ n: 2 });
  });

  it.each(['snapshot', 'window'])(
    'rejects a NUL character in a %s, or strips it where the configuration says so',
    async (kind) => {
      if (kind === 'window') await syncNow(lake, config);
      await lake.sql(`insert into ${source} select 3, concat('th', chr(0), 'ree')`);
      await tick();
      expect(await deliverFailing(lake)).toMatchObject({
        kind: 'row_rejected',
        message: expect.stringContaining('name'),
      });
      expect(await rows()).toHaveLength(kind === 'window' ? 2 : 0);

      const stripping = aSync(source, `public.${config.target.table}_stripped`, ['id'], {
        nulCharacters: 'strip',
      });
      expect(await syncNow(lake, stripping)).toEqual({ outcome: 'idle' });
      const [row] = await lake.database.query(
        `select name from public.${stripping.target.table} where id = 3`,
      );
      expect(row).toEqual({ name: 'three' });
    },
  );

  it('loads anew after a halt in a half-loaded target, with what was changed since then', async () => {
    await lake.sql(`insert into ${source} values (null, 'nobody'), (3, 'three'), (4, 'four'), (5, 'five')`);
    config = { ...config, maxChunkRows: 1, maxWriters: 6 };
    expect(await tick()).toMatchObject({ outcome: 'sent', chunks: 6 });
    let failed = 0;
    for (let message = lake.services.queue.receive(); message; message = lake.services.queue.receive()) {
      const chunk = decodeMessage(message.body);
      lake.services.queue.acknowledge(message.receiptHandle);
      await applyChunk(lake.services, chunk, NEVER).catch(async (thrown: SyncError) => {
        failed += 1;
        await handleChunkFailure(
          lake.services,
          chunk,
          thrown,
          { attempt: 1, lastAttempt: false, outOfTime: false },
          NEVER,
        );
      });
    }
    expect(failed).toBe(1);
    // The others arrived, but for those of the failed chunk: which ones, the hash of their keys says.
    expect((await rows()).length).toBeGreaterThan(0);
    config = { ...config, rejectedRows: 'quarantine' };
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(await through()).toBe('2');
  });

  it('finds a NUL character inside JSON, and no other backslash-u', async () => {
    const nested = `${source}_nested`;
    const into = aSync(nested, `public.${config.target.table}_nested`, ['id'], {
      rejectedRows: 'quarantine',
    });
    await lake.sql(`create table ${nested} (id int, v array<string>) using delta`);
    await lake.sql(
      `insert into ${nested} select 1, array(concat('a', chr(0))) union all select 2, array(concat(chr(92), 'u0000'))`,
    );
    expect(await syncNow(lake, into)).toEqual({ outcome: 'idle' });
    expect(await lake.database.query(`select id, v from public.${into.target.table}`)).toEqual([
      { id: 2, v: ['\\u0000'] },
    ]);
  });

  it('rejects text that a varchar(n) would cut', async () => {
    config = {
      ...config,
      columns: { exclude: [], rename: {}, types: { name: 'varchar(4)' } },
      rejectedRows: 'quarantine',
    };
    await lake.sql(`insert into ${source} values (3, 'four'), (4, 'blanks   ')`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('says that the change feed is off', async () => {
    await syncNow(lake, config);
    await lake.sql(`alter table ${source} set tblproperties (delta.enableChangeDataFeed = false)`);
    await lake.sql(`insert into ${source} values (3, 'three')`);
    expect(await failureKind(await tick())).toBe('change_feed_off');
    expect(await rows()).toHaveLength(2);
  });

  it('says that the changes that come next have expired', async () => {
    await syncNow(lake, config);
    await lake.sql(`insert into ${source} values (3, 'three')`);
    // Delta keeps the files of rows that are still as they came; those of the update it takes away.
    await lake.sql(`update ${source} set name = 'four'`);
    await lake.sql(`vacuum ${source} retain 0 hours`);
    expect(await failureKind(await tick())).toBe('retention_gap');
    expect(await through()).toBe('1');
  });

  it('halts when the source was dropped and made again, and loads anew once the target is dropped', async () => {
    await syncNow(lake, config);
    await lake.sql(`drop table ${source}`);
    await lake.sql(`create table ${source} (id int, name string) using delta`);
    await lake.sql(`insert into ${source} values (7, 'seven')`);
    await lake.sql(`insert into ${source} values (8, 'eight')`);
    expect(await tick()).toMatchObject({ outcome: 'halted', cause: { kind: 'source_replaced' } });
    expect(await rows()).toHaveLength(2);
    // Versions of another table are no measure: the target is not known to be up to date.
    const [status] = await readStatus(lake.services, [config], NEVER);
    expect(status).toMatchObject({
      state: 'halted',
      through: 1n,
      latest: 2n,
      lastError: { kind: 'source_replaced' },
    });
    expect(status?.lag).toBeUndefined();
    await lake.database.query(`drop table public.${config.target.table}`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect((await rows()).map(({ id }) => id)).toEqual([7, 8]);
  });

  it.each([0, 1])(
    'applies nothing of a source that is replaced before it is read, %i versions short',
    async (short) => {
      await syncNow(lake, config);
      await lake.sql(`insert into ${source} values (3, 'three')`);
      await tick();
      await lake.sql(`drop table ${source}`);
      await lake.sql(`create table ${source} (id int, name string) using delta`);
      await lake.sql(`insert into ${source} values (7, 'seven')`);
      if (short === 0) await lake.sql(`insert into ${source} values (8, 'eight')`);
      expect(await deliverFailing(lake)).toMatchObject({ kind: 'source_replaced' });
      expect((await rows()).map(({ id }) => id)).toEqual([1, 2]);
    },
  );

  it('leaves out a column that came to the source since, and goes on', async () => {
    await syncNow(lake, config);
    await lake.sql(`alter table ${source} add columns (colour string)`);
    await lake.sql(`insert into ${source} values (3, 'three', 'red')`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows()).toHaveLength(3);
    expect(await readStatus(lake.services, [config], NEVER)).toMatchObject([
      { state: 'idle', through: 3n, latest: 3n, lag: { versions: 0n }, drift: ['colour'] },
    ]);
  });

  it('halts when the settings of a loaded target change', async () => {
    await syncNow(lake, config);
    expect(await tick({ where: 'id > 1' })).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'mapping_changed' },
    });
    expect(await rows()).toHaveLength(2);
  });

  it('notices a result that lost rows, and applies nothing of it', async () => {
    await tick();
    lake.faults.add({
      on: 'fetch',
      match: /line_total/,
      times: 1,
      fault: { kind: 'shortResult', dropRows: 1 },
    });
    const error = await deliverFailing(lake);
    expect(error).toMatchObject({ kind: 'source_incomplete', action: 'retry' });
    expect(await rows()).toEqual([]);
  });

  it('says who cannot be reached, and keeps the sync idle for the next try', async () => {
    const away = {
      ...lake.services,
      source: openDatabricksSource({ ...lake.databricks, port: 1 }, { retryDelaysMs: [10] }),
    };
    const noSource = planSync(away, config, { byPerson: true }, AbortSignal.timeout(120_000));
    await expect(noSource).rejects.toMatchObject({ kind: 'source_unavailable' });
    await away.source.close();
    expect((await lake.services.checkpoints.read(config.name, NEVER)).checkpoint.state).toBe('idle');
    const blind = {
      ...lake.services,
      source: openDatabricksSource({ ...lake.databricks, port: 1 }, { retryDelaysMs: [] }),
    };
    const [status] = await readStatus(blind, [config], NEVER);
    expect(status).toMatchObject({ state: 'idle', lastError: { kind: 'source_unavailable' } });
    expect(status?.latest).toBeUndefined();
    await blind.source.close();

    const target = openPostgresTarget(
      { url: lake.database.url, localProxy: '127.0.0.1:1' },
      { log: silentLog },
    );
    const noTarget = planSync({ ...lake.services, target }, config, { byPerson: true }, NEVER);
    await expect(noTarget).rejects.toMatchObject({ kind: 'target_unavailable' });
    await target.close();
  });

  it('names the right that the role lacks', async () => {
    await syncNow(lake, config);
    await lake.database.query("create role reader login password 'reader'");
    await lake.database.query('grant usage on schema lakeferry, public to reader');
    await lake.database.query('grant all on all tables in schema lakeferry to reader');
    await lake.database.query('grant select on all tables in schema public to reader');
    await lake.sql(`insert into ${source} values (3, 'three')`);
    const url = new URL(lake.database.url);
    url.username = 'reader';
    url.password = 'reader';
    const target = openPostgresTarget(
      { url: url.href, localProxy: lake.database.proxy.address },
      { log: silentLog },
    );
    const ticked = await planSync({ ...lake.services, target }, config, { byPerson: true }, NEVER);
    expect(ticked).toMatchObject({
      outcome: 'halted',
      cause: { kind: 'target_permission', message: expect.stringContaining(config.target.table) },
    });
    await target.close();
    expect(await rows()).toHaveLength(2);
  });
});
