import { CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from '../../../change/change-type.ts';
import type { SourceTable } from '../../../schema/table-name.ts';
import { EngineError } from '../engine.ts';
import { quoteName } from './literal.ts';

/** A column as one version of a table has it. */
export interface Column {
  readonly name: string;
  /** Delta's type text. */
  readonly type: string;
  readonly nullable: boolean;
  readonly comment?: string;
  /** The default as an expression of Databricks SQL. */
  readonly defaultSql?: string;
  /** The column of the store, or of the data files, that holds the values; never given to another column. */
  readonly stored: string;
}

/** What Delta calls the table's metadata, at one version. */
export interface TableMetadata {
  /** A uuid, new with CREATE and with CREATE OR REPLACE. */
  readonly id: string;
  readonly columns: readonly Column[];
  readonly comment?: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** A version that can be read. */
export interface TableVersion {
  readonly version: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly metadata: TableMetadata;
}

/** A commit as DESCRIBE HISTORY tells it; null is what the log does not say. */
export interface HistoryEntry {
  readonly version: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly userId: string | null;
  readonly userName: string | null;
  readonly operation: string | null;
  readonly parameters: Readonly<Record<string, string>>;
  readonly readVersion: bigint | null;
  readonly isolationLevel: string | null;
  readonly blindAppend: boolean | null;
  readonly metrics: Readonly<Record<string, string>>;
  readonly userMetadata: string | null;
  readonly engineInfo: string | null;
}

/** What DESCRIBE DETAIL tells besides the metadata. */
export interface TableDetail {
  readonly location: string;
  readonly partitionColumns: readonly string[];
  readonly numFiles: number;
  readonly sizeInBytes: number;
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly features: readonly string[];
}

/** A table that queries can name, whoever keeps its rows. */
export interface ReadableTable {
  readonly name: SourceTable;
  readonly latest: TableVersion;
  /** Oldest version whose rows are all kept, and oldest whose changes are. */
  readonly snapshotFloor: bigint;
  readonly feedFloor: bigint;
  readonly detail: TableDetail;
  /** Throws as Databricks does for a version that is not there, or no longer. */
  at(version: bigint): TableVersion;
  /** Which version's columns the feed gives: Delta takes the end's with column mapping, else the newest one's. */
  readonly feedColumnsOf: 'end' | 'latest';
  /** Whether the change feed has the changes of a version. */
  recordsChanges(version: TableVersion): boolean;
  /** Query for the rows at a version, in the columns of that version. */
  snapshotSql(version: TableVersion): string;
  /** Query for the changes of versions that are all there, both ends inclusive. */
  changeRowsSql(first: bigint, last: bigint, columns: readonly Column[]): string;
  /** The newest commits, newest first; all of them without a limit. */
  history(limit: number | undefined): readonly HistoryEntry[];
}

/** A commit of the warehouse's own; the time grows with every one of a table. */
export interface Commit extends TableVersion {
  readonly operation: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, string>>;
  readonly blindAppend: boolean;
  /** Rows in the table after the commit. */
  readonly rows: number;
}

export const CHANGE_FEED_PROPERTY = 'delta.enableChangeDataFeed';

/**
 * The store of a table is one DuckDB table with every row that any kept version shows. A row is live in the
 * versions `_from <= v < _to`; `_in` and `_out` say how it came and went, for the change feed.
 */
export const LIVE = 9_223_372_036_854_775_807n;
export const ARRIVED = { insert: 1, update_postimage: 2 } as const;
export const DEPARTED = { delete: 1, update_preimage: 2 } as const;

/** The store has no files; sizes are a constant per row. */
export const ESTIMATED_ROW_BYTES = 64;

const ENGINE_INFO = 'Lakeferry-local-warehouse';

/** A table of the warehouse's own, with its whole history. */
export class Table implements ReadableTable {
  readonly name: SourceTable;
  readonly storeId: number;
  readonly commits: Commit[] = [];
  /** Columns can be renamed and dropped here. */
  readonly feedColumnsOf = 'end';
  /** Oldest version whose rows are all kept, and oldest whose changes are. */
  snapshotFloor = 0n;
  feedFloor = 0n;

  constructor(name: SourceTable, storeId: number) {
    this.name = name;
    this.storeId = storeId;
  }

  get latest(): Commit {
    const commit = this.commits.at(-1);
    if (!commit) throw new RangeError('a table without commits');
    return commit;
  }

  get store(): string {
    return `data.t${this.storeId}`;
  }

  /** Throws as Databricks does for a version that is not there, or no longer. */
  at(version: bigint): Commit {
    const commit = this.commits[Number(version)];
    if (!commit) throw versionNotFound(this, version);
    if (version < this.snapshotFloor) throw beyondRetention();
    return commit;
  }

  get detail(): TableDetail {
    const { rows, metadata } = this.latest;
    return {
      location: '',
      partitionColumns: [],
      numFiles: rows > 0 ? 1 : 0,
      sizeInBytes: rows * ESTIMATED_ROW_BYTES,
      minReaderVersion: 1,
      minWriterVersion: 7,
      features: ['appendOnly', ...(changeFeedOn(metadata) ? ['changeDataFeed'] : []), 'invariants'],
    };
  }

  recordsChanges({ metadata }: TableVersion): boolean {
    return changeFeedOn(metadata);
  }

  /** Query for the rows at a version, in the columns of that version. */
  snapshotSql({ version, metadata }: TableVersion, withRowId = false): string {
    const rowId = withRowId ? `rowid as ${ROW_ID}, ` : '';
    return `select ${rowId}${storedColumns(metadata.columns)} from ${this.store} where ${liveAt(version)}`;
  }

  changeRowsSql(first: bigint, last: bigint, columns: readonly Column[]): string {
    const half = (version: string, kind: string) => `
    select ${storedColumns(columns)}, ${kind} as ${CHANGE_TYPE}, ${version} as ${COMMIT_VERSION}
    from ${this.store} where ${version} between ${first} and ${last}`;
    return `select changes.*, committed_at as ${COMMIT_TIMESTAMP}
    from (${half('_from', kindSql('_in', ARRIVED))} union all ${half('_to', kindSql('_out', DEPARTED))}) as changes
    join meta.commits on store = ${this.storeId} and version = ${COMMIT_VERSION}`;
  }

  history(limit = this.commits.length): HistoryEntry[] {
    const newest = this.commits.slice(Math.max(0, this.commits.length - limit)).reverse();
    return newest.map(({ version, timestamp, operation, parameters, blindAppend, metrics }) => ({
      version,
      timestamp,
      userId: 'local',
      userName: 'local',
      operation,
      parameters,
      readVersion: version === 0n ? null : version - 1n,
      isolationLevel: 'WriteSerializable',
      blindAppend,
      metrics,
      userMetadata: null,
      engineInfo: ENGINE_INFO,
    }));
  }
}

/** The table, if statements may write to it. */
export function writable(table: ReadableTable): Table {
  if (table instanceof Table) return table;
  const { catalog, schema, table: name } = table.name;
  throw new EngineError(
    'UNSUPPORTED_FEATURE.TABLE_OPERATION',
    '0A000',
    `The table \`${catalog}\`.\`${schema}\`.\`${name}\` is attached, and an attached table is read-only.`,
  );
}

function kindSql(code: string, codes: Readonly<Record<string, number>>): string {
  const branches = Object.entries(codes).map(([name, value]) => `when ${value} then '${name}'`);
  return `case ${code} ${branches.join(' ')} end`;
}

export const ROW_ID = '"_lakeferry_row_id"';

/** Condition on a store's rows. */
export function liveAt(version: bigint): string {
  return `_from <= ${version} and _to > ${version}`;
}

/** The columns of a store under the names that a version gives them. */
function storedColumns(columns: readonly Column[]): string {
  return columns.map(({ stored, name }) => `${stored} as ${quoteName(name)}`).join(', ');
}

function changeFeedOn(metadata: TableMetadata): boolean {
  return metadata.properties[CHANGE_FEED_PROPERTY]?.toLowerCase() === 'true';
}

export function findColumn(metadata: TableMetadata, name: string): Column | undefined {
  const lower = name.toLowerCase();
  return metadata.columns.find((column) => column.name.toLowerCase() === lower);
}

export function requireColumn(metadata: TableMetadata, name: string): Column {
  const column = findColumn(metadata, name);
  if (!column) {
    throw new EngineError(
      'UNRESOLVED_COLUMN.WITH_SUGGESTION',
      '42703',
      `A column \`${name}\` cannot be resolved.`,
    );
  }
  return column;
}

export function versionNotFound(table: ReadableTable, version: bigint): EngineError {
  return new EngineError(
    'DELTA_VERSION_NOT_FOUND',
    '22003',
    `Cannot time travel to version ${version}. Available versions: [${table.snapshotFloor}, ${table.latest.version}].`,
  );
}

export function beyondRetention(): EngineError {
  return new EngineError(
    'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION',
    '42KD9',
    'The version is older than what is kept of the table.',
  );
}
