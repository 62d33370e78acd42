import { SyncError } from '../../error/sync-error.ts';
import { keyOf } from '../../plan/mapping.ts';
import type { Plan } from '../../plan/plan.ts';
import { displayTable } from '../../schema/table-name.ts';
import { findProblems } from './check-table.ts';
import { readColumns, readMappedTypes, readMissingGrant, useOwnSearchPath } from './column-facts.ts';
import { ownColumns, writtenColumns } from './columns.ts';
import { quoteIdentifier, quoteTable, typeText } from './sql.ts';
import { readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

type TablePlan = Pick<Plan, 'target' | 'mapping' | 'sync'>;

/** Rows are updated in place, on their own page, where it has room: less WAL, and no index is touched. */
const FILL_FACTOR = 85;

/**
 * Creates the plan's target table, or checks the one that is there; names every misfit at once
 * (`target_incompatible`) and a right that is missing with the grant to give (`target_permission`). Of many at
 * once, one creates and the others find it.
 */
export async function ensureTable(tx: Transaction, plan: TablePlan): Promise<void> {
  const names = [plan.target.schema, plan.target.table, ...writtenColumns(plan.mapping)];
  names.forEach(quoteIdentifier);
  await useOwnSearchPath(tx);
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `lakeferry ${quoteTable(plan.target)}`,
  ]);
  const table = await readTable(tx, plan.target);
  if (table === undefined) {
    await createTable(tx, plan);
    return tx.commit();
  }
  const missingGrant = await readMissingGrant(tx, table.oid, plan);
  if (missingGrant !== undefined) {
    throw new SyncError(
      'target_permission',
      `The role of the Neon connection lacks rights on ${displayTable(plan.target)}; its owner can give them: ${missingGrant}`,
    );
  }
  const columns = await readColumns(tx, table.oid);
  const types = await readMappedTypes(tx, plan);
  const problems = findProblems(plan.mapping, table, columns, types);
  if (problems.length > 0) {
    throw new SyncError(
      'target_incompatible',
      `${displayTable(plan.target)} does not fit the sync: ${problems.join('; ')}.`,
      { problems },
    );
  }
}

async function createTable(tx: Transaction, plan: TablePlan): Promise<void> {
  const { target, mapping } = plan;
  const schema = await tx.query('select from pg_namespace where nspname = $1', [target.schema]);
  if (schema.count === 0) await tx.query(`create schema ${quoteIdentifier(target.schema)}`);
  const key = keyOf(mapping).map(({ target: name }) => quoteIdentifier(name));
  const definitions = [
    ...mapping.columns.map(
      ({ target: name, targetType }) => `${quoteIdentifier(name)} ${typeText(targetType, target, name)}`,
    ),
    ...ownColumns(mapping).map(({ name, type }) => `${quoteIdentifier(name)} ${type}`),
    `primary key (${key.join(', ')})`,
  ];
  await tx.query(`
create table ${quoteTable(target)} (
  ${definitions.join(',\n  ')}
) with (fillfactor = ${FILL_FACTOR})`);
  await writeComments(tx, plan);
}

/** A comment is part of the statement's text: the server itself writes the statements, with its own quoting. */
async function writeComments(tx: Transaction, { sync, target, mapping }: TablePlan): Promise<void> {
  const comments = mapping.columns
    .filter(({ comment }) => comment !== undefined && comment !== '')
    .map(({ target: column, comment }) => ({ column, comment: comment?.replaceAll('\0', '') }));
  const { rows } = await tx.query<{ readonly statement: string }>(
    `
select format('comment on column %I.%I.%I is %L', $1::text, $2::text, "column", comment) as statement
from jsonb_to_recordset($3::jsonb) as ("column" text, comment text)
union all
select format('comment on table %I.%I is %L', $1::text, $2::text, $4::text)`,
    [target.schema, target.table, JSON.stringify(comments), `Kept by Lakeferry, sync ${sync}.`],
  );
  await tx.query(rows.map(({ statement }) => statement).join(';\n'));
}
