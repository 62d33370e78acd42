/** The one document of a `--json` answer: `schemaVersion` first, bigints as decimal text, a newline at the end. */
export function jsonDocument(content: Readonly<Record<string, unknown>>): string {
  const decimal = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? value.toString() : value;
  return `${JSON.stringify({ schemaVersion: 1, ...content }, decimal)}\n`;
}
