import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { readStatus } from '../../src/sync/read-status.ts';
import { deliverAll, type Lake, NEVER, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

describe('rows that Postgres refuses, from the source to the target', () => {
  let lake: Lake;
  let count = 0;
  let source = '';
  let table = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.refused');
    await lake.database.query('create table public.countries (code text primary key)');
    await lake.database.query("insert into public.countries values ('DE'), ('FR')");
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    const name = `people_${count++}`;
    source = `main.refused.${name}`;
    table = `${name}.people`;
    config = { ...aSync(source, table, ['id'], { rejectedRows: 'quarantine' }), name };
    await lake.sql(
      `create table ${source} (id int, name string, age int, country string, email string, token string, boss int) using delta`,
    );
    await lake.database.query(`
      create schema ${name};
      create table ${table} (
        id integer primary key,
        name text not null,
        age integer constraint grown_up check (age >= 18),
        country text constraint known_country references public.countries,
        email text constraint one_email unique,
        token uuid,
        boss integer constraint known_boss references ${table});
      create function ${name}.refuse() returns trigger language plpgsql as $$
        begin
          if new.name = 'forbidden' then raise exception 'no % here', new.name; end if;
          return new;
        end $$;
      create trigger refuse before insert or update on ${table} for each row execute function ${name}.refuse()`);
  });

  const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
  const rows = (columns = 'id, name, age, country, email, token, boss') =>
    lake.database.query(`select ${columns} from ${table} order by id`);
  const rejected = () =>
    lake.database.query(
      `select (key ->> 0)::int as id, sqlstate, constraint_name, column_name
       from lakeferry.rejected_rows where sync = $1 order by 1`,
      [config.name],
    );
  const ROWS = `
    (1, 'one', 30, 'DE', 'a@x', '${UUID}', null), (2, 'two', 17, 'DE', 'b@x', '${UUID}', null),
    (3, 'three', 30, 'XX', 'c@x', '${UUID}', null), (4, null, 30, 'DE', 'd@x', '${UUID}', null),
    (5, 'five', 30, 'DE', 'a@x', '${UUID}', null), (6, 'forbidden', 30, 'DE', 'f@x', '${UUID}', null),
    (7, 'seven', 30, 'DE', 'g@x', 'not a uuid', null), (8, 'eight', 30, 'DE', 'h@x', null, 9),
    (9, 'nine', 30, 'FR', 'i@x', '${UUID}', 1), (10, 'ten', 30, 'FR', 'j@x', '${UUID}', 2)`;
  const REJECTED = [
    { id: 2, sqlstate: '23514', constraint_name: 'grown_up', column_name: null },
    { id: 3, sqlstate: '23503', constraint_name: 'known_country', column_name: null },
    { id: 4, sqlstate: '23502', constraint_name: null, column_name: 'name' },
    { id: 5, sqlstate: '23505', constraint_name: 'one_email', column_name: null },
    { id: 6, sqlstate: 'P0001', constraint_name: null, column_name: null },
    { id: 7, sqlstate: '22P02', constraint_name: null, column_name: 'token' },
    { id: 10, sqlstate: '23503', constraint_name: 'known_boss', column_name: null },
  ];

  it.each(['a first load', 'a window'])(
    'are put aside from %s, counted, and written once they are corrected',
    async (kind) => {
      if (kind === 'a window') await syncNow(lake, config);
      await lake.sql(`insert into ${source} values ${ROWS}`);
      expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
      expect(await rows('id')).toEqual([{ id: 1 }, { id: 8 }, { id: 9 }]);
      expect(await rejected()).toEqual(REJECTED);
      expect(await readStatus(lake.services, [config], NEVER)).toMatchObject([
        { state: 'idle', lag: { versions: 0n }, rows: { rejected: 7n } },
      ]);

      await lake.sql(`update ${source} set age = 18, name = 'corrected' where id in (2, 6)`);
      await lake.sql(`update ${source} set name = 'ten again' where id = 10`);
      await lake.sql(`delete from ${source} where id in (3, 4)`);
      expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
      expect(await rows('id')).toEqual([1, 2, 6, 8, 9, 10].map((id) => ({ id })));
      expect((await rejected()).map(({ id }) => id)).toEqual([5, 7]);
    },
  );

  it('halt the sync with the constraint once more of them stand aside than may, and it goes on under a higher limit', async () => {
    config = { ...config, maxRejectedRows: 6 };
    await lake.sql(`insert into ${source} values ${ROWS}`);
    const tick = await planSync(lake.services, config, { byPerson: true }, NEVER);
    expect(tick).toMatchObject({ outcome: 'sent', chunks: 1 });
    const message = lake.services.queue.receive();
    if (!message) throw new Error('no chunk was sent');
    const chunk = decodeMessage(message.body);
    const error = await applyChunk(lake.services, chunk, NEVER).catch((thrown: unknown) => thrown);
    if (!(error instanceof SyncError)) throw error;
    await handleChunkFailure(
      lake.services,
      chunk,
      error,
      { attempt: 1, lastAttempt: false, outOfTime: false },
      NEVER,
    );
    lake.services.queue.acknowledge(message.receiptHandle);
    expect(error.message).toContain(`syncs.${config.name}.maxRejectedRows allows 6`);
    expect(error.message).toContain('constraint "known_boss", SQLSTATE 23503');
    expect(await rows()).toEqual([]);
    expect(await rejected()).toEqual([]);
    expect(await readStatus(lake.services, [config], NEVER)).toMatchObject([
      {
        state: 'halted',
        lastError: { kind: 'row_rejected', remedy: expect.stringContaining('maxRejectedRows') },
      },
    ]);

    config = { ...config, maxRejectedRows: 7 };
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rejected()).toEqual(REJECTED);
  });

  const retry = async () => {
    const tick = await planSync(lake.services, config, { byPerson: true, retryRejected: true }, NEVER);
    await deliverAll(lake.services);
    return tick;
  };

  it('are written by a retry once the target can hold them, at the version that it shows', async () => {
    await lake.sql(`insert into ${source} values ${ROWS}`);
    await syncNow(lake, config);
    await lake.database.query(
      `alter table ${table} drop constraint grown_up, alter column name drop not null`,
    );
    const before = await statusRow();
    const opened = await planSync(lake.services, config, { byPerson: true, retryRejected: true }, NEVER);
    expect(opened).toMatchObject({ outcome: 'sent', opened: true, plan: { work: { kind: 'retry' } } });
    expect(await retry()).toMatchObject({ ...opened, opened: false });
    expect(await rows('id')).toEqual([1, 2, 4, 8, 9, 10].map((id) => ({ id })));
    expect((await rejected()).map(({ id }) => id)).toEqual([3, 5, 6, 7]);
    expect(await statusRow()).toEqual({ ...before, rejectedKeys: 4n });

    await lake.database.query(`insert into public.countries values ('XX') on conflict do nothing`);
    await lake.sql(`update ${source} set age = 99 where id = 1`);
    expect(await retry()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'window' } } });
    expect(await retry()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'retry' } } });
    expect((await rejected()).map(({ id }) => id)).toEqual([5, 6, 7]);
    expect(await rows('id, age')).toContainEqual({ id: 3, age: 30 });
    await lake.database.query(`delete from ${table} where country = 'XX'`);
    await lake.database.query("delete from public.countries where code = 'XX'");
  });

  async function statusRow() {
    const [status] = await readStatus(lake.services, [config], NEVER);
    const { state, through, rejectedKeys } = status ?? {};
    return { state, through, rejectedKeys };
  }

  it('are found again in the source by keys of every type, refused by Postgres or by the source', async () => {
    const name = config.name;
    const every = `main.refused.every_${name}`;
    const key = ['b', 'd', 't', 'n', 'y', 'o', 'i', 's'];
    await lake.sql(
      `create table ${every} (b binary, d decimal(20,6), t timestamp, n timestamp_ntz, y date, o boolean, i bigint, s string,
         v string) using delta`,
    );
    const values = (s: string, v: string) =>
      `(X'00ff5C', 1.500000, timestamp'2024-02-29 23:59:59.000001', timestamp_ntz'1999-12-31 00:00:00', date'0099-01-01',
        true, -9223372036854775808, '${s}', '${v}')`;
    await lake.sql(
      `insert into ${every} values ${values("o\\'brien \\\\ \\t ü", 'short')}, ${values('b', 'much too long')}, ${values('c', 'fits')}`,
    );
    config = {
      ...aSync(every, `${name}.every`, key, { rejectedRows: 'quarantine' }),
      name: `every_${name}`,
      columns: { exclude: [], rename: {}, types: { v: 'varchar(5)' } },
    };
    await lake.database.query(`
      create table ${name}.every (b bytea, d numeric(20,6), t timestamptz, n timestamp, y date, o boolean, i bigint, s text,
        v varchar(5) constraint no_shorts check (v <> 'short'), primary key (b, d, t, n, y, o, i, s))`);
    await syncNow(lake, config);
    const held = () => lake.database.query(`select v from ${name}.every order by s`);
    expect(await held()).toEqual([{ v: 'fits' }]);

    await lake.database.query(`
      alter table ${name}.every alter column v type text, drop constraint no_shorts`);
    config = { ...config, columns: { exclude: [], rename: {}, types: {} } };
    expect(await retry()).toMatchObject({ outcome: 'sent', plan: { work: { kind: 'retry' } } });
    expect(await held()).toEqual([{ v: 'much too long' }, { v: 'fits' }, { v: 'short' }]);
    expect((await lake.services.target.countRejected(NEVER)).get(config.name)).toBeUndefined();
  });

  it('are not those that exchange a unique value, or refer to each other, whatever the chunks could hold', async () => {
    config = { ...config, maxChunkRows: 1, rejectedRows: 'halt' };
    await lake.sql(
      `insert into ${source} values (1, 'one', 30, 'DE', 'a@x', null, 2), (2, 'two', 30, 'DE', 'b@x', null, 1)`,
    );
    const tick = await planSync(lake.services, config, { byPerson: true }, NEVER);
    expect(tick).toMatchObject({ outcome: 'sent', chunks: 1 });
    await deliverAll(lake.services);
    await lake.database.query(
      `create table ${table}_notes (about integer references ${table} on delete cascade)`,
    );
    await lake.database.query(`insert into ${table}_notes values (1), (2)`);

    await lake.sql(`update ${source} set email = case id when 1 then 'b@x' else 'a@x' end`);
    expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
    expect(await rows('id, email')).toEqual([
      { id: 1, email: 'b@x' },
      { id: 2, email: 'a@x' },
    ]);
    expect(await lake.database.query(`select about from ${table}_notes order by 1`)).toHaveLength(2);
  });
});
