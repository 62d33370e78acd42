import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** Rows that a deletion vector marks stay in their file: neither a snapshot nor the feed may show them. */
describe('a table with deletion vectors', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.vectors');
  });
  afterAll(() => lake?.close());

  it('arrives by window and by snapshot after delete, update and merge wrote them, and after they were purged', async () => {
    const source = 'main.vectors.marked';
    const config = aSync(source, 'public.marked', ['id']);
    await lake.sql(
      `create table ${source} (id int, name string, n double) using delta tblproperties (delta.enableDeletionVectors = true)`,
    );
    await lake.sql(
      `insert into ${source} select /*+ repartition(1) */ cast(id as int), concat('name ', id), id / 7 from range(40)`,
    );
    await expectSyncedEqual(lake, config);

    await lake.sql(`delete from ${source} where id % 4 = 1`);
    await lake.sql(`update ${source} set name = concat(name, '!') where id % 4 = 2`);
    await lake.sql(
      `merge into ${source} as t using (select cast(id as int) as id from range(30, 50)) as s on t.id = s.id
       when matched and t.id < 36 then delete
       when matched then update set n = null
       when not matched then insert (id, name, n) values (s.id, 'merged', 0)`,
    );
    expect(await commitsWith(source, /DeletionVectorsAdded$/)).toBe(3);
    await expectSyncedEqual(lake, config);
    const { rows } = await expectLoadedEqual(lake, config);

    await lake.sql(`reorg table ${source} apply (purge)`);
    await lake.sql(`insert into ${source} values (100, 'after the purge', null)`);
    expect(await commitsWith(source, /DeletionVectorsRemoved$/)).toBeGreaterThan(0);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(rows + 1);
    await expectLoadedEqual(lake, config);
  });

  it('arrives where they came to the table between two syncs, and left it again', async () => {
    const source = 'main.vectors.late';
    const config = aSync(source, 'public.late', ['id']);
    await lake.sql(`create table ${source} (id int, name string) using delta`);
    await lake.sql(
      `insert into ${source} select /*+ repartition(1) */ cast(id as int), 'early' from range(10)`,
    );
    await expectSyncedEqual(lake, config);
    await lake.sql(`alter table ${source} set tblproperties (delta.enableDeletionVectors = true)`);
    await lake.sql(`delete from ${source} where id in (1, 5)`);
    await lake.sql(`alter table ${source} set tblproperties (delta.enableDeletionVectors = false)`);
    await lake.sql(`delete from ${source} where id in (2, 6)`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(6);
    await expectLoadedEqual(lake, config);
  });

  /** Commits of which a metric of such a name is not 0. */
  async function commitsWith(source: string, metric: RegExp): Promise<number> {
    const history = await lake.sql(`describe history ${source}`);
    return history.filter(({ operationMetrics }) => {
      const metrics: Record<string, string> =
        typeof operationMetrics === 'string' ? JSON.parse(operationMetrics) : operationMetrics;
      return Object.entries(metrics).some(([name, value]) => metric.test(name) && Number(value) > 0);
    }).length;
  }
});
