import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { expectReloadNeeded } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** Files keep the type that they were written with, and are read as the wider one. */
describe('a table with type widening', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.widened');
  });
  afterAll(() => lake?.close());

  const create = (source: string) =>
    lake.sql(
      `create table ${source} (id int, n smallint, d decimal(5,2), r float, other int) using delta
       tblproperties ('delta.enableTypeWidening' = 'true')`,
    );

  it('halts the sync when a column that it copies is widened, says which, and arrives whole when loaded anew', async () => {
    const source = 'main.widened.copied';
    const config = aSync(source, 'public.copied', ['id']);
    await create(source);
    await lake.sql(`insert into ${source} values (1, 32767, 999.99, 1.5, 1), (2, -1, null, null, null)`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`alter table ${source} alter column n type int`);
    await lake.sql(`insert into ${source} values (3, 2147483647, 0.01, 0.1, 3)`);
    const cause = await expectReloadNeeded(lake, config, 'mapping_changed');
    expect(cause.message).toContain('n from smallint to int');

    await lake.sql(`alter table ${source} alter column id type bigint`);
    await lake.sql(`alter table ${source} alter column d type decimal(20,4)`);
    await lake.sql(`alter table ${source} alter column r type double`);
    await lake.sql(`insert into ${source} values (9223372036854775807, 4, 9999999999999999.9999, 0.1, 4)`);
    await lake.sql(`delete from ${source} where id = 1`);
    const wider = await expectReloadNeeded(lake, config, 'mapping_changed');
    expect(wider.message).toContain('id from int to bigint');

    await lake.sql(`update ${source} set n = 5 where id in (2, 3)`);
    expect((await expectSyncedEqual(lake, config)).rows).toBe(3);
    await expectLoadedEqual(lake, config);
  });

  it('goes on over the widening of a column that the sync does not copy, unless changes lie before it', async () => {
    const source = 'main.widened.ignored';
    const config = aSync(source, 'public.ignored', ['id'], {
      columns: { exclude: ['other'], rename: {}, types: {} },
    });
    await create(source);
    await lake.sql(`insert into ${source} values (1, 1, 1.00, 1.5, 1)`);
    await expectSyncedEqual(lake, config);
    await lake.sql(`alter table ${source} alter column other type bigint`);
    await lake.sql(`insert into ${source} values (2, 2, 2.00, 2.5, 5000000000)`);
    await lake.sql(`delete from ${source} where id = 1`);
    await expectSyncedEqual(lake, config);

    await lake.sql(`insert into ${source} values (3, 3, 3.00, 3.5, 3)`);
    await lake.sql(`alter table ${source} alter column other type decimal(20,0)`);
    const cause = await expectReloadNeeded(lake, config, 'schema_break');
    expect(cause.message).toContain('DELTA_CHANGE_DATA_FEED_INCOMPATIBLE');
  });
});
