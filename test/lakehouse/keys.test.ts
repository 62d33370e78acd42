import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { syncToHalt } from '../support/halts.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** More than one slice, so that the hash of a key decides where its row is read. */
const SLICED = { maxChunkRows: 4 };

describe('keys', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.keys');
  });
  afterAll(() => lake?.close());

  it('identify rows in every type that may be of a key, and move', async () => {
    const source = 'main.keys.every';
    const key = ['b', 'd', 't', 'n', 'y', 'o', 'i', 'l', 's', 'c'];
    const config = aSync(source, 'public.every', key, SLICED);
    await lake.sql(
      `create table ${source} (v string, b binary, d decimal(38,18), t timestamp, n timestamp_ntz, y date, o boolean,
         i tinyint, l bigint, s string, c varchar(9)) using delta`,
    );
    const row = (v: string, b: string, d: string, at: string, s: string) =>
      `select '${v}', ${b}, cast(${d} as decimal(38,18)), timestamp'${at}', timestamp_ntz'${at}', date'0001-01-01',
         true, cast(-128 as tinyint), 9223372036854775807, ${s}, ''`;
    await lake.sql(
      `insert into ${source}
         ${row('bytes', "X''", '0', '1582-10-04 00:00:00', "''")}
         union all ${row('more bytes', "X'00'", '0', '1582-10-04 00:00:00', "''")}
         union all ${row('digits', "X''", '0.000000000000000001', '1582-10-04 00:00:00', "''")}
         union all ${row('time', "X''", '0', '1582-10-04 00:00:00.000001', "''")}
         union all ${row('case', "X''", '0', '9999-12-31 23:59:59', "'a\\tB'")}
         union all ${row('other case', "X''", '0', '9999-12-31 23:59:59', "'A\\tb'")}
         union all ${row('blank', "X''", '0', '9999-12-31 23:59:59', "'a\\tB '")}`,
    );
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 1n, rows: 7 });

    await lake.sql(
      `update ${source} set b = X'FF5C0A', d = -d, s = concat(s, '𝄞') where v in ('digits', 'blank')`,
    );
    await lake.sql(`update ${source} set v = 'changed', t = t + interval 1 microsecond where v like '%case'`);
    await lake.sql(`delete from ${source} where v = 'time' or v = 'bytes'`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 4n, rows: 5 });
    await expectLoadedEqual(lake, config);
  });

  it('are refused by name in types whose equality is not exact on both sides', async () => {
    const source = 'main.keys.inexact';
    await lake.sql(
      `create table ${source} (f float, g double, a array<int>, s struct<x:int>, m map<string,int>, v variant) using delta`,
    );
    expect(
      await syncToHalt(lake, aSync(source, 'public.inexact', ['f', 'g', 'a', 's', 'm', 'v'])),
    ).toMatchObject({
      kind: 'type_unsupported',
      message: expect.stringMatching(
        /f \(float\) cannot be a key.*g \(double\).*a \(array<int>\).*s \(struct.*m \(map.*v \(variant\)/,
      ),
    });
  });

  it('are compared byte by byte where the column has a collation, as are changes and characters', async () => {
    const source = 'main.keys.collated';
    const config = aSync(source, 'public.collated', ['k'], SLICED);
    // Open-source Delta writes collated columns only when told not to look at types.
    await lake.sql('set spark.databricks.delta.schema.typeCheck.enabled = false');
    await lake.sql(
      `create table ${source} (k string collate utf8_lcase, v string collate unicode_ci) using delta`,
    );
    await lake.sql(`insert into ${source} values ('a', 'x'), ('B', 'y'), ('b', 'z'), ('c', 'é')`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 1n, rows: 4 });

    await lake.sql(`update ${source} set k = upper(k) where v = 'x'`);
    await lake.sql(`update ${source} set v = upper(v) where v in ('y', 'é')`);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 3n, rows: 4 });
    await expectLoadedEqual(lake, config);
    await expectNulRejected(config, source);
  });

  async function expectNulRejected(config: SyncConfig, source: string): Promise<void> {
    await lake.sql(`insert into ${source} select 'nul', concat('o', chr(0), 'o')`);
    expect(await syncToHalt(lake, config)).toMatchObject({
      kind: 'row_rejected',
      message: expect.stringContaining('"v": a text holds the character U+0000'),
    });
  }
});
