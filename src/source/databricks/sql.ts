import type { SourceTable } from '../../schema/table-name.ts';

/** The one function that quotes an identifier of Databricks SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `catalog`.`schema`.`table`, each part quoted. */
export function quoteTable({ catalog, schema, table }: SourceTable): string {
  return [catalog, schema, table].map(quoteName).join('.');
}

/** A string literal: backslash escapes are on in Databricks SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function commaList(expressions: readonly string[]): string {
  return expressions.join(', ');
}
