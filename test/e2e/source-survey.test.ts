import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { resolveMapping } from '../../src/sync/resolve-mapping.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

let lake: Lake;
const source = 'main.survey.items';

beforeAll(async () => {
  lake = await startLake();
  await lake.sql('create schema main.survey');
  await lake.sql(`create table ${source} (tenant int, id int, day date, size int) using delta
    tblproperties ('delta.enableChangeDataFeed' = 'true', 'delta.deletedFileRetentionDuration' = 'interval 9 days')`);
  await lake.sql(
    `insert into ${source} values (1, 1, date'2026-01-01', 5), (1, 2, date'2026-01-01', 5), (2, 2, date'2026-01-02', 5),
     (2, 3, null, 6), (null, 4, date'2026-01-03', 6), (null, 4, date'2026-01-03', 6)`,
  );
});
afterAll(() => lake?.close());

async function sample(config: SyncConfig, keys = 1_000) {
  const { source: table } = config;
  const columns = await lake.services.source.readColumns(table, NEVER);
  const { latest } = await lake.services.source.look(table, NEVER);
  const mapping = resolveMapping(config, columns, undefined);
  return lake.services.source.sampleKeys(table, latest.version, mapping, keys, NEVER);
}
const keyed = (primaryKey: readonly string[], over: Partial<SyncConfig> = {}) =>
  aSync(source, 'public.items', primaryKey, over);

it('a warehouse tells its time and whom it takes us for', async () => {
  const { now, principal } = await lake.services.source.readWarehouse(NEVER);
  expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  expect(principal).not.toBe('');
});

describe('the feed of a table', () => {
  it('is on with the retention that the table sets', async () => {
    expect(await lake.services.source.readFeed(keyed(['id']).source, NEVER)).toEqual({
      changeFeed: true,
      deletedFileRetention: 'interval 9 days',
    });
  });

  it('is off where the table has it off', async () => {
    await lake.sql(
      "create table main.survey.quiet (id int) using delta tblproperties ('delta.enableChangeDataFeed' = 'false')",
    );
    const quiet = aSync('main.survey.quiet', 'public.quiet', ['id']);
    expect(await lake.services.source.readFeed(quiet.source, NEVER)).toEqual({ changeFeed: false });
  });
});

describe('a sample of keys', () => {
  it('counts keys that several rows have, and rows without a key', async () => {
    expect(await sample(keyed(['id']))).toEqual({
      tableRows: 6,
      oneIn: 1,
      rows: 6,
      repeated: 2,
      nullRows: 0,
    });
    expect(await sample(keyed(['tenant', 'id']))).toMatchObject({ repeated: 0, nullRows: 2 });
    expect(await sample(keyed(['day']))).toMatchObject({ repeated: 2, nullRows: 1 });
  });

  it('looks at the rows that the filter keeps, and no others', async () => {
    expect(await sample(keyed(['id'], { where: 'tenant = 1' }))).toMatchObject({
      tableRows: 6,
      rows: 2,
      repeated: 0,
    });
  });

  it('takes whole keys when there are more than it may group', async () => {
    await lake.sql('create table main.survey.many (id int, twin int) using delta');
    await lake.sql('insert into main.survey.many select id, cast(id % 500 as int) from range(1000) r(id)');
    const many = (key: string) => aSync('main.survey.many', 'public.many', [key]);
    const unique = await sample(many('id'), 100);
    expect(unique).toMatchObject({ tableRows: 1_000, oneIn: 10, repeated: 0 });
    expect(unique.rows).toBeGreaterThan(50);
    expect(unique.rows).toBeLessThan(200);
    const twins = await sample(many('twin'), 100);
    expect(twins.repeated).toBe(twins.rows / 2);
  });
});
