import { isSymbol, isWord } from './cursor.ts';
import type { Node } from './tokenizer.ts';
import { CLAUSES } from './words.ts';

/**
 * Gives each unnamed expression of a query's own select list its text as its name, as a person expects of
 * `select count(*)`: the translation would show otherwise.
 */
export function nameColumns(nodes: readonly Node[], statement: string): Node[] {
  if (!isWord(nodes[0], 'SELECT')) return nodes.slice();
  const named: Node[] = [nodes[0] as Node];
  let at = 1;
  if (isWord(nodes[at], 'DISTINCT', 'ALL')) {
    named.push(nodes[at] as Node);
    at += 1;
  }
  let item: Node[] = [];
  const flush = () => {
    named.push(...item, ...nameOf(item, statement));
    item = [];
  };
  for (; at < nodes.length; at += 1) {
    const node = nodes[at] as Node;
    if (endsList(nodes, at)) break;
    if (isSymbol(node, ',')) {
      flush();
      named.push(node);
    } else {
      item.push(node);
    }
  }
  flush();
  return [...named, ...nodes.slice(at)];
}

/** EXCEPT may also follow a star, and SELECT begins a list. */
const LIST_ENDS = CLAUSES.filter((word) => word !== 'EXCEPT' && word !== 'SELECT');

function endsList(nodes: readonly Node[], at: number): boolean {
  const node = nodes[at];
  if (isWord(node, 'FROM')) return !isWord(nodes[at - 1], 'DISTINCT');
  if (isWord(node, 'EXCEPT')) return !isSymbol(nodes[at - 1], '*');
  return isWord(node, ...LIST_ENDS);
}

/** `as "text"`, or nothing where the item has a name, may have one, or is a star. */
function nameOf(item: readonly Node[], statement: string): Node[] {
  const [first, last] = [item[0], item.at(-1)];
  if (!first || !last || isSymbol(first, '*')) return [];
  if (item.some((node, at) => isSymbol(node, '*') && isSymbol(item[at - 1], '.'))) return [];
  if (last.kind === 'word' || last.kind === 'quoted') return [];
  const at = { start: last.end, end: last.end };
  const text = statement.slice(first.start, last.end);
  return [
    { kind: 'word', text: 'AS', ...at },
    { kind: 'quoted', text, ...at },
  ];
}
