import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** How a table's files are laid out is no part of its rows. */
describe('the layout of a table', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.layout');
  });
  afterAll(() => lake?.close());

  it('is unseen in a table partitioned by a date and by text with signs, NULLs among them', async () => {
    const source = 'main.layout.partitioned';
    const config = aSync(source, 'public.partitioned', ['id']);
    await lake.sql(
      `create table ${source} (id int, name string, day date, kind string) using delta partitioned by (day, kind)`,
    );
    await lake.sql(
      `insert into ${source} values
       (1, 'a', date'2024-02-29', 'a b/c=d'), (2, 'b', null, null), (3, 'c', date'0001-01-01', ''),
       (4, 'd', date'9999-12-31', 'ü%20:?#\\\\*[]{}^'), (5, 'e', date'2024-02-29', '__HIVE_DEFAULT_PARTITION__')`,
    );
    await expectSyncedEqual(lake, config);

    await lake.sql(`update ${source} set kind = 'tab\\there "quoted"', day = null where id = 1`);
    await lake.sql(`update ${source} set kind = 'moved', day = date'1582-10-04' where kind is null`);
    await lake.sql(`delete from ${source} where day = date'9999-12-31'`);
    await lake.sql(`insert into ${source} values (6, null, null, 'x')`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(5);
    await expectLoadedEqual(lake, config);
  });

  it('is unseen where the key is of the partition, and rows move between partitions', async () => {
    const source = 'main.layout.keyed';
    const config = aSync(source, 'public.keyed', ['region', 'id'], { maxChunkRows: 3 });
    await lake.sql(
      `create table ${source} (id int, region string, v int) using delta partitioned by (region)`,
    );
    await lake.sql(
      `insert into ${source} select cast(id as int), concat('region ', id % 3), cast(id as int) from range(12)`,
    );
    await expectSyncedEqual(lake, config);
    await lake.sql(`update ${source} set region = concat('region ', (id + 1) % 3) where id % 2 = 0`);
    await lake.sql(`delete from ${source} where region = 'region 1' and id > 6`);
    await expectSyncedEqual(lake, config);
    await expectLoadedEqual(lake, config);
  });

  it('is unseen in a table that is clustered, optimized and clustered otherwise', async () => {
    const source = 'main.layout.clustered';
    const config = aSync(source, 'public.clustered', ['id']);
    await lake.sql(`create table ${source} (id int, name string, n int) using delta cluster by (n, name)`);
    await lake.sql(
      `insert into ${source} select /*+ repartition(3) */ cast(id as int), concat('name ', id), cast(id % 5 as int) from range(60)`,
    );
    await expectSyncedEqual(lake, config);
    await lake.sql(`update ${source} set n = n + 1 where id % 10 = 0`);
    await lake.sql(`optimize ${source}`);
    await lake.sql(`alter table ${source} cluster by (id)`);
    await lake.sql(`delete from ${source} where n = 2`);
    await lake.sql(`optimize ${source} full`);
    await lake.sql(`alter table ${source} cluster by none`);
    expect((await expectSyncedEqual(lake, config)).rows).toBeLessThan(60);
    await expectLoadedEqual(lake, config);
  });
});
