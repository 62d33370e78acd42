/** Longest identifier of Postgres in bytes of UTF-8: what is longer it cuts off without an error. */
const MAX_BYTES = 63;

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** What keeps a name from being a Postgres identifier as it stands, as part of a sentence. */
export function postgresNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.includes('\0')) return 'holds a NUL character';
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes > MAX_BYTES) return `is ${bytes} bytes long; Postgres keeps ${MAX_BYTES}`;
  return undefined;
}

/** The same for a column's name. */
export function postgresColumnProblem(name: string): string | undefined {
  if (SYSTEM_COLUMNS.has(name)) return 'is a system column of Postgres; choose another name';
  return postgresNameProblem(name);
}

/** What keeps a schema from holding target tables. */
export function targetSchemaProblem(schema: string): string | undefined {
  if (schema === 'lakeferry') return "is Lakeferry's own schema; choose another";
  if (schema === 'information_schema' || schema.startsWith('pg_')) {
    return 'is a system schema of Postgres; choose another';
  }
  return postgresNameProblem(schema);
}
