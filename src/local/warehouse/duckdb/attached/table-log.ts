import type { Column, HistoryEntry, TableMetadata, TableVersion } from '../table.ts';
import type { Actions, CommitInfo, ProtocolAction } from './actions.ts';
import { corruptLog } from './log-errors.ts';
import { checkFiles, checkMetadata, checkProtocol } from './protocol.ts';
import { parseSchemaString } from './schema-string.ts';

/** A file of rows, as the log names it. */
export interface DataFile {
  readonly path: string;
  /** Text by the name of the partition column. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Columns of the version that brought the file. */
  readonly columns: readonly Column[];
}

interface SizedFile extends DataFile {
  readonly size: number;
}

export interface ChangingFile extends DataFile {
  /** Whether it came or went with rows that changed. */
  readonly dataChange: boolean;
}

/** A version of the table, with what the log says of it besides the columns. */
export interface LoggedVersion extends TableVersion {
  readonly partitionColumns: readonly string[];
  readonly protocol: ProtocolAction;
}

/** A commit whose own file the log still has. */
export interface LoggedCommit extends LoggedVersion {
  readonly info: CommitInfo;
  readonly added: readonly (SizedFile & ChangingFile)[];
  readonly removed: readonly ChangingFile[];
  readonly changeFiles: readonly DataFile[];
}

/** The versions of a table, replayed from its log. Every version that is applied can be read. */
export class TableLog {
  readonly commits: LoggedCommit[] = [];
  #base: { readonly version: LoggedVersion; readonly files: readonly SizedFile[] } | undefined;
  #latest: LoggedVersion | undefined;
  readonly #files = new Map<string, SizedFile>();

  get latest(): LoggedVersion {
    if (!this.#latest) throw corruptLog('it has no commit');
    return this.#latest;
  }

  /** Oldest version that can be read. */
  get snapshotFloor(): bigint {
    return this.#base?.version.version ?? 0n;
  }

  /** Oldest version whose commit is there. */
  get feedFloor(): bigint {
    return this.commits[0]?.version ?? this.latest.version + 1n;
  }

  get latestFiles(): readonly SizedFile[] {
    return [...this.#files.values()];
  }

  /** Undefined for a version that the log does not reach. */
  version(version: bigint): LoggedVersion | undefined {
    return this.commit(version) ?? (version === this.#base?.version.version ? this.#base.version : undefined);
  }

  commit(version: bigint): LoggedCommit | undefined {
    return this.commits[Number(version - this.feedFloor)];
  }

  /** The files whose rows are the table at a version. */
  filesAt(version: bigint): readonly DataFile[] {
    if (version === this.latest.version) return this.latestFiles;
    const files = new Map<string, DataFile>(this.#base?.files.map((file) => [file.path, file]));
    for (const commit of this.commits) {
      if (commit.version > version) break;
      replay(files, commit);
    }
    return [...files.values()];
  }

  /** Begins with a checkpoint; `modifiedAt` is the time of its file. */
  begin(version: bigint, modifiedAt: number, actions: Actions): void {
    checkFiles(actions);
    this.#latest = this.#next(version, Math.trunc(modifiedAt), actions);
    const { columns } = this.#latest.metadata;
    const files = actions.adds.map((file) => ({ ...file, columns }));
    this.#base = { version: this.#latest, files };
    for (const file of files) this.#files.set(file.path, file);
  }

  /**
   * Takes the next commit, or the one that the checkpoint stands for. `modifiedAt` is the time of its file, which
   * counts where the commit does not tell one itself, and then grows with every version.
   */
  apply(version: bigint, modifiedAt: number, actions: Actions): void {
    checkFiles(actions);
    const info = actions.info ?? {};
    const previous = this.commits.at(-1)?.timestamp ?? Number.NEGATIVE_INFINITY;
    const timestamp = info.inCommitTimestamp ?? Math.max(Math.trunc(modifiedAt), previous + 1);
    const next = this.#next(version, timestamp, actions);
    const { columns } = next.metadata;
    const commit: LoggedCommit = {
      ...next,
      info,
      added: actions.adds.map((file) => ({ ...file, columns })),
      removed: actions.removes.map(({ path, partitionValues, dataChange }) => ({
        path,
        dataChange,
        partitionValues: partitionValues ?? this.#partitionValuesOf(path, next),
        columns: this.#files.get(path)?.columns ?? columns,
      })),
      changeFiles: actions.changeFiles.map((file) => ({ ...file, columns })),
    };
    replay(this.#files, commit);
    this.commits.push(commit);
    this.#latest = next;
  }

  #partitionValuesOf(
    path: string,
    { version, partitionColumns }: LoggedVersion,
  ): DataFile['partitionValues'] {
    const known = this.#files.get(path)?.partitionValues;
    if (known) return known;
    if (partitionColumns.length === 0) return {};
    throw corruptLog(`the commit of version ${version} removes a file whose partition is not known`);
  }

  #next(version: bigint, timestamp: number, { metadata: logged, protocol: changed }: Actions): LoggedVersion {
    if (changed) checkProtocol(changed);
    if (logged) checkMetadata(logged);
    const protocol = changed ?? this.#latest?.protocol;
    if (!protocol || (!logged && !this.#latest)) {
      throw corruptLog(`the table has no ${protocol ? 'metadata' : 'protocol'} at version ${version}`);
    }
    if (!logged) {
      const { metadata, partitionColumns } = this.#latest as LoggedVersion;
      return { version, timestamp, metadata, partitionColumns, protocol };
    }
    const metadata: TableMetadata = {
      id: logged.id,
      columns: parseSchemaString(logged.schemaString),
      ...(logged.description && { comment: logged.description }),
      properties: logged.configuration,
      createdAt: logged.createdTime ?? 0,
    };
    return { version, timestamp, metadata, partitionColumns: logged.partitionColumns, protocol };
  }
}

/** The same files again where the checkpoint that the log begins with knows the commit already. */
function replay(
  files: Map<string, DataFile>,
  { added, removed }: Pick<LoggedCommit, 'added' | 'removed'>,
): void {
  for (const { path } of removed) files.delete(path);
  for (const file of added) files.set(file.path, file);
}

export function historyEntry({ version, timestamp, info }: LoggedCommit): HistoryEntry {
  return {
    version,
    timestamp,
    userId: info.userId ?? null,
    userName: info.userName ?? null,
    operation: info.operation ?? null,
    parameters: texts(info.operationParameters),
    readVersion:
      info.readVersion === null || info.readVersion === undefined ? null : BigInt(info.readVersion),
    isolationLevel: info.isolationLevel ?? null,
    blindAppend: info.isBlindAppend ?? null,
    metrics: texts(info.operationMetrics),
    userMetadata: info.userMetadata ?? null,
    engineInfo: info.engineInfo ?? null,
  };
}

/** Writers log texts, numbers and nested JSON; a map of the history holds texts alone. */
function texts(facts: CommitInfo['operationParameters']): Record<string, string> {
  const known = Object.entries(facts ?? {}).filter(([, value]) => value !== null);
  return Object.fromEntries(
    known.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
