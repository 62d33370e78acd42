import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../engine.ts';
import { unsupported } from '../errors.ts';
import { quoteName, quotePath, quoteText } from '../literal.ts';
import type { Column } from '../table.ts';
import { duckTypeOf, parseTypeText } from '../type-text.ts';
import type { DataFile } from './table-log.ts';

/** A file to read, with a value for each of `FileRead.facts`. */
export interface FactedFile extends DataFile {
  /** Expressions of DuckDB's SQL. */
  readonly facts: readonly string[];
}

export interface FileRead {
  /** Directory of the table. */
  readonly location: string;
  readonly columns: readonly Pick<Column, 'name' | 'type'>[];
  /** Names and DuckDB types of columns that follow, the same for all rows of a file. */
  readonly facts: readonly (readonly [name: string, type: string])[];
  readonly files: readonly FactedFile[];
}

const FILE = '"_lakeferry_file"';

/**
 * Query for the rows of Parquet files: the columns by name and in their types, NULL for one that a file lacks.
 * What the log says of a file's partition counts, not what the file says. Throws where a file has another type.
 */
export function filesSql(read: FileRead): string {
  checkTypes(read);
  const groups = Map.groupBy(read.files, ({ partitionValues }) =>
    JSON.stringify(Object.keys(partitionValues).sort()),
  );
  if (groups.size === 0) return noRowsSql(read);
  return [...groups.values()].map((files) => groupSql(read, files)).join(' union all ');
}

/** Types that Parquet keeps alike, so that files of the one can be read as the other. */
const KEPT_AS_INTEGER = ['tinyint', 'smallint', 'int'];

function checkTypes({ columns, files }: FileRead): void {
  const wanted = new Map(columns.map(({ name, type }) => [name.toLowerCase(), keptAs(type)]));
  for (const written of new Set(files.map((file) => file.columns))) {
    const other = written.find(({ name, type }) => {
      const as = wanted.get(name.toLowerCase());
      return as !== undefined && as !== keptAs(type);
    });
    if (other) {
      throw new EngineError(
        'FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH',
        'KD001',
        `A data file has the column \`${other.name}\` as ${other.type}, which is not its type now.`,
      );
    }
  }
}

/** Of a nested type the kind alone: fields may have been added. */
function keptAs(type: string): string {
  const parsed = parseTypeText(type);
  if (KEPT_AS_INTEGER.includes(parsed.kind)) return 'int';
  const nested = parsed.kind === 'array' || parsed.kind === 'map' || parsed.kind === 'struct';
  return nested ? parsed.kind : duckTypeOf(type);
}

function noRowsSql({ columns, facts }: FileRead): string {
  const names = [...columns.map(({ name, type }) => [name, duckTypeOf(type)] as const), ...facts];
  return `select ${names.map(([name, type]) => `cast(null as ${type}) as ${quoteName(name)}`).join(', ')} where false`;
}

/** For files that have values for the same partition columns. */
function groupSql({ location, columns, facts }: FileRead, files: readonly FactedFile[]): string {
  const keys = Object.keys(files[0]?.partitionValues ?? {});
  const keyOf = (name: string) => keys.indexOf(name);
  const selected = [
    ...columns.map(({ name, type }) => {
      const key = keyOf(name);
      const value = key < 0 ? `rows.${quoteName(name)}` : partitionSql(`files.k${key}`, type);
      return `${value} as ${quoteName(name)}`;
    }),
    ...facts.map(([name, type], index) => `cast(files.f${index} as ${type}) as ${quoteName(name)}`),
  ];
  const stored = columns.filter(({ name }) => keyOf(name) < 0);
  const schema = stored.map(({ name, type }) => {
    const field = `name: ${quoteText(name)}, type: ${quoteText(duckTypeOf(type))}, default_value: null`;
    return `${quoteText(name)}: {${field}}`;
  });
  const pathOf = (file: DataFile) => resolvePath(location, file.path);
  const paths = new Set(files.map((file) => quotePath(pathOf(file))));
  const listed = files.map((file) => {
    const values = keys.map((key) => textSql(file.partitionValues[key]));
    return `(${[quoteText(pathOf(file)), ...values, ...file.facts].join(', ')})`;
  });
  const names = ['path', ...keys.map((_, index) => `k${index}`), ...facts.map((_, index) => `f${index}`)];
  return `select ${selected.join(', ')}
    from read_parquet([${[...paths].join(', ')}], schema = map {${schema.join(', ')}}, filename = ${quoteText(FILE.slice(1, -1))}) as rows
    join (values ${listed.join(', ')}) as files(${names.join(', ')}) on rows.${FILE} = files.path`;
}

function textSql(value: string | null | undefined): string {
  return value === null || value === undefined ? 'cast(null as varchar)' : quoteText(value);
}

/** The protocol writes NULL as an empty text too. */
function partitionSql(text: string, type: string): string {
  const value = `nullif(${text}, '')`;
  return type === 'binary' ? `encode(${value})` : `cast(${value} as ${duckTypeOf(type)})`;
}

/** A path of the log is a URI: relative to the table, or absolute for a file that another table has too. */
function resolvePath(location: string, path: string): string {
  if (path.startsWith('file:')) return fileURLToPath(path);
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) throw unsupported('attached tables with files on other machines');
  const decoded = decodeURIComponent(path);
  return isAbsolute(decoded) ? decoded : join(location, decoded);
}
