import type { EngineResult } from '../engine.ts';
import { alterTable } from './alter-table.ts';
import { attachTable, refreshAttached } from './attached/attach.ts';
import { nameColumns } from './column-names.ts';
import { createTableStatement } from './create-table.ts';
import { Cursor } from './cursor.ts';
import { describe, show } from './describe.ts';
import { unsupported } from './errors.ts';
import { insert } from './insert.ts';
import { load } from './load-file.ts';
import { dropTable, optimize, restore, vacuum } from './maintenance.ts';
import { merge } from './merge.ts';
import { duckResult } from './result.ts';
import { startsQuery } from './rewriter.ts';
import { createNamespace, dropSchema, set, use } from './session-statements.ts';
import { CurrentTables, type StatementContext, translate } from './statement-context.ts';
import { type Node, nest, tokenize } from './tokenizer.ts';
import { deleteFrom, truncate, update } from './update-delete.ts';

/** Runs one statement of Databricks SQL; a semicolon may end it. */
export async function runStatement(context: StatementContext, statement: string): Promise<EngineResult> {
  const tokens = tokenize(statement);
  while (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'symbol') tokens.pop();
  const nodes = nest(tokens);
  await refreshAttached(context);
  if (startsQuery(nodes)) return query(context, nameColumns(nodes, statement));
  const cursor = new Cursor(nodes);
  if (cursor.take('INSERT')) return insert(context, cursor);
  if (cursor.take('UPDATE')) return update(context, cursor);
  if (cursor.take('DELETE')) return deleteFrom(context, cursor);
  if (cursor.take('MERGE')) return merge(context, cursor);
  if (cursor.take('TRUNCATE')) return truncate(context, cursor);
  if (cursor.take('DESCRIBE') || cursor.take('DESC')) return describe(context, cursor);
  if (cursor.take('SHOW')) return show(context, cursor);
  if (cursor.take('USE')) return use(context, cursor);
  if (cursor.take('SET')) return set(context, cursor);
  if (cursor.take('RESTORE')) return restore(context, cursor);
  if (cursor.take('OPTIMIZE')) return optimize(context, cursor);
  if (cursor.take('VACUUM')) return vacuum(context, cursor);
  if (cursor.take('ALTER', 'TABLE')) return alterTable(context, cursor, statement);
  if (cursor.take('DROP', 'TABLE')) return dropTable(context, cursor);
  if (cursor.take('DROP')) return drop(context, cursor);
  if (cursor.take('CREATE')) return create(context, cursor, statement);
  if (cursor.take('LOAD')) return load(context, cursor);
  if (cursor.take('ATTACH', 'TABLE')) return attachTable(context, cursor);
  throw refusal(cursor);
}

function create(context: StatementContext, cursor: Cursor, statement: string): Promise<EngineResult> {
  if (cursor.take('OR', 'REPLACE', 'TABLE')) return createTableStatement(context, cursor, statement, true);
  if (cursor.take('TABLE')) return createTableStatement(context, cursor, statement, false);
  if (['CATALOG', 'SCHEMA', 'DATABASE'].some((word) => cursor.at(word)))
    return createNamespace(context, cursor);
  throw unsupported('this form of CREATE');
}

function drop(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  if (cursor.at('SCHEMA') || cursor.at('DATABASE')) return dropSchema(context, cursor);
  throw unsupported('this form of DROP');
}

async function query(context: StatementContext, nodes: readonly Node[]): Promise<EngineResult> {
  const tables = new CurrentTables(context);
  const sql = await translate(context, (rewriter) => rewriter.query(nodes), tables);
  const result = duckResult(await context.connection.run(sql));
  tables.checkStillKept();
  return result;
}

/** Statements that exist in Databricks SQL and not here, told apart from what is no statement at all. */
const KNOWN_STATEMENTS = [
  'ANALYZE',
  'CALL',
  'COMMENT',
  'COPY',
  'DECLARE',
  'EXECUTE',
  'EXPLAIN',
  'FSCK',
  'GRANT',
  'LIST',
  'REFRESH',
  'REORG',
  'REPAIR',
  'RESET',
  'REVOKE',
  'UNDROP',
];

function refusal(cursor: Cursor): Error {
  const known = KNOWN_STATEMENTS.find((word) => cursor.at(word));
  return known ? unsupported(`the statement ${known}`) : cursor.failure();
}
