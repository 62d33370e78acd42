import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { expectReloadNeeded } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

describe('maintenance of the source', () => {
  let lake: Lake;
  let count = 0;
  let source = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.kept');
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    const name = `t${count++}`;
    source = `main.kept.${name}`;
    config = aSync(source, `public.${name}`, ['id']);
    await lake.sql(`create table ${source} (id int, name string) using delta`);
    await lake.sql(
      `insert into ${source} select /*+ repartition(3) */ cast(id as int), concat('name ', id) from range(12)`,
    );
    await expectSyncedEqual(lake, config);
  });

  it('changes no row: what was compacted and vacuumed away had been read', async () => {
    await lake.sql(`optimize ${source}`);
    await lake.sql(`vacuum ${source} retain 0 hours`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(12);

    await lake.sql(`update ${source} set name = 'changed' where id < 3`);
    await lake.sql(`optimize ${source} zorder by (name)`);
    await lake.sql(`delete from ${source} where id = 5`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(11);
    await lake.sql(`vacuum ${source} retain 0 hours`);
    await expectSyncedEqual(lake, config);
    await expectLoadedEqual(lake, config);
  });

  it('halts the sync where VACUUM took the files of changes that were not read yet', async () => {
    await lake.sql(`update ${source} set name = 'changed' where id < 3`);
    await lake.sql(`delete from ${source} where id = 5`);
    await lake.sql(`vacuum ${source} retain 0 hours`);
    await expectReloadNeeded(lake, config, 'retention_gap');
    await lake.sql(`insert into ${source} values (20, 'new')`);
    await expectSyncedEqual(lake, config);
  });

  it('halts the sync where the log no longer has the commits that come next', async () => {
    await lake.sql(`alter table ${source} set tblproperties ('delta.checkpointInterval' = '2')`);
    for (const id of [20, 21, 22]) await lake.sql(`insert into ${source} values (${id}, 'new')`);
    await forgetCommits(3);
    await expectReloadNeeded(lake, config, 'retention_gap');
  });

  it('goes back with a RESTORE, and on from there', async () => {
    await lake.sql(`update ${source} set name = 'wrong' where id < 8`);
    await lake.sql(`delete from ${source} where id > 9`);
    await lake.sql(`insert into ${source} values (30, 'wrong too')`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`restore table ${source} to version as of 1`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(12);

    await lake.sql(`delete from ${source} where id = 0`);
    await lake.sql(`restore table ${source} to version as of 3`);
    await lake.sql(`insert into ${source} values (31, 'after')`);
    await expectSyncedEqual(lake, config);
    await expectLoadedEqual(lake, config);
  });

  it('empties the target when all rows go, and fills it again', async () => {
    await lake.sql(`delete from ${source}`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(0);
    await lake.sql(`insert into ${source} values (1, 'again')`);
    await lake.sql(`delete from ${source}`);
    await lake.sql(`insert into ${source} values (2, 'again'), (3, null)`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
    await expectLoadedEqual(lake, config);
  });

  /** What a log's clean-up does once its retention is over: commits go whose state a checkpoint holds. */
  async function forgetCommits(below: number): Promise<void> {
    const [detail] = await lake.sql(`describe detail ${source}`);
    const folder = fileURLToPath(String(detail?.['location']).replace(/^file:\/*/, 'file:///'));
    for (let version = 0; version < below; version++) {
      const name = `${String(version).padStart(20, '0')}.json`;
      await rm(`${folder}/_delta_log/${name}`);
      await rm(`${folder}/_delta_log/.${name}.crc`, { force: true });
    }
  }
});
