/** The quoting functions for DuckDB's SQL: every name, text and path goes through them. */

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** DuckDB's parser ends a statement at U+0000, so that character comes from `chr`. */
export function quoteText(text: string): string {
  if (!text.includes('\0')) return `'${text.replaceAll("'", "''")}'`;
  return `(${text.split('\0').map(quoteText).join(' || chr(0) || ')})`;
}

/** A path as one, where DuckDB would take it for a pattern. */
export function quotePath(path: string): string {
  return quoteText(path.replaceAll(/[*?[]/g, '[$&]'));
}

export function quoteBytes(hexDigits: string): string {
  return `'${hexDigits.replaceAll(/../g, String.raw`\x$&`)}'::blob`;
}
