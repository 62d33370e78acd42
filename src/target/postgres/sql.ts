import { SyncError } from '../../error/sync-error.ts';
import { displayTable, type TargetTable } from '../../schema/table-name.ts';

/** Postgres cuts longer names without an error, and two of them may become one. */
const MAX_NAME_BYTES = 63;

/**
 * The one quoting function of this dialect: the name as Postgres will store it, in double quotes.
 * Throws `target_incompatible` for what can be no name: empty, U+0000 inside, or longer than 63 bytes.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new SyncError(
      'target_incompatible',
      `${JSON.stringify(name)} cannot be a name in Postgres: it must have 1 to ${MAX_NAME_BYTES} bytes and no U+0000.`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteTable(table: TargetTable): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.table)}`;
}

/** `"a", "b"`, or with an alias `t."a", t."b"`. */
export function columnList(names: readonly string[], alias?: string): string {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return names.map((name) => `${prefix}${quoteIdentifier(name)}`).join(', ');
}

/**
 * A type text of a mapping as it stands in a statement: words, a modifier, brackets, a schema. Whether the type
 * exists is for the server to say; throws `target_incompatible` when the text could be anything but a type.
 */
export function typeText(text: string, table: TargetTable, column: string): string {
  const name = /^[a-z_][a-z0-9_ .]*(\(\d+(, ?\d+)?\))?( with(out)? time zone)?(\[\])?$/i;
  if (name.test(text)) return text;
  throw new SyncError(
    'target_incompatible',
    `The type ${JSON.stringify(text)} of column ${JSON.stringify(column)} of ${displayTable(table)} is not the name of a Postgres type.`,
    { column },
  );
}
