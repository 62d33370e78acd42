import { isWord, splitAtCommas } from './cursor.ts';
import type { Node } from './tokenizer.ts';

/**
 * What is known of an expression from its form alone. A `false` means only that it is not known; then the
 * translation is longer, not different.
 */

const TEXT_FUNCTIONS = new Set([
  'array_join',
  'chr',
  'concat',
  'concat_ws',
  'date_format',
  'hex',
  'lower',
  'replace',
  'repeat',
  'substring',
  'to_json',
  'trim',
  'upper',
]);

const CHOICES = new Set(['coalesce', 'nvl', 'ifnull']);

/** Whether the expression is sure to be a string. */
export function isText(nodes: readonly Node[]): boolean {
  if (nodes.every((node) => node.kind === 'string')) return nodes.length > 0;
  const call = singleCall(nodes);
  if (!call) return false;
  if (TEXT_FUNCTIONS.has(call.name)) return true;
  if (call.name === 'cast') return isWord(call.items.at(-1), 'STRING');
  return CHOICES.has(call.name) && splitAtCommas(call.items).every(isText);
}

/** Whether the expression is sure not to be NULL. */
export function isNeverNull(nodes: readonly Node[]): boolean {
  const [only] = nodes;
  if (nodes.length === 1 && (only?.kind === 'string' || only?.kind === 'number')) return true;
  const call = singleCall(nodes);
  if (!call) return false;
  const args = splitAtCommas(call.items);
  if (call.name === 'chr' || call.name === 'concat') return args.every(isNeverNull);
  return CHOICES.has(call.name) && args.some(isNeverNull);
}

/** The call that the whole expression is, with its name in lower case. */
export function singleCall(nodes: readonly Node[]): { name: string; items: readonly Node[] } | undefined {
  const [word, group] = nodes;
  if (nodes.length !== 2 || word?.kind !== 'word' || group?.kind !== 'group') return undefined;
  return { name: word.text.toLowerCase(), items: group.items };
}
