import { postgresNameProblem, targetSchemaProblem } from '../../config/identifier.ts';
import type { SourceTable } from '../../schema/table-name.ts';

/** What `lakeferry init` proposes, from the source's name and columns. */

/** The table under a schema of the same name: `gold.orders` for `main.gold.orders`. Undefined where Postgres has no such name. */
export function defaultTarget({ schema, table }: SourceTable): string | undefined {
  if (targetSchemaProblem(schema) !== undefined || postgresNameProblem(table) !== undefined) return undefined;
  return `${written(schema)}.${written(table)}`;
}

/** A name for the sync of a table: the table's own, with `_` for what a name may not hold. */
export function defaultSyncName({ table }: SourceTable): string {
  const name = table.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '_');
  return name.slice(0, 63);
}

/** A part of a dotted name as the file has it. */
function written(part: string): string {
  return /[\s.`"]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}
