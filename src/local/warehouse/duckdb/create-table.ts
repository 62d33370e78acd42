import { randomUUID } from 'node:crypto';
import type { DuckDBPreparedStatement } from '@duckdb/node-api';
import type { SourceTable } from '../../../schema/table-name.ts';
import { EngineError, type EngineResult } from '../engine.ts';
import { storedSql } from './casts.ts';
import { resolveTable } from './catalog.ts';
import { checkNames, readColumns } from './column-definitions.ts';
import {
  addStoredColumns,
  type Change,
  commitNow,
  createTable as createNewTable,
  deleteAllRows,
  insertRowsSql,
  storedNames,
} from './commit.ts';
import { Cursor } from './cursor.ts';
import { syntaxError, unsupported } from './errors.ts';
import { affected, writeMetrics } from './insert.ts';
import { readProperties } from './properties.ts';
import { NO_RESULT } from './result.ts';
import { type StatementContext, translate } from './statement-context.ts';
import { ARRIVED, CHANGE_FEED_PROPERTY, type Column, Table, type TableMetadata, writable } from './table.ts';
import type { Node } from './tokenizer.ts';
import { parseTypeText } from './type-text.ts';
import { typeOfDuck, typeText } from './types.ts';

type Mode = 'create' | 'if_not_exists' | 'replace';

interface Definition {
  readonly columns: readonly Node[] | undefined;
  readonly comment: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly query: readonly Node[] | undefined;
}

/** `CREATE [OR REPLACE] TABLE [IF NOT EXISTS] …`, from behind TABLE. */
export async function createTableStatement(
  context: StatementContext,
  cursor: Cursor,
  statement: string,
  replace: boolean,
): Promise<EngineResult> {
  const mode: Mode = replace ? 'replace' : cursor.take('IF', 'NOT', 'EXISTS') ? 'if_not_exists' : 'create';
  const name = cursor.dottedName();
  const definition = readDefinition(cursor);
  const { catalog } = context.database;
  return context.database.exclusive(async () => {
    context.connection.checkAborted();
    const resolved = resolveTable(name, context.session.namespace);
    catalog.requireSchema(resolved);
    const found = catalog.findTable(resolved);
    if (found && mode === 'if_not_exists') return NO_RESULT;
    if (found && mode === 'create') throw alreadyExists(resolved);
    const existing = found && writable(found);
    const source = definition.query && (await readSource(context, definition.query));
    const columns = source
      ? source.columns.map((column, index) => ({
          ...column,
          stored: `c${storedNameOffset(existing) + index}`,
        }))
      : readColumns(new Cursor(definition.columns ?? []), statement, storedNames(existing));
    const metadata = newMetadata(context, reuseStored(columns, existing), definition);
    const rows = await writeTable(context, {
      name: resolved,
      existing,
      metadata,
      replace,
      rows: source?.sql,
    });
    return source ? affected(['num_affected_rows', rows], ['num_inserted_rows', rows]) : NO_RESULT;
  });
}

export function alreadyExists({ table }: SourceTable): EngineError {
  return new EngineError('TABLE_OR_VIEW_ALREADY_EXISTS', '42P07', `The table \`${table}\` already exists.`);
}

interface NewTable {
  readonly name: SourceTable;
  readonly existing: Table | undefined;
  readonly metadata: TableMetadata;
  /** Whether the statement said OR REPLACE. */
  readonly replace: boolean;
  /** Query for the rows, in the order of the columns. */
  readonly rows: string | undefined;
}

/** Makes or replaces a table; gives the number of rows. For who has the turn to write. */
export async function writeTable(context: StatementContext, target: NewTable): Promise<number> {
  const { existing, metadata, rows } = target;
  let inserted = 0;
  const change = async (table: Table, version: bigint): Promise<Change> => {
    if (rows !== undefined) {
      const aliases = metadata.columns.map((_, index) => `k${index}`);
      const values = metadata.columns.map((column, index) =>
        storedSql(`k${index}`, column, parseTypeText(column.type)),
      );
      const from = `(${rows}) as source(${aliases.join(', ')})`;
      inserted = await context.connection.write(
        insertRowsSql(table, version, ARRIVED.insert, metadata.columns, values, from),
      );
    }
    return {
      operation: `${target.replace ? 'CREATE OR REPLACE' : 'CREATE'} TABLE${rows === undefined ? '' : ' AS SELECT'}`,
      parameters: {
        isManaged: 'true',
        properties: JSON.stringify(metadata.properties),
        partitionBy: '[]',
        clusterBy: '[]',
      },
      ...(rows !== undefined && { metrics: writeMetrics(inserted) }),
      blindAppend: existing === undefined,
      addedRows: inserted,
    };
  };
  if (!existing) {
    const table = new Table(target.name, context.database.takeStoreId());
    await createNewTable(context, table, metadata, () => change(table, 0n));
    return inserted;
  }
  await commitNow(context, existing, async (table, version) => {
    await addStoredColumns(context, table, metadata);
    const removed = await deleteAllRows(context, table, version);
    const made = await change(table, version);
    return { ...made, metadata, addedRows: inserted - removed };
  });
  return inserted;
}

/** Columns of a query's result, with the types that Delta has for them. */
export async function readSourceColumns(
  context: StatementContext,
  sql: string,
): Promise<Omit<Column, 'stored'>[]> {
  const columns = await context.connection.prepared(sql, columnsOf);
  checkNames(columns);
  return columns;
}

/** As a workspace may have them for its new tables; a statement may say otherwise. */
const DEFAULT_PROPERTIES = { [CHANGE_FEED_PROPERTY]: 'true' };

/** A fresh identity for columns that a statement names. */
export function newMetadata(
  context: StatementContext,
  columns: readonly Column[],
  more: {
    readonly comment?: string | undefined;
    readonly properties?: Readonly<Record<string, string>>;
  } = {},
): TableMetadata {
  return {
    id: randomUUID(),
    columns,
    ...(more.comment !== undefined && { comment: more.comment }),
    properties: { ...DEFAULT_PROPERTIES, ...more.properties },
    createdAt: context.database.clock.now(),
  };
}

/** A column that keeps its name and type keeps its place in the store, so that the feed can bridge a REPLACE. */
export function reuseStored(columns: readonly Column[], existing: Table | undefined): Column[] {
  const before = existing?.latest.metadata.columns ?? [];
  return columns.map((column) => {
    const same = before.find(
      ({ name, type }) => name.toLowerCase() === column.name.toLowerCase() && type === column.type,
    );
    return same ? { ...column, stored: same.stored } : column;
  });
}

function storedNameOffset(existing: Table | undefined): number {
  return Number(storedNames(existing)().slice(1));
}

async function readSource(context: StatementContext, query: readonly Node[]) {
  const sql = await translate(context, (rewriter) => rewriter.query(query));
  return { sql, columns: await readSourceColumns(context, sql) };
}

function columnsOf(statement: DuckDBPreparedStatement): Omit<Column, 'stored'>[] {
  return Array.from({ length: statement.columnCount }, (_, index) => {
    const type = typeText(typeOfDuck(statement.columnType(index)));
    const name = statement.columnName(index);
    if (type.includes('void')) throw unsupported(`a column without a type: cast the value of ${name}`);
    return { name, type, nullable: true };
  });
}

function readDefinition(cursor: Cursor): Definition {
  const columns = cursor.atGroup() ? cursor.group().items : undefined;
  let comment: string | undefined;
  let properties: Readonly<Record<string, string>> = {};
  while (!cursor.done && !cursor.at('AS') && !cursor.at('SELECT') && !cursor.at('WITH')) {
    if (cursor.take('USING')) readFormat(cursor);
    else if (cursor.take('COMMENT')) comment = cursor.string();
    else if (cursor.take('TBLPROPERTIES')) properties = readProperties(cursor.group());
    else if (cursor.take('PARTITIONED', 'BY') || cursor.take('CLUSTER', 'BY')) cursor.next();
    else if (cursor.at('LOCATION')) throw unsupported('tables at a LOCATION');
    else throw cursor.failure();
  }
  if (cursor.done) {
    if (!columns) throw unsupported('a table without columns');
    return { columns, comment, properties, query: undefined };
  }
  cursor.take('AS');
  if (columns) throw syntaxError('CREATE TABLE … AS takes no column list.');
  return { columns, comment, properties, query: cursor.rest() };
}

function readFormat(cursor: Cursor): void {
  const format = cursor.name();
  if (format.toLowerCase() !== 'delta') throw unsupported(`tables of the format ${format}`);
}
