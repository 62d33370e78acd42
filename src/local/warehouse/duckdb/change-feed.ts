import { CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from '../../../change/change-type.ts';
import { EngineError } from '../engine.ts';
import {
  ARRIVED,
  beyondRetention,
  changeFeedOn,
  DEPARTED,
  findColumn,
  storedColumns,
  type Table,
  type TableMetadata,
} from './table.ts';

/**
 * Query for the changes of the versions `first` to `last`, both inclusive, in the columns of the last one.
 * Throws as Databricks does where the feed does not have them all.
 */
export function changesSql(table: Table, first: bigint, last: bigint): string {
  const { metadata } = checkRange(table, first, last);
  const half = (version: string, kind: string) => `
    select ${storedColumns(metadata)}, ${kind} as ${CHANGE_TYPE}, ${version} as ${COMMIT_VERSION}
    from ${table.store} where ${version} between ${first} and ${last}`;
  return `select changes.*, committed_at as ${COMMIT_TIMESTAMP}
    from (${half('_from', kindSql('_in', ARRIVED))} union all ${half('_to', kindSql('_out', DEPARTED))}) as changes
    join meta.commits on store = ${table.storeId} and version = ${COMMIT_VERSION}`;
}

function kindSql(code: string, codes: Readonly<Record<string, number>>): string {
  const branches = Object.entries(codes).map(([name, value]) => `when ${value} then '${name}'`);
  return `case ${code} ${branches.join(' ')} end`;
}

function checkRange(table: Table, first: bigint, last: bigint): { readonly metadata: TableMetadata } {
  const latest = table.latest.version;
  if (first > latest) {
    throw new EngineError(
      'DELTA_CDC_START_VERSION_AFTER_LATEST',
      '22003',
      `The start version ${first} of the change feed is after the latest version ${latest}.`,
    );
  }
  if (last < first) {
    throw new EngineError(
      'DELTA_INVALID_CDC_RANGE',
      '22003',
      `The change feed cannot end at version ${last}, before its start version ${first}.`,
    );
  }
  if (last > latest) {
    throw new EngineError(
      'DELTA_VERSION_NOT_FOUND',
      '22003',
      `The end version ${last} of the change feed is after the latest version ${latest}.`,
    );
  }
  if (first < table.feedFloor) throw beyondRetention();
  const range = table.commits.slice(Number(first), Number(last) + 1);
  const off = range.find((commit) => !changeFeedOn(commit.metadata));
  if (off) {
    throw new EngineError(
      'DELTA_MISSING_CHANGE_DATA',
      'KD002',
      `The change feed was not recorded for version ${off.version}: it is off there.`,
    );
  }
  const end = table.commits[Number(last)] as (typeof range)[number];
  const broken = range.find((commit) => !readableAs(commit.metadata, end.metadata));
  if (broken) {
    throw new EngineError(
      'DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE',
      '0AKDC',
      `The change feed from version ${first} to ${last} has an incompatible schema change after version ${broken.version}.`,
    );
  }
  return end;
}

/** Whether rows of one schema can be read as another: columns may only have been added, and nullability kept. */
function readableAs(older: TableMetadata, newer: TableMetadata): boolean {
  if (older === newer) return true;
  const kept = older.columns.every((column) => {
    const now = findColumn(newer, column.name);
    return now?.type === column.type && now.nullable === column.nullable && now.stored === column.stored;
  });
  return (
    kept && newer.columns.every((column) => column.nullable || findColumn(older, column.name) !== undefined)
  );
}
