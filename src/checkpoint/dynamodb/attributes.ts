import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item or map in the form that this store uses: text, whole numbers, and maps of them. */
export interface Plain {
  readonly [name: string]: string | number | Plain;
}

export type Item = Record<string, AttributeValue>;

export function toItem(plain: Plain): Item {
  return Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, toAttribute(value)]));
}

function toAttribute(value: Plain[string]): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  return { M: toItem(value) };
}

/** The item's text, numbers and maps; attributes of other types are left out. */
export function fromItem(item: Item): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(item)) {
    if (value.S !== undefined) plain[name] = value.S;
    else if (value.N !== undefined) plain[name] = Number(value.N);
    else if (value.M !== undefined) plain[name] = fromItem(value.M);
  }
  return plain;
}

/**
 * Bytes that DynamoDB counts for an item, rounded up where its rules depend on digits: names and text in UTF-8, 21
 * for a number, 3 for a map and 1 for each of its entries (Developer Guide, "DynamoDB item sizes and formats").
 */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) {
    bytes += Buffer.byteLength(name);
    if (value.S !== undefined) bytes += Buffer.byteLength(value.S);
    else if (value.M !== undefined) bytes += 3 + Object.keys(value.M).length + itemBytes(value.M);
    else bytes += 21;
  }
  return bytes;
}
