import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { expectEqualToSource, expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { syncToHalt } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** The feed tells of a commit only if it was on when the commit was made. */
describe('a change feed that is switched on or off', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.switches');
  });
  afterAll(() => lake?.close());

  it('is followed from the version at which it was enabled late, after a load', async () => {
    const source = 'main.switches.late';
    const config = aSync(source, 'public.late', ['id']);
    await lake.sql(
      `create table ${source} (id int, v string) using delta tblproperties (delta.enableChangeDataFeed = false)`,
    );
    await lake.sql(`insert into ${source} values (1, 'before'), (2, 'before')`);
    await switchFeed(source, true);
    expect((await expectSyncedEqual(lake, config)).through).toBe(2n);

    await lake.sql(`update ${source} set v = 'since' where id = 1`);
    await lake.sql(`insert into ${source} values (3, 'since')`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(4n);
    await expectLoadedEqual(lake, config);
  });

  it('halts where commits from before it was enabled come next, and goes on after a new load', async () => {
    const source = 'main.switches.too_late';
    const config = aSync(source, 'public.too_late', ['id']);
    await lake.sql(
      `create table ${source} (id int, v string) using delta tblproperties (delta.enableChangeDataFeed = false)`,
    );
    await lake.sql(`insert into ${source} values (1, 'loaded')`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(1n);

    await lake.sql(`insert into ${source} values (2, 'not in the feed')`);
    await switchFeed(source, true);
    await lake.sql(`insert into ${source} values (3, 'in the feed')`);
    await expectFeedOff(config);
    expect((await expectEqualToSource(lake, config)).through).toBe(1n);

    await lake.database.query(`drop table public.${config.target.table}`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(4n);
    await lake.sql(`delete from ${source} where id = 2`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(5n);
  });

  it('halts where it was off between two syncs, though it is on again', async () => {
    const source = 'main.switches.paused';
    const config = aSync(source, 'public.paused', ['id']);
    await lake.sql(`create table ${source} (id int, v string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'loaded'), (2, 'loaded')`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(1n);

    await lake.sql(`insert into ${source} values (3, 'in the feed')`);
    await switchFeed(source, false);
    await lake.sql(`delete from ${source} where id = 1`);
    await switchFeed(source, true);
    await lake.sql(`update ${source} set v = 'in the feed again' where id = 2`);
    await expectFeedOff(config);
    expect((await expectEqualToSource(lake, config)).through).toBe(1n);

    await lake.database.query(`drop table public.${config.target.table}`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(6n);
    await lake.sql(`delete from ${source} where id = 3`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(7n);
  });

  async function switchFeed(source: string, on: boolean): Promise<void> {
    await lake.sql(`alter table ${source} set tblproperties (delta.enableChangeDataFeed = ${on})`);
  }

  async function expectFeedOff(config: SyncConfig): Promise<void> {
    const { source } = config;
    expect(await syncToHalt(lake, config)).toMatchObject({
      kind: 'change_feed_off',
      message: expect.stringContaining(`${source.catalog}.${source.schema}.${source.table}`),
      remedy: expect.stringContaining('drop the target table'),
    });
  }
});
