import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

describe('a source with constraints', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.constrained');
  });
  afterAll(() => lake?.close());

  it('arrives with CHECK, NOT NULL, CHAR and VARCHAR, and with changes of them between two syncs', async () => {
    const source = 'main.constrained.guarded';
    const config = aSync(source, 'public.guarded', ['code', 'id']);
    await lake.sql(
      `create table ${source} (id int not null, code char(5) not null, name varchar(8), n int) using delta`,
    );
    await lake.sql(`alter table ${source} add constraint positive check (n > 0 or n is null)`);
    await lake.sql(
      `insert into ${source} values (1, 'ab', 'eight ch', 1), (2, 'abcde', '  ', 2), (3, '', '', null)`,
    );
    await expectSyncedEqual(lake, config);

    await expect(lake.sql(`insert into ${source} values (4, 'x', 'y', -1)`)).rejects.toThrow(
      'DELTA_VIOLATE_CONSTRAINT_WITH_VALUES',
    );
    await expect(lake.sql(`insert into ${source} values (null, 'x', 'y', 1)`)).rejects.toThrow(
      'DELTA_NOT_NULL_CONSTRAINT_VIOLATED',
    );
    await expect(lake.sql(`insert into ${source} values (4, 'x', 'nine char', 1)`)).rejects.toThrow(
      'DELTA_EXCEED_CHAR_VARCHAR_LIMIT',
    );
    await lake.sql(`update ${source} set code = 'cd', name = 'é𝄞' where id = 1`);
    expect((await expectSyncedEqual(lake, config)).through).toBe(3n);

    await lake.sql(`alter table ${source} drop constraint positive`);
    await lake.sql(`alter table ${source} alter column code drop not null`);
    await lake.sql(`insert into ${source} values (5, 'ef', null, -5)`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 6n, rows: 4 });
    await expectLoadedEqual(lake, config);
  });
});
