import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/**
 * Tables that Spark wrote, taken in as their writer made them: one commit, one sync. What is expected is asked of
 * the warehouse by `version as of`.
 */
const FIXTURES = fileURLToPath(new URL('../../../shared/fixtures', import.meta.url));

interface Fixture {
  readonly folder: string;
  readonly key: readonly string[];
  /** Rows of each version. */
  readonly rowsAt: readonly number[];
}

const TABLES: readonly Fixture[] = [
  // Its last commit brings other people under the ids 1 and 2: the name is of the key.
  { folder: 'cdf-table-non-partitioned', key: ['id', 'name'], rowsAt: [10, 10, 10, 9, 11] },
  { folder: 'cdc_ict_table', key: ['birthyear', 'name'], rowsAt: [0, 4, 2, 2] },
];

describe.skipIf(!existsSync(FIXTURES))(
  'a table of another writer (in ../shared/fixtures; skipped without)',
  () => {
    let lake: Lake;
    let place = '';

    beforeAll(async () => {
      lake = await startLake();
      place = await mkdtemp(join(tmpdir(), 'lakeferry-attached-'));
      await lake.sql('create schema main.attached');
    });
    afterAll(async () => {
      await lake?.close();
      await rm(place, { recursive: true, force: true });
    });

    it.each(TABLES)('$folder arrives version by version', async ({ folder, key, rowsAt }) => {
      const writer = await GrowingCopy.of(join(FIXTURES, folder), place);
      const table = `main.attached.${folder.replaceAll('-', '_').toLowerCase()}`;
      const config = aSync(table, `public.${table.split('.')[2]}`, key);
      await writer.commitNext();
      await lake.sql(`attach table ${table} location '${writer.path}'`);
      for (const [version, rows] of rowsAt.entries()) {
        if (version > 0) await writer.commitNext();
        expect(await syncNow(lake, config)).toMatchObject({ outcome: 'idle' });
        expect(await throughOf(config.name)).toBe(String(version));
        const found = await compare(table, config.name, version);
        expect(found.target).toEqual(found.source);
        expect(found.target).toHaveLength(rows);
      }
      expect(writer.waiting).toBe(0);
    });

    it('arrives too where several of its versions came since', async () => {
      const writer = await GrowingCopy.of(join(FIXTURES, 'cdf-table-non-partitioned'), place);
      const config = aSync('main.attached.several', 'public.several', ['id', 'name']);
      await writer.commitNext();
      await lake.sql(`attach table main.attached.several location '${writer.path}'`);
      await syncNow(lake, config);
      while (writer.waiting > 0) await writer.commitNext();
      expect(await syncNow(lake, config)).toMatchObject({ outcome: 'idle' });
      expect(await throughOf('several')).toBe('4');
      const { source, target } = await compare('main.attached.several', 'several', 4);
      expect(target).toEqual(source);
    });

    it('halts at a commit that turns the change feed off, and keeps what came before', async () => {
      const writer = await GrowingCopy.of(join(FIXTURES, 'cdf-table-non-partitioned'), place);
      const config = aSync('main.attached.silent', 'public.silent', ['id', 'name']);
      while (writer.waiting > 0) await writer.commitNext();
      await lake.sql(`attach table main.attached.silent location '${writer.path}'`);
      await syncNow(lake, config);
      await writer.turnFeedOff(5);
      expect(await syncNow(lake, config)).toMatchObject({
        outcome: 'halted',
        cause: { kind: 'change_feed_off' },
      });
      const { source, target } = await compare('main.attached.silent', 'silent', 4);
      expect(target).toEqual(source);
    });

    async function throughOf(sync: string): Promise<string | undefined> {
      const [row] = await lake.database.query<{ through: string }>(
        'select through::text from lakeferry.syncs where sync = $1',
        [sync],
      );
      return row?.through;
    }

    /** All columns as text, in an order that is the same on both sides. */
    async function compare(table: string, target: string, version: number) {
      const described = await lake.sql(`describe table ${table}`);
      const names = described.map((row) => String(row['col_name']));
      const end = names.findIndex((name) => name === '' || name.startsWith('#'));
      const columns = end < 0 ? names : names.slice(0, end);
      const source = await lake.sql(
        `select ${columns.map((name) => `cast(${name} as string) as ${name}`).join(', ')} from ${table} version as of ${version}`,
      );
      const rows = await lake.database.query(
        `select ${columns.map((name) => `${name}::text`).join(', ')} from public.${target}`,
      );
      return { source: inOrder(source), target: inOrder(rows) };
    }
  },
);

function inOrder(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort();
}

/**
 * A copy of a Delta table that shows its files at once and its commits one by one. Hadoop's checksums of bytes stay
 * behind: a commit of a fixture was edited after it was written, and Spark would refuse it for that.
 */
class GrowingCopy {
  readonly path: string;
  /** Files of each commit's version that are still to come: its own one last. */
  readonly #commits: string[][];

  private constructor(path: string, commits: string[][]) {
    this.path = path;
    this.#commits = commits;
  }

  get waiting(): number {
    return this.#commits.length;
  }

  static async of(table: string, place: string): Promise<GrowingCopy> {
    const path = join(await mkdtemp(join(place, 'copy-')), basename(table));
    const log = join(table, '_delta_log');
    await cp(table, path, { recursive: true, filter: (file) => !file.startsWith(log) });
    await mkdir(join(path, '_delta_log'));
    const names = (await readdir(log)).filter((name) => /^\d{20}\./.test(name));
    const versions = Map.groupBy(names, (name) => name.match(/\d{20}/)?.[0] ?? '');
    const commits = [...versions.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const last = (name: string) => (/^\d{20}\.json$/.test(name) ? 1 : 0);
    return new GrowingCopy(
      path,
      commits.map(([, files]) => files.sort((a, b) => last(a) - last(b)).map((name) => join(log, name))),
    );
  }

  /** A commit of our own behind all others: the metadata of the first, without properties. */
  async turnFeedOff(version: number): Promise<void> {
    const nameOf = (of: number) => `${String(of).padStart(20, '0')}.json`;
    const log = join(this.path, '_delta_log');
    const lines = (await readFile(join(log, nameOf(0)), 'utf8')).trim().split('\n');
    const first = lines.map((line) => JSON.parse(line)).find(({ metaData }) => metaData);
    const commitInfo = { timestamp: Date.now(), operation: 'SET TBLPROPERTIES', operationParameters: {} };
    const actions = [{ commitInfo }, { metaData: { ...first.metaData, configuration: {} } }];
    const written = join(this.path, nameOf(version));
    await writeFile(written, actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
    await rename(written, join(log, nameOf(version)));
  }

  /** The commit's own file appears whole, and behind those that go with it. */
  async commitNext(): Promise<void> {
    const files = this.#commits.shift();
    if (!files) throw new Error('no commit is left');
    for (const file of files) {
      const copied = join(this.path, basename(file));
      await copyFile(file, copied);
      await rename(copied, join(this.path, '_delta_log', basename(file)));
    }
  }
}
