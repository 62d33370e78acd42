import { keyOf } from '../../plan/mapping.ts';
import type { Plan } from '../../plan/plan.ts';
import type { TableCheck, TableFinding } from '../survey.ts';
import { findProblems } from './check-table.ts';
import {
  readColumns,
  readMappedTypes,
  readMissingRights,
  readMissingToCreate,
  useOwnSearchPath,
} from './column-facts.ts';
import { ownColumns, writtenColumns } from './columns.ts';
import { quoteIdentifier, quoteTable, typeText } from './sql.ts';
import { readTable, type TableFacts } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

export type TablePlan = Pick<Plan, 'target' | 'mapping' | 'sync'>;

/** Rows are updated in place, on their own page, where it has room: less WAL, and no index is touched. */
const FILL_FACTOR = 85;

/** What is to be done to the target table, or what keeps it from being written. Changes nothing. */
export async function checkTable(tx: Transaction, plan: TablePlan): Promise<TableCheck> {
  const names = [plan.target.schema, plan.target.table, ...writtenColumns(plan.mapping)];
  names.forEach(quoteIdentifier);
  await useOwnSearchPath(tx);
  const table = await readTable(tx, plan.target);
  const missing =
    table === undefined
      ? await readMissingToCreate(tx, plan.target)
      : await readMissingRights(tx, table.oid, plan);
  const finding = await inspect(tx, plan, table);
  return missing === undefined ? finding : { outcome: 'forbidden', ...missing, finding };
}

async function inspect(
  tx: Transaction,
  plan: TablePlan,
  table: TableFacts | undefined,
): Promise<TableFinding> {
  if (table === undefined) return { outcome: 'missing', statements: await creation(tx, plan) };
  const columns = await readColumns(tx, table.oid);
  const types = await readMappedTypes(tx, plan);
  const problems = findProblems(plan.mapping, table, columns, types);
  if (problems.length > 0) return { outcome: 'unfit', problems };
  const written = new Set(writtenColumns(plan.mapping));
  return {
    outcome: 'fits',
    untouched: columns.map(({ name }) => name).filter((name) => !written.has(name)),
  };
}

/** The statements that create the table, its schema where that is missing, and its comments. */
async function creation(tx: Transaction, plan: TablePlan): Promise<readonly string[]> {
  const { target, mapping } = plan;
  const schema = await tx.query('select from pg_namespace where nspname = $1', [target.schema]);
  const key = keyOf(mapping).map(({ target: name }) => quoteIdentifier(name));
  const definitions = [
    ...mapping.columns.map(
      ({ target: name, targetType }) => `${quoteIdentifier(name)} ${typeText(targetType, target, name)}`,
    ),
    ...ownColumns(mapping).map(({ name, type }) => `${quoteIdentifier(name)} ${type}`),
    `primary key (${key.join(', ')})`,
  ];
  return [
    ...(schema.count === 0 ? [`create schema ${quoteIdentifier(target.schema)}`] : []),
    `create table ${quoteTable(target)} (\n  ${definitions.join(',\n  ')}\n) with (fillfactor = ${FILL_FACTOR})`,
    ...(await comments(tx, plan)),
  ];
}

/** A comment is part of the statement's text: the server itself writes the statements, with its own quoting. */
async function comments(tx: Transaction, { sync, target, mapping }: TablePlan): Promise<readonly string[]> {
  const ofColumns = mapping.columns
    .filter(({ comment }) => comment !== undefined && comment !== '')
    .map(({ target: column, comment }) => ({ column, comment: comment?.replaceAll('\0', '') }));
  const { rows } = await tx.query<{ readonly statement: string }>(
    `
select format('comment on column %I.%I.%I is %L', $1::text, $2::text, "column", comment) as statement
from jsonb_to_recordset($3::jsonb) as ("column" text, comment text)
union all
select format('comment on table %I.%I is %L', $1::text, $2::text, $4::text)`,
    [target.schema, target.table, JSON.stringify(ofColumns), `Kept by Lakeferry, sync ${sync}.`],
  );
  return rows.map(({ statement }) => statement);
}
