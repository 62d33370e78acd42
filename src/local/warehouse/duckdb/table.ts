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
  /** The column of the store that holds the values; never given to another column. */
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

export interface Commit {
  readonly version: bigint;
  /** Milliseconds since the epoch; grows with every commit of a table. */
  readonly timestamp: number;
  readonly operation: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, string>>;
  readonly blindAppend: boolean;
  /** Rows in the table after the commit. */
  readonly rows: number;
  readonly metadata: TableMetadata;
}

const CHANGE_FEED_PROPERTY = 'delta.enableChangeDataFeed';

/**
 * The store of a table is one DuckDB table with every row that any kept version shows. A row is live in the
 * versions `_from <= v < _to`; `_in` and `_out` say how it came and went, for the change feed.
 */
export const LIVE = 9_223_372_036_854_775_807n;
export const ARRIVED = { insert: 1, update_postimage: 2 } as const;
export const DEPARTED = { delete: 1, update_preimage: 2 } as const;

/** A table with its whole history. */
export class Table {
  readonly name: SourceTable;
  readonly storeId: number;
  readonly commits: Commit[] = [];
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
    if (!commit) {
      throw new EngineError(
        'DELTA_VERSION_NOT_FOUND',
        '22003',
        `Cannot time travel to version ${version}. Available versions: [${this.snapshotFloor}, ${this.latest.version}].`,
      );
    }
    if (version < this.snapshotFloor) throw beyondRetention();
    return commit;
  }

  /** Query for the rows at a version, in the columns of that version. */
  snapshotSql(commit: Commit, withRowId = false): string {
    const { version, metadata } = commit;
    const rowId = withRowId ? `rowid as ${ROW_ID}, ` : '';
    return `select ${rowId}${storedColumns(metadata)} from ${this.store} where ${liveAt(version)}`;
  }
}

export const ROW_ID = '"_lakeferry_row_id"';

/** Condition on a store's rows. */
export function liveAt(version: bigint): string {
  return `_from <= ${version} and _to > ${version}`;
}

/** The columns of a store under the names that a version gives them. */
export function storedColumns(metadata: TableMetadata): string {
  return metadata.columns.map(({ stored, name }) => `${stored} as ${quoteName(name)}`).join(', ');
}

export function changeFeedOn(metadata: TableMetadata): boolean {
  return metadata.properties[CHANGE_FEED_PROPERTY]?.toLowerCase() !== 'false';
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

export function beyondRetention(): EngineError {
  return new EngineError(
    'DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION',
    '42KD9',
    'The version is older than what VACUUM kept of the table.',
  );
}
