import { EngineError, type EngineResult } from '../engine.ts';
import { storedSql } from './casts.ts';
import { commitTo, insertRowsSql } from './commit.ts';
import type { Cursor } from './cursor.ts';
import { affected, defaultSql } from './insert.ts';
import { quoteName } from './literal.ts';
import { type MergeAction, type MergeClause, readMergeClauses } from './merge-parser.ts';
import type { Rewriter } from './rewriter.ts';
import { findWritableTable, type StatementContext, translate } from './statement-context.ts';
import { ARRIVED, DEPARTED, ROW_ID, requireColumn, type Table } from './table.ts';
import { parseTypeText } from './type-text.ts';
import { assignedValues } from './update-delete.ts';

/** Temporary tables of the connection: the source, read once, and what is to be done with each row. */
const SOURCE = 'temp.lakeferry_merge_source';
const ACTIONS = 'temp.lakeferry_merge_actions';
const ACTION = '"_lakeferry_action"';
const ACTION_CODES = { update: 1, delete: 2, insert: 3 } as const;

interface Merge {
  readonly table: Table;
  readonly targetAlias: string;
  readonly sourceAlias: string;
  readonly on: (rewriter: Rewriter) => string;
  readonly clauses: readonly MergeClause[];
}

/** `MERGE INTO t [[AS] alias] USING source ON condition WHEN …`, from behind MERGE. */
export async function merge(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  cursor.expect('INTO');
  const name = cursor.dottedName();
  if (cursor.at('WITH')) throw cursor.failure();
  const aliased = cursor.take('AS') || !cursor.at('USING');
  const targetAlias = aliased ? cursor.name() : (name.at(-1) as string);
  cursor.expect('USING');
  const sourceNodes = cursor.until('ON');
  cursor.expect('ON');
  const onNodes = cursor.until('WHEN');
  const clauses = readMergeClauses(cursor);

  const { connection } = context;
  let counts = { updated: 0, deleted: 0, inserted: 0 };
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async (table, version) => {
      const source = await materializeSource(context, sourceNodes);
      const on = (rewriter: Rewriter) => rewriter.expression(onNodes);
      const plan: Merge = { table, targetAlias, sourceAlias: source.alias, on, clauses };
      const actions = await translate(
        context,
        (rewriter) => `create temp table lakeferry_merge_actions as ${actionsSql(plan, rewriter)}`,
      );
      await connection.run(actions);
      await checkSingleMatch(context, clauses);
      counts = await applyActions(context, table, version);
      await connection.run(`drop table ${ACTIONS}; drop table ${SOURCE}`);
      return {
        operation: 'MERGE',
        metrics: {
          numSourceRows: source.rows,
          numTargetRowsInserted: counts.inserted,
          numTargetRowsUpdated: counts.updated,
          numTargetRowsDeleted: counts.deleted,
          numTargetRowsCopied: 0,
          numOutputRows: counts.inserted + counts.updated,
        },
        addedRows: counts.inserted - counts.deleted,
      };
    },
  );
  return affected(
    ['num_affected_rows', counts.updated + counts.deleted + counts.inserted],
    ['num_updated_rows', counts.updated],
    ['num_deleted_rows', counts.deleted],
    ['num_inserted_rows', counts.inserted],
  );
}

async function materializeSource(
  context: StatementContext,
  nodes: Parameters<Rewriter['expression']>[0],
): Promise<{ alias: string; rows: number }> {
  let alias = 'source';
  const sql = await translate(context, (rewriter) => {
    const factor = rewriter.wholeTableFactor(nodes);
    alias = factor.alias ?? alias;
    return `create temp table lakeferry_merge_source as select * from ${factor.sql}`;
  });
  await context.connection.run(sql);
  const rows = (await context.connection.run(`select count(*) from ${SOURCE}`)).getRows();
  return { alias, rows: Number((await rows)[0]?.[0]) };
}

/** One row per row to touch: its id (NULL for an insert), its action, and its values `v0`, `v1`, … afterwards. */
function actionsSql(plan: Merge, rewriter: Rewriter): string {
  const target = `(${plan.table.snapshotSql(plan.table.latest, true)}) as ${quoteName(plan.targetAlias)}`;
  const source = `${SOURCE} as ${quoteName(plan.sourceAlias)}`;
  const on = plan.on(rewriter);
  const parts: [MergeClause['when'], string][] = [
    ['matched', `${target} join ${source} on (${on})`],
    ['not_matched', `${source} anti join ${target} on (${on})`],
    ['not_matched_by_source', `${target} anti join ${source} on (${on})`],
  ];
  return parts
    .flatMap(([when, from]) => {
      const clauses = plan.clauses.filter((clause) => clause.when === when);
      return clauses.length === 0 ? [] : [partSql(plan, clauses, from, rewriter)];
    })
    .join(' union all ');
}

function partSql(plan: Merge, clauses: readonly MergeClause[], from: string, rewriter: Rewriter): string {
  const { columns } = plan.table.latest.metadata;
  const conditions = clauses.map(({ condition }) =>
    condition ? `(${rewriter.expression(condition)})` : 'true',
  );
  const values = clauses.map(({ action }) => actionValues(plan, action, rewriter));
  const choose = (branch: (index: number) => string) =>
    `case ${conditions.map((condition, index) => `when ${condition} then ${branch(index)}`).join(' ')} end`;
  const action = choose((index) => String(ACTION_CODES[(clauses[index] as MergeClause).action.kind]));
  const chosen = columns.map((column, at) => {
    const value = choose((index) => {
      const of = values[index]?.[at];
      return of === undefined
        ? 'null'
        : storedSql(of, { ...column, nullable: true }, parseTypeText(column.type));
    });
    return `, ${value} as v${at}`;
  });
  const rowId =
    clauses[0]?.when === 'not_matched' ? 'cast(null as bigint)' : `${quoteName(plan.targetAlias)}.${ROW_ID}`;
  return `select * from (select ${rowId} as ${ROW_ID}, ${action} as ${ACTION}${chosen.join('')} from ${from}) where ${ACTION} is not null`;
}

/** The values of every column after the action; none for a delete. */
function actionValues(plan: Merge, action: MergeAction, rewriter: Rewriter): readonly string[] {
  const { metadata } = plan.table.latest;
  if (action.kind === 'delete') return [];
  if (action.assignments === 'star') {
    return metadata.columns.map(({ name }) => `${quoteName(plan.sourceAlias)}.${quoteName(name)}`);
  }
  if (action.kind === 'update')
    return assignedValues(metadata, action.assignments, plan.targetAlias, rewriter);
  const given = new Map(
    action.assignments.map(({ column, value }) => [requireColumn(metadata, column), value]),
  );
  return metadata.columns.map((column) => {
    const value = given.get(column);
    return value ? rewriter.expression(value) : defaultSql(column, rewriter);
  });
}

/** Two source rows may match one target row only where all that happens is an unconditional delete. */
async function checkSingleMatch(context: StatementContext, clauses: readonly MergeClause[]): Promise<void> {
  const matched = clauses.filter(({ when }) => when === 'matched');
  const [only] = matched;
  if (matched.length === 1 && only?.action.kind === 'delete' && !only.condition) return;
  const found = await context.connection.run(
    `select 1 from ${ACTIONS} where ${ROW_ID} is not null group by ${ROW_ID} having count(*) > 1 limit 1`,
  );
  if (found.rowCount === 0) return;
  throw new EngineError(
    'DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE',
    '21506',
    'Several rows of the source of MERGE match one row of the target.',
  );
}

async function applyActions(context: StatementContext, table: Table, version: bigint) {
  const { connection } = context;
  const { columns } = table.latest.metadata;
  const end = (action: number, departed: number) =>
    connection.write(`update ${table.store} set _to = ${version}, _out = ${departed}
      where rowid in (select ${ROW_ID} from ${ACTIONS} where ${ACTION} = ${action})`);
  const add = (action: number, arrived: number) => {
    const values = columns.map((column, at) => storedSql(`v${at}`, column, parseTypeText(column.type)));
    const from = `(select * from ${ACTIONS} where ${ACTION} = ${action}) as actions`;
    return connection.write(insertRowsSql(table, version, arrived, columns, values, from));
  };
  const updated = await end(ACTION_CODES.update, DEPARTED.update_preimage);
  const deleted = await end(ACTION_CODES.delete, DEPARTED.delete);
  await add(ACTION_CODES.update, ARRIVED.update_postimage);
  const inserted = await add(ACTION_CODES.insert, ARRIVED.insert);
  return { updated, deleted, inserted };
}
