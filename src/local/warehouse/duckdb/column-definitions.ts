import { EngineError } from '../engine.ts';
import type { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import type { Column } from './table.ts';
import { parseType, typeText } from './types.ts';

/**
 * Reads `name type [NOT NULL] [DEFAULT expression] [COMMENT 'text'], …` to the end. `statement` is the text that
 * the nodes come from: a default is kept as it was written.
 */
export function readColumns(cursor: Cursor, statement: string, storedName: () => string): Column[] {
  const columns: Column[] = [];
  do columns.push(readColumn(cursor, statement, storedName()));
  while (cursor.takeSymbol(','));
  cursor.end();
  checkNames(columns);
  return columns;
}

/** Two columns may not have one name, in whatever case. */
export function checkNames(columns: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      throw new EngineError('COLUMN_ALREADY_EXISTS', '42711', `The column \`${name}\` already exists.`);
    }
    seen.add(lower);
  }
}

function readColumn(cursor: Cursor, statement: string, stored: string): Column {
  if (cursor.at('CONSTRAINT') || cursor.at('PRIMARY', 'KEY') || cursor.at('FOREIGN', 'KEY')) {
    throw unsupported('table constraints');
  }
  const name = cursor.name();
  const type = typeText(parseType(cursor));
  let nullable = true;
  let comment: string | undefined;
  let defaultSql: string | undefined;
  while (!cursor.done && !cursor.atSymbol(',')) {
    if (cursor.take('NOT', 'NULL')) nullable = false;
    else if (cursor.take('COMMENT')) comment = cursor.string();
    else if (cursor.take('DEFAULT')) defaultSql = readDefault(cursor, statement);
    else throw unsupported(`what follows the type of the column ${name}`);
  }
  return {
    name,
    type,
    nullable,
    ...(comment !== undefined && { comment }),
    ...(defaultSql !== undefined && { defaultSql }),
    stored,
  };
}

function readDefault(cursor: Cursor, statement: string): string {
  const first = cursor.next();
  let last = first;
  while (!cursor.done && !cursor.atSymbol(',') && !cursor.at('COMMENT') && !cursor.at('NOT', 'NULL')) {
    last = cursor.next();
  }
  return statement.slice(first.start, last.end);
}
