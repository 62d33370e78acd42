import { pathToFileURL } from 'node:url';
import { CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from '../../../../change/change-type.ts';
import type { SourceTable } from '../../../../schema/table-name.ts';
import type { EngineError } from '../../engine.ts';
import type { Connection } from '../connection.ts';
import { engineError } from '../errors.ts';
import { quotePath, quoteText } from '../literal.ts';
import {
  beyondRetention,
  type Column,
  type HistoryEntry,
  type ReadableTable,
  type TableDetail,
  type TableVersion,
  versionNotFound,
} from '../table.ts';
import { type FactedFile, filesSql } from './data-files.ts';
import { type ReadLog, readLog } from './read-log.ts';
import {
  type ChangingFile,
  type DataFile,
  historyEntry,
  type LoggedCommit,
  type TableLog,
} from './table-log.ts';

const COMMIT_FACTS = [
  [COMMIT_VERSION, 'bigint'],
  [COMMIT_TIMESTAMP, 'timestamp with time zone'],
] as const;

/**
 * A Delta table that others write, in a directory that this warehouse reads and never changes. What is known of it
 * is brought up to date between statements; what is wrong with it is thrown by whoever asks for something of it.
 */
export class AttachedTable implements ReadableTable {
  readonly name: SourceTable;
  /** Absolute path of the table's directory. */
  readonly location: string;
  readonly feedColumnsOf = 'latest';
  #read: ReadLog | undefined;
  #failure: EngineError | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: SourceTable, location: string) {
    this.name = name;
    this.location = location;
  }

  /** Reads what is new in the log. Throws only when the statement is stopped. */
  refresh(connection: Connection): Promise<void> {
    const refreshed = this.#turn.then(() => this.#refresh(connection));
    this.#turn = refreshed.catch(() => undefined);
    return refreshed;
  }

  get latest(): TableVersion {
    return this.#log.latest;
  }

  get snapshotFloor(): bigint {
    return this.#log.snapshotFloor;
  }

  get feedFloor(): bigint {
    return this.#log.feedFloor;
  }

  get detail(): TableDetail {
    const { latest, latestFiles } = this.#log;
    const { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures } = latest.protocol;
    return {
      location: pathToFileURL(this.location).href,
      partitionColumns: latest.partitionColumns,
      numFiles: latestFiles.length,
      sizeInBytes: latestFiles.reduce((total, { size }) => total + size, 0),
      minReaderVersion,
      minWriterVersion,
      features: [...new Set([...(readerFeatures ?? []), ...(writerFeatures ?? [])])].sort(),
    };
  }

  at(version: bigint): TableVersion {
    const found = this.#log.version(version);
    if (found) return found;
    throw version > this.latest.version ? versionNotFound(this, version) : beyondRetention();
  }

  recordsChanges({ metadata }: TableVersion): boolean {
    return metadata.properties['delta.enableChangeDataFeed']?.toLowerCase() === 'true';
  }

  snapshotSql({ version, metadata: { columns } }: TableVersion): string {
    const files = this.#log.filesAt(version).map((file) => ({ ...file, facts: [] }));
    return filesSql({ location: this.location, columns, facts: [], files });
  }

  /** A commit's change files are its changes; without any, the rows that its files brought and took are. */
  changeRowsSql(first: bigint, last: bigint, columns: readonly Column[]): string {
    const commits: LoggedCommit[] = [];
    for (let version = first; version <= last; version += 1n) {
      const commit = this.#log.commit(version);
      if (commit) commits.push(commit);
    }
    const recorded = commits.flatMap((commit) => commit.changeFiles.map((file) => withFacts(file, commit)));
    const implied = commits.flatMap(impliedChanges);
    const { location } = this;
    const changeColumns = [...columns, { name: CHANGE_TYPE, type: 'string' }];
    return [
      filesSql({ location, columns: changeColumns, facts: COMMIT_FACTS, files: recorded }),
      filesSql({ location, columns, facts: [[CHANGE_TYPE, 'varchar'], ...COMMIT_FACTS], files: implied }),
    ].join(' union all ');
  }

  history(limit: number | undefined): HistoryEntry[] {
    const { commits } = this.#log;
    const newest = commits.slice(Math.max(0, commits.length - (limit ?? commits.length)));
    return newest.reverse().map(historyEntry);
  }

  get #log(): TableLog {
    if (this.#failure) throw this.#failure;
    if (!this.#read) throw new RangeError('an attached table was used before it was read');
    return this.#read.log;
  }

  async #refresh(connection: Connection): Promise<void> {
    try {
      this.#read = await readLog(this.location, this.#read, (paths) => jsonLines(connection, paths));
      this.#failure = undefined;
    } catch (thrown) {
      connection.checkAborted();
      this.#failure = engineError(thrown);
    }
  }
}

function impliedChanges(commit: LoggedCommit): FactedFile[] {
  if (commit.changeFiles.length > 0 || mergedNothing(commit)) return [];
  const changing = (files: readonly ChangingFile[], changeType: string) =>
    files
      .filter(({ dataChange }) => dataChange)
      .map((file) => withFacts(file, commit, quoteText(changeType)));
  return [...changing(commit.removed, 'delete'), ...changing(commit.added, 'insert')];
}

function withFacts(
  file: DataFile,
  { version, timestamp }: LoggedCommit,
  ...before: readonly string[]
): FactedFile {
  return {
    ...file,
    facts: [...before, String(version), `make_timestamptz(${BigInt(timestamp) * 1000n})`],
  };
}

const MERGE_COUNTS = ['numTargetRowsInserted', 'numTargetRowsUpdated', 'numTargetRowsDeleted'];

/** A MERGE that met no row may write its files anew; Delta's own reader takes no change from it. */
function mergedNothing({ info }: LoggedCommit): boolean {
  return info.operation === 'MERGE' && MERGE_COUNTS.every((name) => info.operationMetrics?.[name] === '0');
}

async function jsonLines(connection: Connection, paths: readonly string[]): Promise<string[]> {
  const list = paths.map(quotePath).join(', ');
  const read = await connection.run(
    `select to_json(action)::varchar from read_parquet([${list}], union_by_name = true) as action`,
  );
  return (await read.getRows()).map(([line]) => String(line));
}
