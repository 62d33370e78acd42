/** Text as it is to be read, not as HTML. What stands between backticks stays as it is. */
export function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '\\<') : part))
    .join('');
}

export function code(text: string): string {
  return `\`${text}\``;
}

/** Lines of a table. Cells are Markdown; a `|` in them is not taken for a border. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const padded = (cell: string) => (cell === '' ? ' ' : ` ${cell.replaceAll('|', '\\|')} `);
  const line = (cells: readonly string[]) => `|${cells.map(padded).join('|')}|`;
  return [line(headers), `|${'---|'.repeat(headers.length)}`, ...rows.map(line)];
}

export function block(language: string, text: string): string[] {
  return [`\`\`\`${language}`, text.trimEnd(), '```'];
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** The text of a page from its lines. */
export function pageText(lines: readonly string[]): string {
  return `${lines.join('\n').trimEnd()}\n`;
}
