import type { SourceTable } from '../../../schema/table-name.ts';
import { EngineError } from '../engine.ts';
import { AttachedTable } from './attached/attached-table.ts';
import { unsupported } from './errors.ts';
import type { ReadableTable } from './table.ts';

/** Where names without a catalog or schema are looked up. */
export interface Namespace {
  readonly catalog: string;
  readonly schema: string;
}

export const DEFAULT_NAMESPACE: Namespace = { catalog: 'main', schema: 'default' };

/** Catalogs that every warehouse has, each with a schema `default`. */
const BUILT_IN = ['main', 'hive_metastore'];

/** Names of catalogs, schemas and tables are kept in lower case, as Unity Catalog keeps them. */
export class Catalog {
  readonly #schemas = new Map<string, Set<string>>(
    BUILT_IN.map((catalog) => [catalog, new Set([DEFAULT_NAMESPACE.schema])]),
  );
  readonly #tables = new Map<string, ReadableTable>();

  get catalogs(): string[] {
    return [...this.#schemas.keys()].sort();
  }

  schemas(catalog: string): string[] {
    return [...this.#requireCatalog(catalog)].sort();
  }

  tables({ catalog, schema }: Namespace): ReadableTable[] {
    return [...this.#tables.values()]
      .filter(({ name }) => name.catalog === catalog && name.schema === schema)
      .sort((a, b) => (a.name.table < b.name.table ? -1 : 1));
  }

  hasCatalog(catalog: string): boolean {
    return this.#schemas.has(catalog);
  }

  hasSchema({ catalog, schema }: Namespace): boolean {
    return this.#schemas.get(catalog)?.has(schema) ?? false;
  }

  addCatalog(catalog: string): void {
    if (!this.#schemas.has(catalog)) this.#schemas.set(catalog, new Set([DEFAULT_NAMESPACE.schema]));
  }

  addSchema({ catalog, schema }: Namespace): void {
    this.#requireCatalog(catalog).add(schema);
  }

  removeSchema({ catalog, schema }: Namespace): void {
    this.#requireCatalog(catalog).delete(schema);
  }

  get attached(): AttachedTable[] {
    return [...this.#tables.values()].filter((table) => table instanceof AttachedTable);
  }

  addTable(table: ReadableTable): void {
    this.#tables.set(keyOf(table.name), table);
  }

  removeTable(table: ReadableTable): void {
    this.#tables.delete(keyOf(table.name));
  }

  findTable(name: SourceTable): ReadableTable | undefined {
    return this.#tables.get(keyOf(name));
  }

  requireTable(name: SourceTable): ReadableTable {
    const table = this.findTable(name);
    if (!table) {
      throw new EngineError(
        'TABLE_OR_VIEW_NOT_FOUND',
        '42P01',
        `The table or view \`${name.catalog}\`.\`${name.schema}\`.\`${name.table}\` cannot be found.`,
      );
    }
    return table;
  }

  requireSchema(namespace: Namespace): void {
    this.#requireCatalog(namespace.catalog);
    if (this.hasSchema(namespace)) return;
    throw new EngineError(
      'SCHEMA_NOT_FOUND',
      '42704',
      `The schema \`${namespace.catalog}\`.\`${namespace.schema}\` cannot be found.`,
    );
  }

  #requireCatalog(catalog: string): Set<string> {
    const schemas = this.#schemas.get(catalog);
    if (!schemas) {
      throw new EngineError(
        'NO_SUCH_CATALOG_EXCEPTION',
        '42704',
        `The catalog \`${catalog}\` cannot be found.`,
      );
    }
    return schemas;
  }
}

/** A name of one, two or three parts as the session means it. */
export function resolveTable(parts: readonly string[], session: Namespace): SourceTable {
  const [table, schema, catalog] = parts.map((part) => part.toLowerCase()).reverse();
  if (parts.length > 3 || table === undefined) throw unsupported('table names of more than three parts');
  return { catalog: catalog ?? session.catalog, schema: schema ?? session.schema, table };
}

export function resolveSchema(parts: readonly string[], session: Namespace): Namespace {
  const [schema, catalog] = parts.map((part) => part.toLowerCase()).reverse();
  if (parts.length > 2 || schema === undefined) throw unsupported('schema names of more than two parts');
  return { catalog: catalog ?? session.catalog, schema };
}

function keyOf(name: SourceTable): string {
  return JSON.stringify([name.catalog, name.schema, name.table]);
}
