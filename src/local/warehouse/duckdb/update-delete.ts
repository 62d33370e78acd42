import { EngineError, type EngineResult } from '../engine.ts';
import { storedSql } from './casts.ts';
import { commitTo, deleteAllRows, insertRowsSql } from './commit.ts';
import { Cursor, isSymbol, isWord, splitAtCommas } from './cursor.ts';
import { syntaxError } from './errors.ts';
import { affected, defaultSql } from './insert.ts';
import { quoteName } from './literal.ts';
import type { Rewriter } from './rewriter.ts';
import { findWritableTable, type StatementContext, translate } from './statement-context.ts';
import {
  ARRIVED,
  type Column,
  DEPARTED,
  liveAt,
  ROW_ID,
  requireColumn,
  type Table,
  type TableMetadata,
} from './table.ts';
import type { Node } from './tokenizer.ts';
import { parseTypeText } from './type-text.ts';

/** `UPDATE t [[AS] alias] SET column = value, … [WHERE condition]`, from behind UPDATE. */
export async function update(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const target = readTarget(cursor, 'SET');
  cursor.expect('SET');
  const assignments = readAssignments(cursor.until('WHERE'));
  const condition = readCondition(cursor);

  let updated = 0;
  await commitTo(
    context,
    () => findWritableTable(context, target.name),
    async (table, version) => {
      const { metadata } = table.latest;
      const touched = `(${table.snapshotSql(table.latest)}) as ${quoteName(target.alias)}`;
      await context.connection.write(
        await translate(context, (rewriter) => {
          const values = assignedValues(metadata, assignments, target.alias, rewriter);
          const rows = `select ${values.map((value, index) => `${value} as v${index}`).join(', ')} from ${touched}${whereSql(condition, rewriter)}`;
          const stored = metadata.columns.map((column, index) =>
            storedSql(`v${index}`, column, parseTypeText(column.type)),
          );
          return insertRowsSql(
            table,
            version,
            ARRIVED.update_postimage,
            metadata.columns,
            stored,
            `(${rows}) as updated`,
          );
        }),
      );
      updated = await endRows(context, table, version, DEPARTED.update_preimage, target.alias, condition);
      return {
        operation: 'UPDATE',
        metrics: {
          numRemovedFiles: updated > 0 ? 1 : 0,
          numAddedFiles: updated > 0 ? 1 : 0,
          numCopiedRows: 0,
          numUpdatedRows: updated,
        },
      };
    },
  );
  return affected(['num_affected_rows', updated]);
}

/** `DELETE FROM t [[AS] alias] [WHERE condition]`, from behind DELETE. */
export async function deleteFrom(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  cursor.expect('FROM');
  const target = readTarget(cursor, 'WHERE');
  const condition = readCondition(cursor);
  let deleted = 0;
  await commitTo(
    context,
    () => findWritableTable(context, target.name),
    async (table, version) => {
      deleted = await endRows(context, table, version, DEPARTED.delete, target.alias, condition);
      return {
        operation: 'DELETE',
        metrics: {
          numRemovedFiles: deleted > 0 ? 1 : 0,
          numAddedFiles: 0,
          numCopiedRows: 0,
          numDeletedRows: deleted,
        },
        addedRows: -deleted,
      };
    },
  );
  return affected(['num_affected_rows', deleted]);
}

/** `TRUNCATE TABLE t`, from behind TRUNCATE. Its metrics name no rows, as Delta's do not. */
export async function truncate(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  cursor.expect('TABLE');
  const name = cursor.dottedName();
  cursor.end();
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async (table, version) => {
      const deleted = await deleteAllRows(context, table, version);
      return {
        operation: 'TRUNCATE',
        metrics: { numRemovedFiles: deleted > 0 ? 1 : 0 },
        addedRows: -deleted,
      };
    },
  );
  return affected(['num_affected_rows', -1]);
}

export interface Assignment {
  readonly column: string;
  readonly value: readonly Node[];
}

/** `[alias.]column = value, …` */
export function readAssignments(nodes: readonly Node[]): Assignment[] {
  const assignments = splitAtCommas(nodes).map((part) => {
    const cursor = new Cursor(part);
    const column = cursor.dottedName().at(-1) as string;
    cursor.expectSymbol('=');
    return { column, value: cursor.rest() };
  });
  if (assignments.length === 0 || assignments.some(({ value }) => value.length === 0)) {
    throw syntaxError('SET takes assignments.');
  }
  return assignments;
}

/** The value of every column after the assignments, in the table's order. */
export function assignedValues(
  metadata: TableMetadata,
  assignments: readonly Assignment[],
  alias: string,
  rewriter: Rewriter,
): string[] {
  const assigned = new Map<Column, readonly Node[]>();
  for (const { column, value } of assignments) {
    const of = requireColumn(metadata, column);
    if (assigned.has(of))
      throw new EngineError('COLUMN_ALREADY_EXISTS', '42711', `The column \`${column}\` is set twice.`);
    assigned.set(of, value);
  }
  return metadata.columns.map((column) => {
    const value = assigned.get(column);
    if (!value) return `${quoteName(alias)}.${quoteName(column.name)}`;
    return value.length === 1 && isWord(value[0], 'DEFAULT')
      ? defaultSql(column, rewriter)
      : rewriter.expression(value);
  });
}

interface Target {
  readonly name: readonly string[];
  readonly alias: string;
}

function readTarget(cursor: Cursor, keyword: string): Target {
  const name = cursor.dottedName();
  const explicit = cursor.take('AS');
  const aliased = explicit || (!cursor.done && !cursor.at(keyword) && !isSymbol(cursor.peek(), '@'));
  return { name, alias: aliased ? cursor.name() : (name.at(-1) as string) };
}

function readCondition(cursor: Cursor): readonly Node[] | undefined {
  if (cursor.done) return undefined;
  cursor.expect('WHERE');
  if (cursor.done) throw cursor.failure();
  const condition = cursor.rest();
  if (isRandom(condition)) {
    throw new EngineError(
      'DELTA_NON_DETERMINISTIC_FUNCTION_NOT_SUPPORTED',
      '0AKDC',
      'The condition of UPDATE and DELETE must be deterministic.',
    );
  }
  return condition;
}

/** The condition is evaluated more than once. */
function isRandom(nodes: readonly Node[]): boolean {
  return nodes.some((node, at) =>
    node.kind === 'group'
      ? isRandom(node.items)
      : isWord(node, 'RAND', 'UUID') && nodes[at + 1]?.kind === 'group',
  );
}

function whereSql(condition: readonly Node[] | undefined, rewriter: Rewriter): string {
  return condition ? ` where ${rewriter.expression(condition)}` : '';
}

/** Ends the live rows that meet the condition. */
async function endRows(
  context: StatementContext,
  table: Table,
  version: bigint,
  departed: number,
  alias: string,
  condition: readonly Node[] | undefined,
): Promise<number> {
  const sql = await translate(context, (rewriter) => {
    const live = liveAt(version - 1n);
    if (!condition) return `update ${table.store} set _to = ${version}, _out = ${departed} where ${live}`;
    const rows = `(${table.snapshotSql(table.latest, true)}) as ${quoteName(alias)}`;
    return `update ${table.store} set _to = ${version}, _out = ${departed}
      where rowid in (select ${ROW_ID} from ${rows}${whereSql(condition, rewriter)})`;
  });
  return context.connection.write(sql);
}
