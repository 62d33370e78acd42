import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { displayTable } from '../../src/schema/table-name.ts';
import { expectLoadedEqual, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

const METADATA = { commitVersion: 'version', commitTimestamp: 'committed' };
/** A time that no commit of these tests has but by its file. */
const LONG_AGO = new Date('2001-02-03T04:05:06Z');

describe('times of commits that the commits themselves carry', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.times');
  });
  afterAll(() => lake?.close());

  it('arrive by window and by snapshot, whatever the times of the files of the log', async () => {
    const source = 'main.times.carried';
    const config = aSync(source, 'public.carried', ['id'], { metadata: METADATA });
    await lake.sql(
      `create table ${source} (id int, v string) using delta tblproperties (delta.enableInCommitTimestamps = true)`,
    );
    await lake.sql(`insert into ${source} values (1, 'a'), (2, 'b'), (3, 'c')`);
    await expectSyncedEqual(lake, config);
    await expectCommitsOfSpark(config, 1);

    await lake.sql(`update ${source} set v = 'bb' where id = 2`);
    await lake.sql(`insert into ${source} values (4, 'd')`);
    await turnFilesBack(source);
    await expectSyncedEqual(lake, config);
    const times = await expectCommitsOfSpark(config, 1);
    expect(times).not.toContain(micros(LONG_AGO));
    await expectLoadedEqual(lake, config);
    await expectCommitsOfSpark(loaded(config), 3);
  });

  it('arrive where a table carries them from a later commit on, in one window with commits before', async () => {
    const source = 'main.times.carried_late';
    const config = aSync(source, 'public.carried_late', ['id'], { metadata: METADATA });
    await lake.sql(`create table ${source} (id int, v string) using delta`);
    await lake.sql(`insert into ${source} values (1, 'a'), (2, 'b')`);
    await expectSyncedEqual(lake, config);

    await lake.sql(`insert into ${source} values (3, 'by its file')`);
    await lake.sql(`alter table ${source} set tblproperties (delta.enableInCommitTimestamps = true)`);
    await lake.sql(`update ${source} set v = 'by itself' where id = 1`);
    await expectSyncedEqual(lake, config);
    await expectCommitsOfSpark(config, 1);
    await expectLoadedEqual(lake, config);
    await expectCommitsOfSpark(loaded(config), 4);
  });

  /** Version and time of each row as Spark's feed has them since the load, and its history for the load itself. */
  async function expectCommitsOfSpark(config: SyncConfig, loadedAt: number): Promise<string[]> {
    const table = displayTable(config.source);
    const history = await lake.sql(`describe history ${table}`);
    const commit = history.find((row) => Number(row['version']) === loadedAt);
    const latest = Math.max(...history.map((row) => Number(row['version'])));
    const byKey = new Map<string, readonly [version: string, committed: string]>();
    for (const { id } of await lake.sql(`select cast(id as string) as id from ${table}`)) {
      byKey.set(String(id), [String(loadedAt), micros(commit?.['timestamp'] as Date)]);
    }
    if (latest > loadedAt) {
      const arrivals = await lake.sql(
        `select cast(id as string) as id, cast(_commit_version as string) as version,
           cast(unix_micros(_commit_timestamp) as string) as committed
         from table_changes('${table}', ${loadedAt + 1}, ${latest})
         where _change_type in ('insert', 'update_postimage')
         order by _commit_version`,
      );
      for (const row of arrivals) {
        byKey.set(String(row['id']), [String(row['version']), String(row['committed'])]);
      }
    }
    const rows = await lake.database.query<{ id: string; version: string; committed: string }>(
      `select id::text, version::text, (extract(epoch from committed) * 1000000)::bigint::text as committed
       from public.${config.target.table}`,
    );
    const found = new Map(rows.map(({ id, version, committed }) => [id, [version, committed]]));
    expect(found).toEqual(byKey);
    return rows.map(({ committed }) => committed);
  }

  /** The files of the log seem older than the table. */
  async function turnFilesBack(source: string): Promise<void> {
    const [detail] = await lake.sql(`describe detail ${source}`);
    const log = join(
      fileURLToPath(String(detail?.['location']).replace(/^file:\/*/, 'file:///')),
      '_delta_log',
    );
    const commits = (await readdir(log)).filter((name) => /^\d{20}\.json$/.test(name));
    await Promise.all(commits.map((name) => utimes(join(log, name), LONG_AGO, LONG_AGO)));
  }
});

/** The sync of `expectLoadedEqual`. */
function loaded(config: SyncConfig): SyncConfig {
  return { ...config, target: { ...config.target, table: `${config.target.table}_loaded` } };
}

function micros(time: Date): string {
  return `${time.getTime()}000`;
}
