import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

export interface LogField {
  readonly name: string;
  readonly type: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

type Action = Readonly<Record<string, unknown>>;
type PartitionValues = Readonly<Record<string, string | null>>;

export const FEED_ON = { 'delta.enableChangeDataFeed': 'true' };

/** A Delta table as another writer would make it: Parquet files by COPY, and the log file by file. */
export class DeltaDirectory {
  readonly path: string;
  readonly #duck: DuckDBInstance;
  #files = 0;

  private constructor(path: string, duck: DuckDBInstance) {
    this.path = path;
    this.#duck = duck;
  }

  static async create(name = 'table'): Promise<DeltaDirectory> {
    const path = join(await mkdtemp(join(tmpdir(), 'lakeferry-delta-')), name);
    await mkdir(join(path, '_delta_log'), { recursive: true });
    return new DeltaDirectory(path, await DuckDBInstance.create(':memory:'));
  }

  logFile(version: number, suffix = 'json'): string {
    return join(this.path, '_delta_log', `${String(version).padStart(20, '0')}.${suffix}`);
  }

  /** Writes the rows of a query of DuckDB to a Parquet file; gives its path as a log names it. */
  async parquet(query: string, folder = ''): Promise<string> {
    this.#files += 1;
    const path = join(folder, `part-${this.#files}.parquet`);
    await mkdir(dirname(join(this.path, path)), { recursive: true });
    await this.#copy(query, join(this.path, path));
    return path.split('/').map(encodeURIComponent).join('/');
  }

  /** Writes the rows of a query of DuckDB as a checkpoint, or as one part of it. */
  checkpoint(version: number, query: string, part?: { part: number; of: number }): Promise<void> {
    const digits = part && [part.part, part.of].map((number) => String(number).padStart(10, '0')).join('.');
    return this.#copy(
      query,
      this.logFile(version, digits ? `checkpoint.${digits}.parquet` : 'checkpoint.parquet'),
    );
  }

  async #copy(query: string, file: string): Promise<void> {
    const connection = await this.#duck.connect();
    await connection.run(`copy (${query}) to '${file.replaceAll("'", "''")}' (format parquet)`);
    connection.closeSync();
  }

  async add(query: string, partitionValues: PartitionValues = {}, more: Action = {}): Promise<Action> {
    const path = await this.parquet(query);
    return { add: { path, partitionValues, size: 100, modificationTime: 1, dataChange: true, ...more } };
  }

  async changes(query: string, partitionValues: PartitionValues = {}): Promise<Action> {
    const path = await this.parquet(query, '_change_data');
    return { cdc: { path, partitionValues, size: 100, dataChange: false } };
  }

  /** Appears at once and whole, its time `version` seconds into 2024. */
  async commit(version: number, actions: readonly Action[], commitInfo: Action = {}): Promise<void> {
    const file = this.logFile(version);
    const lines = [{ commitInfo: { timestamp: 1, operation: 'WRITE', ...commitInfo } }, ...actions];
    await writeFile(`${file}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const at = new Date(commitTime(version));
    await utimes(`${file}.new`, at, at);
    await rename(`${file}.new`, file);
  }

  /** Every file with its size and content time, to tell whether anything was written. */
  async contents(): Promise<string[]> {
    const names = await readdir(this.path, { recursive: true });
    const shown = names.map(async (name) => {
      const { mtimeMs, size } = await stat(join(this.path, name));
      return `${name} ${size} ${mtimeMs}`;
    });
    return (await Promise.all(shown)).sort();
  }

  async remove(): Promise<void> {
    this.#duck.closeSync();
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}

/** Milliseconds of the time of a commit's file. */
export function commitTime(version: number): number {
  return Date.UTC(2024, 0, 1, 0, 0, version);
}

export function protocol(readerFeatures: readonly string[] = []): Action {
  const features = readerFeatures.length === 0 ? {} : { readerFeatures, writerFeatures: readerFeatures };
  return {
    protocol: { minReaderVersion: readerFeatures.length === 0 ? 1 : 3, minWriterVersion: 7, ...features },
  };
}

export function metadata(
  fields: readonly LogField[],
  more: {
    readonly partitionColumns?: readonly string[];
    readonly configuration?: Readonly<Record<string, string>>;
    readonly id?: string;
    readonly description?: string;
  } = {},
): Action {
  const schema = {
    type: 'struct',
    fields: fields.map((field) => ({ nullable: true, metadata: {}, ...field })),
  };
  return {
    metaData: {
      id: 'c0ffee00-0000-4000-8000-000000000001',
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify(schema),
      partitionColumns: [],
      configuration: FEED_ON,
      createdTime: 1_700_000_000_000,
      ...more,
    },
  };
}

export function removal({ add }: Action, more: Action = {}): Action {
  const { path, partitionValues } = add as { path: string; partitionValues: PartitionValues };
  return { remove: { path, partitionValues, deletionTimestamp: 1, dataChange: true, ...more } };
}
