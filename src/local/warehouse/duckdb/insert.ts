import { EngineError, type EngineResult } from '../engine.ts';
import { storedSql } from './casts.ts';
import { commitTo, deleteAllRows, insertRowsSql } from './commit.ts';
import { Cursor, isWord, splitAtCommas } from './cursor.ts';
import { unsupported } from './errors.ts';
import { rowsResult } from './result.ts';
import type { Rewriter } from './rewriter.ts';
import { findWritableTable, type StatementContext, translate } from './statement-context.ts';
import { ARRIVED, type Column, ESTIMATED_ROW_BYTES, requireColumn, type Table } from './table.ts';
import { type Group, type Node, nest, tokenize } from './tokenizer.ts';
import { parseTypeText } from './type-text.ts';

/** `INSERT {INTO | OVERWRITE} [TABLE] t [(columns)] {VALUES … | query}`, from behind INSERT. */
export async function insert(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const overwrite = cursor.take('OVERWRITE');
  if (!overwrite) cursor.expect('INTO');
  cursor.take('TABLE');
  const name = cursor.dottedName();
  const listed = cursor.atGroup() && !isQueryGroup(cursor) ? columnNames(cursor.group()) : undefined;
  if (cursor.at('BY', 'NAME')) throw unsupported('INSERT … BY NAME');
  if (cursor.at('PARTITION') || cursor.at('REPLACE')) throw unsupported('a partial overwrite');
  const source = cursor.rest();

  let inserted = 0;
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async (table, version) => {
      const { columns } = table.latest.metadata;
      const given = listed?.map((column) => requireColumn(table.latest.metadata, column)) ?? columns;
      checkDistinct(given);
      const removed = overwrite ? await deleteAllRows(context, table, version) : 0;
      inserted = await insertSource(context, table, version, given, source);
      return {
        operation: 'WRITE',
        parameters: { mode: overwrite ? 'Overwrite' : 'Append', partitionBy: '[]' },
        metrics: writeMetrics(inserted, overwrite ? { numRemovedFiles: removed > 0 ? 1 : 0 } : {}),
        blindAppend: !overwrite && isWord(source[0], 'VALUES'),
        addedRows: inserted - removed,
      };
    },
  );
  return affected(['num_affected_rows', inserted], ['num_inserted_rows', inserted]);
}

/** Metrics of an operation that only writes rows. */
export function writeMetrics(
  rows: number,
  more: Readonly<Record<string, number>> = {},
): Record<string, number> {
  return {
    numFiles: rows > 0 ? 1 : 0,
    numOutputRows: rows,
    numOutputBytes: rows * ESTIMATED_ROW_BYTES,
    ...more,
  };
}

/** The one row with which Databricks answers a DML statement. */
export function affected(...counts: readonly (readonly [string, number])[]): EngineResult {
  return rowsResult(
    counts.map(([name]) => ({ name, type: 'bigint' })),
    [counts.map(([, count]) => BigInt(count))],
  );
}

/** Writes the rows of a query or of VALUES into `given` columns; the others get their default. */
async function insertSource(
  context: StatementContext,
  table: Table,
  version: bigint,
  given: readonly Column[],
  source: readonly Node[],
): Promise<number> {
  const { columns } = table.latest.metadata;
  const { sql: rows, width } = isWord(source[0], 'VALUES')
    ? await valuesSource(context, given, source)
    : await querySource(context, source);
  if (width !== given.length) throw arityMismatch(given.length, width);
  const aliases = given.map((_, index) => `k${index}`);
  const sql = await translate(context, (rewriter) => {
    const values = columns.map((column) => {
      const at = given.indexOf(column);
      return storedSql(at < 0 ? defaultSql(column, rewriter) : `k${at}`, column, parseTypeText(column.type));
    });
    return insertRowsSql(
      table,
      version,
      ARRIVED.insert,
      columns,
      values,
      `(${rows}) as source(${aliases.join(', ')})`,
    );
  });
  return context.connection.write(sql);
}

interface Source {
  readonly sql: string;
  readonly width: number;
}

async function querySource(context: StatementContext, source: readonly Node[]): Promise<Source> {
  const sql = await translate(context, (rewriter) => rewriter.query(source));
  return { sql, width: await context.connection.prepared(sql, (statement) => statement.columnCount) };
}

/** DEFAULT may stand for a value. */
async function valuesSource(
  context: StatementContext,
  given: readonly Column[],
  source: readonly Node[],
): Promise<Source> {
  let width = 0;
  const sql = await translate(context, (rewriter) => {
    const reader = new Cursor(source.slice(1));
    const rows = rewriter.valuesRows(reader).map(({ items }) => splitAtCommas(items));
    reader.end();
    width = rows[0]?.length ?? 0;
    const lists = rows.map((row) => {
      const values = row.map((nodes, index) =>
        nodes.length === 1 && isWord(nodes[0], 'DEFAULT')
          ? defaultSql(given[index], rewriter)
          : rewriter.expression(nodes),
      );
      return `(${values.join(', ')})`;
    });
    return `values ${lists.join(', ')}`;
  });
  return { sql, width };
}

/** A column's default, or NULL, as an expression. */
export function defaultSql(column: Column | undefined, rewriter: Rewriter): string {
  return column?.defaultSql === undefined ? 'null' : rewriter.expression(nest(tokenize(column.defaultSql)));
}

function arityMismatch(expected: number, given: number): EngineError {
  const errorClass = `INSERT_COLUMN_ARITY_MISMATCH.${given > expected ? 'TOO_MANY' : 'NOT_ENOUGH'}_DATA_COLUMNS`;
  return new EngineError(
    errorClass,
    '21S01',
    `The table takes ${expected} values in a row, and ${given} are given.`,
  );
}

function isQueryGroup(cursor: Cursor): boolean {
  const node = cursor.peek();
  return node?.kind === 'group' && isWord(node.items[0], 'SELECT', 'WITH', 'VALUES', 'FROM');
}

function columnNames(group: Group): string[] {
  const cursor = new Cursor(group.items);
  const names = [cursor.name()];
  while (cursor.takeSymbol(',')) names.push(cursor.name());
  cursor.end();
  return names;
}

function checkDistinct(columns: readonly Column[]): void {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice) {
    throw new EngineError('COLUMN_ALREADY_EXISTS', '42711', `The column \`${twice.name}\` is named twice.`);
  }
}
