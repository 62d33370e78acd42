import { SyncError } from '../../error/sync-error.ts';
import type { Plan } from '../../plan/plan.ts';
import { displayTable } from '../../schema/table-name.ts';
import { tableMisfit } from '../survey.ts';
import { checkTable, type TablePlan } from './inspect-table.ts';
import { quoteIdentifier } from './sql.ts';
import type { Transaction } from './transaction.ts';

/**
 * Creates the plan's target table, or checks the one that is there; names every misfit at once
 * (`target_incompatible`) and a right that is missing with the grant to give (`target_permission`). Of many at
 * once, one creates and the others find it.
 */
export async function ensureTable(tx: Transaction, plan: TablePlan): Promise<void> {
  const name = displayTable(plan.target);
  await lockSchema(tx, plan.target);
  const check = await checkTable(tx, plan);
  switch (check.outcome) {
    case 'fits':
      return;
    case 'missing':
      await tx.run(check.statements);
      return tx.commit();
    case 'forbidden':
      throw new SyncError(
        'target_permission',
        `The role of the Neon connection lacks rights on ${name}; its owner, or the database's, can give them: ${check.grant}`,
      );
    case 'unfit':
      throw tableMisfit(plan.target, check.problems);
    default:
      return check satisfies never;
  }
}

/** The schema may be missing, too. */
async function lockSchema(tx: Transaction, { schema }: Plan['target']): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `lakeferry ${quoteIdentifier(schema)}`,
  ]);
}
