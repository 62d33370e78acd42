import type { SyncConfig } from '../config/sync-config.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { SyncError } from '../error/sync-error.ts';
import { type MappedColumn, type Mapping, mappingDigest } from '../plan/mapping.ts';
import { isSameColumn, type SourceColumn } from '../schema/source-column.ts';
import { displayTable } from '../schema/table-name.ts';
import { canBeKey, parseDeltaType } from '../types/delta-type.ts';
import { defaultPostgresType, holdsWithoutLoss, parsePostgresType } from '../types/postgres-type.ts';

/** Postgres cuts longer names without a word. */
const MAX_NAME_BYTES = 63;

/**
 * A sync's settings against the columns that are there. `existing` are the target's columns and their types, where
 * the table exists: a column that is there keeps its type if that loses nothing. All columns at fault are named at
 * once. Throws `source_column_missing`, `type_unsupported` or `target_incompatible`.
 */
export function resolveMapping(
  config: SyncConfig,
  source: readonly SourceColumn[],
  existing: ReadonlyMap<string, string> | undefined,
): Mapping {
  const byName = new Map(source.map((column) => [column.name.toLowerCase(), column]));
  const fail = (kind: ErrorKind, message: string) => {
    throw new SyncError(kind, message, { sync: config.name, table: displayTable(config.source) });
  };
  const { include, exclude, rename, types } = config.columns;
  const named = [
    ...config.primaryKey,
    ...(include ?? []),
    ...exclude,
    ...Object.keys(rename),
    ...Object.keys(types),
  ];
  const missing = [...new Set(named)].filter((name) => !byName.has(name.toLowerCase()));
  if (missing.length > 0) {
    fail(
      'source_column_missing',
      `${displayTable(config.source)} has no column ${list(missing)}. It has ${list(source.map(({ name }) => name))}.`,
    );
  }

  const key = config.primaryKey.map((name) => byName.get(name.toLowerCase()) as SourceColumn);
  const others = source.filter(
    ({ name }) =>
      !holds(config.primaryKey, name) &&
      (include === undefined || holds(include, name)) &&
      !holds(exclude, name),
  );

  const problems: string[] = [];
  const resolve = (column: SourceColumn): MappedColumn => {
    const target = ruleFor(column.name, rename) ?? column.name;
    const configured = ruleFor(column.name, types);
    const resolved = resolveType(column, configured, existing?.get(target));
    if ('problem' in resolved) problems.push(resolved.problem);
    if (Buffer.byteLength(target) > MAX_NAME_BYTES) {
      problems.push(
        `${target} is longer than the ${MAX_NAME_BYTES} bytes of a Postgres name; rename it under columns.rename`,
      );
    }
    return {
      source: column.name,
      target,
      sourceType: column.type,
      targetType: 'type' in resolved ? resolved.type : '',
      ...(column.comment === undefined ? {} : { comment: column.comment }),
    };
  };
  const columns = [...key, ...others].map(resolve);
  for (const column of key) {
    if (!canBeKey(parseDeltaType(column.type)))
      problems.push(`${column.name} (${column.type}) cannot be a key column`);
  }
  const twice = columns.map(({ target }) => target).filter((name, index, all) => all.indexOf(name) !== index);
  for (const name of new Set(twice)) problems.push(`two source columns would fill the target column ${name}`);
  if (problems.length > 0)
    fail('type_unsupported', `${displayTable(config.source)} cannot be mapped: ${problems.join('; ')}.`);

  return {
    keyColumns: key.length,
    columns,
    ...(config.where === undefined ? {} : { where: config.where }),
    deletes: config.deletes,
    metadata: config.metadata,
    nulCharacters: config.nulCharacters,
    rejectedRows: config.rejectedRows,
    maxRejectedRows: config.maxRejectedRows,
    maxDeletePercent: config.maxDeletePercent,
  };
}

function resolveType(
  column: SourceColumn,
  configured: string | undefined,
  existing: string | undefined,
): { readonly type: string } | { readonly problem: string } {
  const delta = parseDeltaType(column.type);
  if (configured !== undefined) {
    const target = parsePostgresType(configured);
    if (target && holdsWithoutLoss(delta, target)) return { type: configured };
    return {
      problem: `${column.name} (${column.type}) does not fit the type ${configured} of columns.types without loss`,
    };
  }
  const kept = existing === undefined ? undefined : parsePostgresType(existing);
  if (existing !== undefined && kept && holdsWithoutLoss(delta, kept)) return { type: existing };
  const type = defaultPostgresType(delta);
  if (type !== undefined) return { type };
  return { problem: `${column.name} has the type ${column.type}, which Postgres has no counterpart for` };
}

/**
 * Columns that came to the source after the target was loaded are left out until it is loaded anew, so that a new
 * column stops nothing: their old rows were never read. Gives the mapping to go on with and what it leaves out.
 */
export function keepLoadedColumns(
  resolved: Mapping,
  loaded: Mapping | undefined,
  config: SyncConfig,
): { readonly mapping: Mapping; readonly leftOut: readonly string[] } {
  if (!loaded) return { mapping: resolved, leftOut: [] };
  const known = new Set(loaded.columns.map(({ source }) => source));
  const { include = [], rename, types } = config.columns;
  const asked = [...include, ...Object.keys(rename), ...Object.keys(types)];
  const isNew = ({ source }: MappedColumn) => !known.has(source) && !holds(asked, source);
  const leftOut = resolved.columns.filter(isNew).map(({ source }) => source);
  const mapping = { ...resolved, columns: resolved.columns.filter((column) => !isNew(column)) };
  if (leftOut.length === 0 || mappingDigest(mapping) !== mappingDigest(loaded))
    return { mapping: resolved, leftOut: [] };
  return { mapping, leftOut };
}

/** What `columns.rename` or `columns.types` says of a source column, whose name has no case there. */
export function ruleFor(column: string, rules: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(rules).find(([name]) => isSameColumn(name, column))?.[1];
}

function holds(names: readonly string[], column: string): boolean {
  return names.some((name) => isSameColumn(name, column));
}

function list(names: readonly string[]): string {
  return names.join(', ');
}
