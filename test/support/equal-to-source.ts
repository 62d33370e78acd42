import { expect } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { displayTable, type SourceTable, type TargetTable } from '../../src/schema/table-name.ts';
import { type Lake, syncNow } from './lake.ts';

export interface Compared {
  /** The version of the source that the target shows. */
  readonly through: bigint;
  readonly rows: number;
}

export interface CompareOptions {
  /** Source columns that the target is expected to lack. */
  readonly leftOut?: readonly string[];
}

/**
 * The target holds what Spark reads of the source at version `through` (`version as of`): the same rows, in all
 * columns that the sync takes. Nothing of the product is in the expectation: every value is brought to a text that
 * is the same on both sides by definition, and columns are found by their names. Hard deletes only.
 */
export async function expectEqualToSource(
  lake: Lake,
  config: SyncConfig,
  { leftOut = [] }: CompareOptions = {},
): Promise<Compared> {
  const through = await throughOf(lake, config);
  const version = `${quoted(config.source, '`')} version as of ${through}`;
  const described = await lake.sql(`describe query select * from ${version}`);
  const columns = described
    .map((row) => ({ name: String(row['col_name']), type: String(row['data_type']).toLowerCase() }))
    .filter(({ name }) => isTaken(config, name) && !leftOut.includes(name));
  const targetName = ({ name }: Column) => config.columns.rename[name] ?? name;

  const metadata = Object.values(config.metadata);
  const inTarget = await lake.database.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> all ($2)`,
    [quoted(config.target, '"'), metadata],
  );
  expect(inTarget.map(({ name }) => name).sort()).toEqual(columns.map(targetName).sort());

  const condition = config.where === undefined ? '' : ` where ${config.where}`;
  const [source, target] = await Promise.all([
    lake.sql(
      `select ${columns.map((column, at) => `${inSpark(quoteName(column.name, '`'), column.type)} as c${at}`).join(', ')} from ${version}${condition}`,
    ),
    lake.database.query(
      `select ${columns.map((column, at) => `${inPostgres(quoteName(targetName(column), '"'), column.type)} as c${at}`).join(', ')} from ${quoted(config.target, '"')}`,
    ),
  ]);
  for (const [at, { type }] of columns.entries()) {
    if (isNested(type)) await normaliseJson(lake, source, `c${at}`);
  }
  const expected = linesOf(source, columns);
  expect(linesOf(target, columns)).toEqual(expected);
  return { through, rows: expected.length };
}

/** Syncs until the source has nothing new, and compares. */
export async function expectSyncedEqual(
  lake: Lake,
  config: SyncConfig,
  options: CompareOptions = {},
): Promise<Compared> {
  expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
  return expectEqualToSource(lake, config, options);
}

/** A second sync of the same source, from scratch into a table of its own, is equal too. */
export async function expectLoadedEqual(
  lake: Lake,
  config: SyncConfig,
  options: CompareOptions = {},
): Promise<Compared> {
  const table = `${config.target.table}_loaded`;
  const another = { ...config, name: table, target: { ...config.target, table } };
  await lake.database.query(`drop table if exists ${quoted(another.target, '"')}`);
  return expectSyncedEqual(lake, another, options);
}

export async function throughOf(lake: Lake, config: SyncConfig): Promise<bigint> {
  const [row] = await lake.database.query<{ through: string | null }>(
    'select through::text from lakeferry.syncs where sync = $1',
    [config.name],
  );
  if (!row?.through) throw new Error(`${displayTable(config.target)} was never loaded`);
  return BigInt(row.through);
}

interface Column {
  readonly name: string;
  /** As Spark prints it, in lower case. */
  readonly type: string;
}

function isTaken({ columns, primaryKey }: SyncConfig, name: string): boolean {
  if (primaryKey.includes(name)) return true;
  return (columns.include?.includes(name) ?? true) && !columns.exclude.includes(name);
}

const isNested = (type: string) => /^(array|map|struct)<|^variant$/.test(type);

/** Numbers of days and microseconds, hex and JSON: what two systems print alike, whatever the value. */
function inSpark(column: string, type: string): string {
  if (isNested(type)) {
    const formats =
      "map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX', 'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS')";
    return `to_json(${column}, ${formats})`;
  }
  if (/^(string|char|varchar)/.test(type)) {
    const bytes = type.includes(' collate ') ? `collate(${column}, 'UTF8_BINARY')` : column;
    return `if(is_valid_utf8(${bytes}), cast(${bytes} as string), concat('not UTF-8: ', hex(${bytes})))`;
  }
  if (type === 'binary') return `hex(${column})`;
  if (type === 'date') return `cast(unix_date(${column}) as string)`;
  if (type.startsWith('timestamp')) return `cast(unix_micros(cast(${column} as timestamp)) as string)`;
  return `cast(${column} as string)`;
}

function inPostgres(column: string, type: string): string {
  if (isNested(type)) return `to_jsonb(${column})::text`;
  if (type === 'binary') return `upper(encode(${column}, 'hex'))`;
  if (type === 'date') return `(${column} - date '1970-01-01')::text`;
  if (type.startsWith('timestamp')) return `(extract(epoch from ${column}) * 1000000)::bigint::text`;
  return `${column}::text`;
}

/** JSON objects have no order, and digits must not pass through a JavaScript number: Postgres' own jsonb decides. */
async function normaliseJson(lake: Lake, rows: Record<string, unknown>[], name: string): Promise<void> {
  const texts = rows.map((row) => row[name] ?? null);
  const normal = await lake.database.query<{ text: string | null }>(
    'select value::jsonb::text as text from unnest($1::text[]) with ordinality as given(value, at) order by at',
    [texts],
  );
  for (const [at, row] of rows.entries()) row[name] = normal[at]?.text ?? null;
}

/** One line per row, in an order of its own. */
function linesOf(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly Column[]): string[] {
  const value = (text: unknown, type: string) => {
    if (typeof text !== 'string' || !/^(float|double)$/.test(type)) return text;
    const number = type === 'float' ? Math.fround(Number(text)) : Number(text);
    return Object.is(number, -0) ? '-0' : String(number);
  };
  return rows.map((row) => JSON.stringify(columns.map(({ type }, at) => value(row[`c${at}`], type)))).sort();
}

function quoted(name: SourceTable | TargetTable, quote: '`' | '"'): string {
  return Object.values(name)
    .map((part: string) => quoteName(part, quote))
    .join('.');
}

function quoteName(name: string, quote: '`' | '"'): string {
  return `${quote}${name.replaceAll(quote, quote + quote)}${quote}`;
}
