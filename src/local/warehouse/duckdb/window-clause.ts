import { isSymbol, isWord } from './cursor.ts';
import type { Node } from './tokenizer.ts';

/**
 * Spark takes named windows behind QUALIFY and ORDER BY too, DuckDB only before them: the clause moves to the
 * place that both take.
 */
export function windowsFirst(nodes: readonly Node[]): readonly Node[] {
  const operator = nodes.findIndex((node) => isWord(node, 'UNION', 'INTERSECT', 'EXCEPT', 'MINUS'));
  if (operator < 0) return windowFirst(nodes);
  const rest = windowsFirst(nodes.slice(operator + 1));
  return [...windowFirst(nodes.slice(0, operator)), nodes[operator] as Node, ...rest];
}

function windowFirst(nodes: readonly Node[]): readonly Node[] {
  const start = nodes.findIndex(
    (node, at) => isWord(node, 'WINDOW') && isWord(nodes[at + 2], 'AS') && nodes[at + 3]?.kind === 'group',
  );
  if (start < 0) return nodes;
  let end = start + 4;
  while (isSymbol(nodes[end], ',') && isWord(nodes[end + 2], 'AS') && nodes[end + 3]?.kind === 'group')
    end += 4;
  const place = nodes.findIndex((node, at) => at < start && isWord(node, 'QUALIFY', 'ORDER'));
  if (place < 0) return nodes;
  return [
    ...nodes.slice(0, place),
    ...nodes.slice(start, end),
    ...nodes.slice(place, start),
    ...nodes.slice(end),
  ];
}
