import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

describe('MERGE into the source', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.merges');
  });
  afterAll(() => lake?.close());

  it('arrives with what each of its clauses did', async () => {
    const source = 'main.merges.clauses';
    const config = aSync(source, 'public.clauses', ['id']);
    await lake.sql(`create table ${source} (id int, v string, n decimal(10,2)) using delta`);
    await lake.sql(`insert into ${source} select cast(id as int), concat('v', id), id / 4 from range(12)`);
    await expectSyncedEqual(lake, config);

    await lake.sql(
      `merge into ${source} as t
       using (select cast(id as int) as id, concat('new ', id) as v from range(4, 16)) as s
       on t.id = s.id
       when matched and s.id = 4 then delete
       when matched and s.id < 7 then update set t.v = s.v, t.n = null
       when matched and s.id < 9 then update set t.id = t.id + 100
       when matched then update set t.v = t.v
       when not matched and s.id > 14 then insert (id, v, n) values (s.id, s.v, -0.01)
       when not matched and s.id > 12 then insert (id, v) values (s.id, s.v)
       when not matched by source and t.id = 0 then update set t.v = 'alone'
       when not matched by source and t.id < 3 then delete`,
    );
    // Gone: 1, 2 and 4. Moved: 7 and 8. Never there: 12.
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 2n, rows: 12 });
    await expectLoadedEqual(lake, config);
  });

  it('arrives without a column that it brought to the source, until the target is loaded anew', async () => {
    const source = 'main.merges.evolved';
    const config = aSync(source, 'public.evolved', ['id']);
    await lake.sql(`create table ${source} (id int, v string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'one'), (2, 'two')`);
    await expectSyncedEqual(lake, config);

    await lake.sql(
      `merge with schema evolution into ${source} as t
       using (select * from values (2, 'zwei', date'2024-02-29'), (3, 'drei', null) as s(id, v, since)) as s
       on t.id = s.id
       when matched then update set *
       when not matched then insert *`,
    );
    expect((await expectSyncedEqual(lake, config, { leftOut: ['since'] })).through).toBe(2n);
    await expectLoadedEqual(lake, config);

    await lake.database.query(`drop table public.${config.target.table}`);
    await expectSyncedEqual(lake, config);
  });
});
