import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';
import { type OtherWriter, startOtherWriter } from './writers/other-writer.ts';

/** What open-source Spark's SQL cannot make; the tables are attached where their writer put them. */
describe('a table that another application writes', () => {
  let lake: Lake;
  let place = '';
  let writer: OtherWriter;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'lakeferry-writer-'));
    [lake, writer] = await Promise.all([startLake(), startOtherWriter(place)]);
  });
  afterAll(async () => {
    await Promise.allSettled([lake?.close(), writer?.close()]);
    await rm(place, { recursive: true, force: true });
  });

  async function attach(name: string): Promise<string> {
    await lake.sql(`attach table main.others.${name} location '${join(place, name)}'`);
    return `main.others.${name}`;
  }

  it('arrives with generated columns, and with what Delta generates anew in them', async () => {
    await writer.run('generated');
    const config = aSync(await attach('generated'), 'public.generated', ['n']);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 1n, rows: 2 });
    await writer.run('change_generated');
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 4n, rows: 3 });
    await expectLoadedEqual(lake, config);
  });

  it('arrives with identity columns, one of them as the key', async () => {
    await writer.run('identity');
    const config = aSync(await attach('identity'), 'public.identity', ['id']);
    expect(await expectSyncedEqual(lake, config)).toEqual({ through: 1n, rows: 4 });
    await writer.run('change_identity');
    expect((await expectSyncedEqual(lake, config)).rows).toBe(5);
    await expectLoadedEqual(lake, config);
  });

  it('arrives with the micro-batches of streams that append, and that write all anew', async () => {
    await writer.run('stream');
    const appended = aSync(await attach('appended'), 'public.appended', ['id']);
    const counted = aSync(await attach('counted'), 'public.counted', ['kind']);
    const before = await expectSyncedEqual(lake, appended);
    expect(before.rows).toBe(15);
    await expectSyncedEqual(lake, counted);

    await writer.run('stream');
    expect(await expectSyncedEqual(lake, appended)).toEqual({ through: before.through + 3n, rows: 30 });
    await expectSyncedEqual(lake, counted);
    await expectLoadedEqual(lake, appended);
    await expectLoadedEqual(lake, counted);
  });
});
