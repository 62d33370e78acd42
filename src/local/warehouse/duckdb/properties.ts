import { Cursor, splitAtCommas } from './cursor.ts';
import type { Group } from './tokenizer.ts';

/** `('name' = 'value', a.b = true, …)`. */
export function readProperties(group: Group): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const nodes of splitAtCommas(group.items)) {
    const cursor = new Cursor(nodes);
    const name = cursor.peek()?.kind === 'string' ? cursor.string() : cursor.dottedName().join('.');
    cursor.takeSymbol('=');
    const value = cursor.next();
    if (value.kind === 'group') throw cursor.failure();
    cursor.end();
    properties[name] = value.text;
  }
  return properties;
}
