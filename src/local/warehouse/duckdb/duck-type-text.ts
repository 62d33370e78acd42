import { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { type Group, type Node, nest, tokenize } from './tokenizer.ts';
import type { StructField, WarehouseType } from './types.ts';

const BY_NAME: Readonly<Record<string, WarehouseType>> = {
  BOOLEAN: { kind: 'boolean' },
  TINYINT: { kind: 'tinyint' },
  SMALLINT: { kind: 'smallint' },
  INTEGER: { kind: 'int' },
  BIGINT: { kind: 'bigint' },
  HUGEINT: { kind: 'bigint' },
  UBIGINT: { kind: 'bigint' },
  FLOAT: { kind: 'float' },
  DOUBLE: { kind: 'double' },
  VARCHAR: { kind: 'string' },
  BLOB: { kind: 'binary' },
  DATE: { kind: 'date' },
  TIMESTAMP: { kind: 'timestamp_ntz' },
  NULL: { kind: 'void' },
};

/** The type that DuckDB's `typeof` names, e.g. `STRUCT(a INTEGER, "b c" DECIMAL(10,2)[])`. */
export function parseDuckType(text: string): WarehouseType {
  const cursor = new Cursor(nest(tokenize(text)));
  const type = readType(cursor);
  cursor.end();
  return type;
}

function readType(cursor: Cursor): WarehouseType {
  let type = readElement(cursor);
  while (cursor.takeSymbol('[')) {
    cursor.expectSymbol(']');
    type = { kind: 'array', element: type };
  }
  return type;
}

function readElement(cursor: Cursor): WarehouseType {
  const name = nameOf(cursor.next());
  if (cursor.take('WITH', 'TIME', 'ZONE')) return { kind: 'timestamp' };
  if (cursor.atGroup()) return readParts(name, cursor.group());
  const type = BY_NAME[name];
  if (!type) throw unsupported(`values of the type ${name.toLowerCase()}`);
  return type;
}

function readParts(name: string, group: Group): WarehouseType {
  const cursor = new Cursor(group.items);
  switch (name) {
    case 'DECIMAL': {
      const precision = Number(cursor.wholeNumber());
      cursor.expectSymbol(',');
      return { kind: 'decimal', precision, scale: Number(cursor.wholeNumber()) };
    }
    case 'MAP': {
      const key = readType(cursor);
      cursor.expectSymbol(',');
      return { kind: 'map', key, value: readType(cursor) };
    }
    case 'STRUCT': {
      const fields: StructField[] = [];
      do fields.push({ name: nameOf(cursor.next()), type: readType(cursor) });
      while (cursor.takeSymbol(','));
      return { kind: 'struct', fields };
    }
    default:
      throw unsupported(`values of the type ${name.toLowerCase()}`);
  }
}

/** DuckDB quotes a name with double quotes, which read as a string here. */
function nameOf(node: Node): string {
  return node.kind === 'group' ? '' : node.text;
}
