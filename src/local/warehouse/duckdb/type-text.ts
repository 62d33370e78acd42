import { Cursor } from './cursor.ts';
import { nest, tokenize } from './tokenizer.ts';
import { duckTypeText, parseType, type WarehouseType } from './types.ts';

/** Reads a column's type text. Throws for a type that the local warehouse cannot hold. */
export function parseTypeText(type: string): WarehouseType {
  const cursor = new Cursor(nest(tokenize(type)));
  const parsed = parseType(cursor);
  cursor.end();
  return parsed;
}

/** The type of DuckDB for a column's type text. */
export function duckTypeOf(type: string): string {
  return duckTypeText(parseTypeText(type));
}
