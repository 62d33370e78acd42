import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { expectReloadNeeded } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

describe('a source whose rows are replaced', () => {
  let lake: Lake;
  let count = 0;
  let source = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.replaced');
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    const name = `t${count++}`;
    source = `main.replaced.${name}`;
    config = aSync(source, `public.${name}`, ['id']);
    await lake.sql(
      `create table ${source} (id int, name string, part string) using delta partitioned by (part)`,
    );
    await lake.sql(
      `insert into ${source} values (1, 'one', 'a'), (2, 'two', 'a'), (3, 'three', 'b'), (4, 'four', null)`,
    );
    await expectSyncedEqual(lake, config);
  });

  it('by INSERT OVERWRITE of the whole, of one partition, of those that come, and of a condition', async () => {
    await lake.sql(`insert overwrite ${source} values (1, 'one', 'a'), (2, 'zwei', 'b'), (5, 'five', null)`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(3);

    await lake.sql(`insert overwrite ${source} partition (part = 'b') values (6, 'six'), (7, 'seven')`);
    await lake.sql('set spark.sql.sources.partitionOverwriteMode = dynamic');
    await lake.sql(`insert overwrite ${source} values (8, 'eight', null), (9, 'nine', 'c')`);
    await lake.sql('set spark.sql.sources.partitionOverwriteMode = static');
    await lake.sql(`insert into ${source} replace where part = 'c' values (10, 'ten', 'c')`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(5);
    await expectLoadedEqual(lake, config);
  });

  it('by CREATE OR REPLACE with the same columns: it is another table, and is loaded anew on request', async () => {
    await lake.sql(
      `create or replace table ${source} using delta as select 1 as id, 'eins' as name, 'a' as part`,
    );
    const cause = await expectReloadNeeded(lake, config, 'source_replaced');
    expect(cause.message).toContain('replaced');
    await lake.sql(`insert into ${source} values (2, 'zwei', 'b')`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
  });

  it('by CREATE OR REPLACE with other columns and another type of the key', async () => {
    await lake.sql(`create or replace table ${source} (id string, colour string) using delta`);
    await lake.sql(`insert into ${source} values ('x', 'red')`);
    await expectReloadNeeded(lake, config, 'source_replaced');
    await lake.sql(`delete from ${source} where id = 'x'`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(0);
  });

  it('by DROP and CREATE under the same name, with as many versions as before', async () => {
    await lake.sql(`drop table ${source}`);
    await lake.sql(`create table ${source} (id int, name string, part string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'uno', null)`);
    await expectReloadNeeded(lake, config, 'source_replaced');
    await lake.sql(`insert into ${source} values (2, 'due', null)`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
  });

  it('in a shallow clone of it, which goes its own way', async () => {
    const clone = `${source}_clone`;
    const ofClone = aSync(clone, `public.${config.target.table}_clone`, ['id']);
    await lake.sql(`create table ${clone} shallow clone ${source}`);
    expect((await expectSyncedEqual(lake, ofClone)).rows).toBe(4);
    await lake.sql(`delete from ${source} where id = 1`);
    await lake.sql(`update ${clone} set name = 'of the clone' where id = 2`);
    await lake.sql(`delete from ${clone} where id = 3`);
    expect((await expectSyncedEqual(lake, ofClone)).rows).toBe(3);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(3);

    await lake.sql(`delete from ${clone}`);
    await lake.sql(`create or replace table ${clone} shallow clone ${source}`);
    expect((await expectSyncedEqual(lake, ofClone)).rows).toBe(3);
    await expectLoadedEqual(lake, ofClone);
  });
});
