/**
 * What keeps a text from being one Databricks SQL predicate that can stand in parentheses, as part of a sentence.
 * Looks at the text's form alone: the warehouse judges names and types. Literals and quoted names may hold anything.
 */
export function whereProblem(text: string): string | undefined {
  if (text.trim() === '') return 'is empty; leave the key out to sync every row';
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    const pair = text.slice(at, at + 2);
    if (pair === '--' || pair === '/*') return `holds a comment ("${pair}"); write the predicate alone`;
    if (character === ';') return 'holds a semicolon; write one predicate, not a statement';
    if (character === "'" || character === '"' || character === '`') {
      const end = endOfQuoted(text, at);
      if (end === undefined) return `has a quote (${character}) that is never closed`;
      at = end;
      continue;
    }
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth < 0) return 'closes a parenthesis that it did not open';
    at += 1;
  }
  return depth > 0 ? 'leaves a parenthesis open' : undefined;
}

/** Index after the closing quote. A backslash escapes in string literals, except in raw ones (`r'…'`). */
function endOfQuoted(text: string, start: number): number | undefined {
  const quote = text[start] as string;
  const raw = /(^|[^\p{L}\p{N}_])[rR]$/u.test(text.slice(0, start));
  const escapes = quote !== '`' && !raw;
  for (let at = start + 1; at < text.length; at += 1) {
    if (escapes && text[at] === '\\') at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return undefined;
}
