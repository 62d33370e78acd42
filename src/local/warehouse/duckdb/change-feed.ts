import { EngineError } from '../engine.ts';
import {
  beyondRetention,
  findColumn,
  type ReadableTable,
  type TableMetadata,
  type TableVersion,
} from './table.ts';

/**
 * Query for the changes of the versions `first` to `last`, both inclusive. Throws as Databricks does where the feed
 * does not have them all, or not in the columns that it gives.
 */
export function changesSql(table: ReadableTable, first: bigint, last: bigint): string {
  const range = checkedRange(table, first, last);
  const { metadata } = table.feedColumnsOf === 'latest' ? table.latest : table.at(last);
  const broken = range.find((version) => !readableAs(version.metadata, metadata));
  if (broken) {
    const changed = table.feedColumnsOf === 'latest' ? 'DATA_SCHEMA' : 'SCHEMA_CHANGE';
    throw new EngineError(
      `DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_${changed}`,
      '0AKDC',
      `The change feed from version ${first} to ${last} has an incompatible schema change after version ${broken.version}.`,
    );
  }
  return table.changeRowsSql(first, last, metadata.columns);
}

/** The versions of a range that the feed has whole. */
function checkedRange(table: ReadableTable, first: bigint, last: bigint): TableVersion[] {
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
  const range: TableVersion[] = [];
  for (let version = first; version <= last; version += 1n) range.push(table.at(version));
  const off = range.find((version) => !table.recordsChanges(version));
  if (off) {
    throw new EngineError(
      'DELTA_MISSING_CHANGE_DATA',
      'KD002',
      `The change feed was not recorded for version ${off.version}: it is off there.`,
    );
  }
  return range;
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
