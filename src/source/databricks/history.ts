import { parseCommitVersion } from '../../change/commit-version.ts';
import { SyncError } from '../../error/sync-error.ts';
import type { HistoryEntry } from '../source.ts';

/**
 * Maintenance, which leaves every row as it is, whatever its metrics tell. A change of columns or properties leaves them,
 * too, but is no reason not to look: the count finds a feed that it broke before a plan is opened.
 */
const MAINTENANCE: readonly string[] = ['OPTIMIZE', 'VACUUM END', 'VACUUM START'];

/** Operations that take no row away. */
const KEEPS_ROWS: readonly string[] = [
  ...MAINTENANCE,
  'ADD COLUMNS',
  'ADD CONSTRAINT',
  'CHANGE COLUMN',
  'CHANGE COLUMNS',
  'CLUSTER BY',
  'COPY INTO',
  'CREATE TABLE',
  'CREATE TABLE AS SELECT',
  'DROP COLUMNS',
  'DROP CONSTRAINT',
  'RENAME COLUMN',
  'REORG',
  'REPLACE COLUMNS',
  'SET TBLPROPERTIES',
  'UNSET TBLPROPERTIES',
  'UPDATE',
  'UPGRADE PROTOCOL',
];

/**
 * Change rows that a commit may have caused, from DESCRIBE HISTORY's metrics. They are strings and some are absent;
 * an estimate that only sizes slices and pages. An update counts once: pre- and postimage fold to one change.
 * Undefined where the rows that it deleted are unknown: they may be many more than those that it wrote.
 */
export function estimateChangeRows(
  operation: string,
  parameters: unknown,
  metrics: unknown,
): number | undefined {
  if (MAINTENANCE.includes(operation)) return 0;
  const of = parseMap(metrics);
  if (!of || estimateDeletedRows(operation, parameters, metrics) === undefined) return undefined;
  // The rows that a merge put out are those that it copied, too.
  const merge = sum(of, ['numTargetRowsInserted', 'numTargetRowsUpdated', 'numTargetRowsDeleted']);
  return merge ?? sum(of, ['numUpdatedRows', 'numDeletedRows', 'numRemovedRows', 'numOutputRows']);
}

/**
 * Rows that a commit may have deleted. Undefined where nothing tells: an overwrite, a restore or a truncation names no
 * rows, and neither does a delete of whole files without statistics.
 */
export function estimateDeletedRows(
  operation: string,
  parameters: unknown,
  metrics: unknown,
): number | undefined {
  const counted = sum(parseMap(metrics) ?? {}, ['numTargetRowsDeleted', 'numDeletedRows']);
  if (counted !== undefined) return counted;
  if (KEEPS_ROWS.includes(operation)) return 0;
  const { mode, outputMode } = parseMap(parameters) ?? {};
  return mode === 'Append' || outputMode === 'Append' ? 0 : undefined;
}

export type SchemaEffect = Pick<HistoryEntry, 'lostColumns' | 'keptColumns' | 'restored'>;

/**
 * What DESCRIBE HISTORY's parameters tell of a commit that takes values from rows without a change row: columns that
 * it dropped, renamed or left, or the version that it restored. A restore by time may go back to any version: 0 stands
 * for it.
 */
export function readSchemaEffect(operation: string, parameters: unknown): SchemaEffect {
  const of = parseMap(parameters);
  if (!of) return {};
  switch (operation) {
    case 'DROP COLUMNS':
      return { lostColumns: namesOf(listOf(of['columns'])).map(topLevelName) };
    case 'RENAME COLUMN':
      return { lostColumns: namesOf([of['oldColumnPath']]).map(topLevelName) };
    case 'REPLACE COLUMNS':
      return { keptColumns: namesOf(listOf(of['columns']).map((column) => parseMap(column)?.['name'])) };
    case 'RESTORE':
      return {
        restored: parseCommitVersion(/^\d+$/.test(String(of['version'])) ? String(of['version']) : 0),
      };
    default:
      return {};
  }
}

function listOf(text: unknown): readonly unknown[] {
  const list = typeof text === 'string' ? parseJson(text) : text;
  return Array.isArray(list) ? list : [list];
}

function namesOf(list: readonly unknown[]): readonly string[] {
  if (list.every((name) => typeof name === 'string')) return list;
  throw new SyncError('source_failed', 'The warehouse did not name the columns that a commit took away.');
}

/** The first part of a path: `a` of `a.b`, and `a.b` of a quoted one. */
function topLevelName(path: string): string {
  const [, quoted, plain] = /^(?:`((?:[^`]|``)+)`|([^.]+))/.exec(path) ?? [];
  return quoted?.replaceAll('``', '`') ?? plain ?? path;
}

/** A map<string,string>: an object where the driver parsed it, else its JSON text. */
export function parseMap(map: unknown): Readonly<Record<string, unknown>> | undefined {
  const parsed = typeof map === 'string' ? parseJson(map) : map;
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined where none of the metrics is given. */
function sum(metrics: Readonly<Record<string, unknown>>, names: readonly string[]): number | undefined {
  const values = names
    .map((name) => Number(metrics[name] ?? Number.NaN))
    .filter((value) => Number.isFinite(value));
  return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
}
