/** A Unity Catalog table: `catalog.schema.table`. */
export interface SourceTable {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** A Postgres table: `schema.table`. */
export interface TargetTable {
  readonly schema: string;
  readonly table: string;
}

/** Splits a dotted name; a part may stand in backticks or double quotes, a doubled quote inside is one. */
function parts(name: string): string[] | undefined {
  const part = /(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^\s.`"]+))(\.|$)/y;
  const found: string[] = [];
  let at = 0;
  while (at < name.length) {
    part.lastIndex = at;
    const match = part.exec(name);
    if (!match) return undefined;
    found.push(match[1]?.replaceAll('``', '`') ?? match[2]?.replaceAll('""', '"') ?? (match[3] as string));
    at = part.lastIndex;
    if (match[4] === '.' && at === name.length) return undefined;
  }
  return found;
}

/** Returns undefined unless the name has exactly three parts. */
export function parseSourceTable(name: string): SourceTable | undefined {
  const found = parts(name);
  if (found?.length !== 3) return undefined;
  const [catalog, schema, table] = found as [string, string, string];
  return { catalog, schema, table };
}

/** Returns undefined unless the name has exactly two parts. */
export function parseTargetTable(name: string): TargetTable | undefined {
  const found = parts(name);
  if (found?.length !== 2) return undefined;
  const [schema, table] = found as [string, string];
  return { schema, table };
}

/** The name as an operator reads it; not for SQL. */
export function displayTable(name: SourceTable | TargetTable): string {
  return 'catalog' in name ? `${name.catalog}.${name.schema}.${name.table}` : `${name.schema}.${name.table}`;
}
