import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { expectReloadNeeded } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** With column mapping a name is free in its characters, and may be given to other values without a file written. */
describe('a table with column mapping by name', () => {
  let lake: Lake;
  let count = 0;
  let source = '';
  let config: SyncConfig;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.mapped');
  });
  afterAll(() => lake?.close());

  beforeEach(() => {
    const name = `t${count++}`;
    source = `main.mapped.${name}`;
    config = aSync(source, `public.${name}`, ['id']);
  });

  /** Two rows in each of two commits, loaded by a first sync of `config`. */
  async function loadedTable(over: Partial<SyncConfig> = {}): Promise<void> {
    config = { ...config, ...over };
    await lake.sql(
      `create table ${source} (id int, a int, b string) using delta tblproperties ('delta.columnMapping.mode' = 'name')`,
    );
    await lake.sql(`insert into ${source} values (1, 10, 'x'), (2, 20, 'y')`);
    await expectSyncedEqual(lake, config);
  }

  it('arrives under names with spaces and signs, by window and by snapshot', async () => {
    const names = ['the id', 'full, name;', '{a}(b)=c', 'a.b', '"quoted"', "it's", 'über'];
    const [id, ...others] = names.map((name) => `\`${name.replaceAll('`', '``')}\``);
    config = { ...config, primaryKey: ['the id'] };
    await lake.sql(
      `create table ${source} (${id} int, ${others.map((name) => `${name} string`).join(', ')}) using delta
       tblproperties ('delta.columnMapping.mode' = 'name')`,
    );
    await lake.sql(
      `insert into ${source} select cast(id as int), ${others.map((_, at) => `concat('v${at} ', id)`).join(', ')} from range(4)`,
    );
    await expectSyncedEqual(lake, config);
    await lake.sql(
      `update ${source} set ${others.map((name) => `${name} = 'new'`).join(', ')} where ${id} = 1`,
    );
    await lake.sql(`delete from ${source} where ${id} = 2`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(3);
    await expectLoadedEqual(lake, config);
  });

  it('arrives where the mapping came to the table between two syncs', async () => {
    await lake.sql(`create table ${source} (id int, a string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'one'), (2, 'two')`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`insert into ${source} values (3, 'three')`);
    await lake.sql(`alter table ${source} set tblproperties ('delta.columnMapping.mode' = 'name')`);
    await lake.sql(`delete from ${source} where id = 1`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
    await expectLoadedEqual(lake, config);
  });

  it('halts the sync when a column that it copies is renamed or dropped, and says which', async () => {
    await loadedTable();
    await lake.sql(`alter table ${source} rename column b to c`);
    await lake.sql(`insert into ${source} values (3, 30, 'z')`);
    const renamed = await expectReloadNeeded(lake, config, 'mapping_changed');
    expect(renamed.message).toContain('new: c; gone: b');

    await lake.sql(`alter table ${source} drop column c`);
    await lake.sql(`delete from ${source} where id = 1`);
    const dropped = await expectReloadNeeded(lake, config, 'mapping_changed');
    expect(dropped.message).toContain('gone: c');
    await lake.sql(`update ${source} set a = 0 where id = 2`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
  });

  it('halts the sync when a column is dropped and another comes under its name', async () => {
    await loadedTable();
    await lake.sql(`alter table ${source} drop column a`);
    await lake.sql(`alter table ${source} add column a int`);
    await lake.sql(`insert into ${source} (id, a) values (3, 30)`);
    const cause = await expectReloadNeeded(lake, config, 'schema_break');
    expect(cause.message).toMatch(/\ba\b.*version 2/);

    await lake.sql(`alter table ${source} replace columns (id int, b string)`);
    await lake.sql(`alter table ${source} replace columns (id int, b string, a int)`);
    await expectReloadNeeded(lake, config, 'schema_break');
  });

  it('halts the sync when two columns swap their names', async () => {
    await loadedTable();
    await lake.sql(`alter table ${source} add column c string`);
    await lake.sql(`alter table ${source} rename column b to tmp`);
    await lake.sql(`alter table ${source} rename column c to b`);
    await lake.sql(`insert into ${source} (id, a, b) values (3, 30, 'z')`);
    await lake.sql(`alter table ${source} drop column tmp`);
    const cause = await expectReloadNeeded(lake, config, 'schema_break');
    expect(cause.message).toMatch(/\bb\b/);
  });

  it('halts the sync at a restore to before a column was dropped and another came under its name', async () => {
    await loadedTable();
    await lake.sql(`alter table ${source} drop column a`);
    await lake.sql(`alter table ${source} add column a int`);
    await lake.sql(`insert into ${source} (id, a) values (3, 30)`);
    await lake.database.query(`drop table public.${config.target.table}`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`restore table ${source} to version as of 1`);
    await expectReloadNeeded(lake, config, 'schema_break');
  });

  it('goes on over the rename and the drop of columns that the sync does not copy', async () => {
    await loadedTable({ columns: { include: ['a'], exclude: [], rename: {}, types: {} } });
    await lake.sql(`alter table ${source} rename column b to c`);
    await lake.sql(`insert into ${source} values (3, 30, 'z')`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`alter table ${source} drop column c`);
    await lake.sql(`delete from ${source} where id = 1`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(2);
    await expectLoadedEqual(lake, config);
  });

  it('halts the sync where changes lie before the rename of a column that it does not copy', async () => {
    await loadedTable({ columns: { include: ['a'], exclude: [], rename: {}, types: {} } });
    await lake.sql(`insert into ${source} values (3, 30, 'z')`);
    await lake.sql(`alter table ${source} rename column b to c`);
    const cause = await expectReloadNeeded(lake, config, 'schema_break');
    expect(cause.message).toContain('DELTA_CHANGE_DATA_FEED_INCOMPATIBLE');
  });
});
