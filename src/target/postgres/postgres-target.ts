import { isPooled } from '../../config/connection-values.ts';
import type { NeonConnection } from '../../config/connections.ts';
import { asSyncError, type ErrorFields } from '../../error/sync-error.ts';
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import { type Log, silentLog } from '../../telemetry/log.ts';
import type { TargetSurvey } from '../survey.ts';
import type { SyncRow, Target, TargetFacts } from '../target.ts';
import { applyChunk } from './apply.ts';
import { weighDeletes } from './brake.ts';
import { readColumnTypes } from './column-facts.ts';
import { openDatabase, type TransactionLimits, urlOf } from './database.ts';
import { ensureTable } from './ensure-table.ts';
import { abandonRetry, finishPlan } from './finish.ts';
import { checkTable } from './inspect-table.ts';
import { migrate } from './migrations.ts';
import { isFreeToLoad, openPlan } from './open.ts';
import { countRejected, readRejected, readRetryKeys } from './read-rejected.ts';
import { readServer } from './server-facts.ts';
import { approveDeletes, readAllRows, readOrCreateRow } from './sync-row.ts';
import { isUniqueBesidesKey, readIsEmpty, readTable, spelledKey, targetReplaced } from './table-facts.ts';
import { readSelfReferences } from './ties.ts';
import type { Transaction } from './transaction.ts';

export interface PostgresTargetOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  /** What `pg_stat_activity` shows. `lakeferry` when absent. */
  readonly applicationName?: string;
  readonly limits?: TransactionLimits;
}

/**
 * A Neon Postgres database as a target; Postgres 15 or later. Every call has a connection and one transaction of
 * its own, so that a suspended compute or a lost socket costs that call and nothing else.
 */
export function openPostgresTarget(
  connection: NeonConnection,
  options: PostgresTargetOptions = {},
): Target & TargetSurvey {
  const log = options.log ?? silentLog;
  const database = openDatabase(
    connection,
    options.applicationName ?? 'lakeferry',
    options.clock ?? systemClock,
    options.limits,
  );
  return {
    migrate: (signal) => database.transact('direct', signal, migrate),
    readState: (sync, table, key, signal) =>
      placed({ sync }, () =>
        database.transact('pooled', signal, async (tx) => {
          const row = await readOrCreateRow(tx, sync, log);
          const facts = await readFacts(tx, table, key);
          await tx.commit();
          return facts === undefined ? { row } : { row, table: facts };
        }),
      ),
    lookAt: (sync, table, key, signal) =>
      placed({ sync }, () =>
        database.transact('pooled', signal, async (tx) => {
          const row = (await readAllRows(tx, log)).get(sync) ?? NO_ROW;
          const facts = await readFacts(tx, table, key);
          return facts === undefined ? { row } : { row, table: facts };
        }),
      ),
    readRows: (signal) => database.transact('pooled', signal, (tx) => readAllRows(tx, log)),
    readRejected: (sync, limit, signal) =>
      placed({ sync }, () => database.transact('pooled', signal, (tx) => readRejected(tx, sync, limit))),
    readRetryKeys: (sync, signal) =>
      placed({ sync }, () => database.transact('pooled', signal, (tx) => readRetryKeys(tx, sync))),
    countRejected: (signal) => database.transact('pooled', signal, countRejected),
    readColumnTypes: (table, signal) =>
      database.transact('pooled', signal, (tx) => readColumnTypes(tx, table)),
    checkTable: (plan, signal) =>
      placed({ sync: plan.sync }, () => database.transact('pooled', signal, (tx) => checkTable(tx, plan))),
    weighDeletes: (plan, deletes, signal) =>
      placed({ sync: plan.sync }, () =>
        database.transact('pooled', signal, async (tx) => {
          const table = await readTable(tx, plan.target);
          if (table === undefined) throw targetReplaced(plan.target);
          return weighDeletes({ tx, plan, table }, deletes, 0);
        }),
      ),
    isFreeToLoad: (sync, table, signal) =>
      placed({ sync }, () => database.transact('pooled', signal, (tx) => isFreeToLoad(tx, sync, table, log))),
    readServer: (host, signal) =>
      database.transact(host, signal, (tx) => readServer(tx, isPooled(urlOf(connection, host)))),
    ensureTable: (plan, signal) =>
      placed({ sync: plan.sync }, () => database.transact('direct', signal, (tx) => ensureTable(tx, plan))),
    open: (plan, signal) =>
      placed({ sync: plan.sync, planId: plan.id }, () =>
        database.transact('pooled', signal, (tx) => openPlan(tx, plan, log)),
      ),
    approveDeletes: (plan, signal) =>
      placed({ sync: plan.sync, planId: plan.id }, () =>
        database.transact('pooled', signal, (tx) => approveDeletes(tx, plan)),
      ),
    apply: (chunk, pages, beforeCommit, signal) =>
      placed({ sync: chunk.plan.sync, planId: chunk.plan.id, slice: chunk.slice }, () =>
        applyChunk(database, chunk, pages, beforeCommit, signal, log),
      ),
    finish: (plan, signal) =>
      placed({ sync: plan.sync, planId: plan.id }, () =>
        database.transact('pooled', signal, (tx) => finishPlan(tx, plan, log)),
      ),
    abandonRetry: (plan, signal) =>
      placed({ sync: plan.sync, planId: plan.id }, () =>
        database.transact('pooled', signal, (tx) => abandonRetry(tx, plan)),
      ),
    close: () => database.close(),
  };
}

/** Of a sync that the target knows nothing of. */
const NO_ROW: SyncRow = { revision: '', open: false, rowsUpserted: 0n, rowsDeleted: 0n, rowsRejected: 0n };

async function readFacts(
  tx: Transaction,
  name: { readonly schema: string; readonly table: string },
  key: readonly string[],
): Promise<TargetFacts | undefined> {
  const table = await readTable(tx, name);
  if (table === undefined) return undefined;
  return {
    oid: table.oid,
    empty: await readIsEmpty(tx, name),
    uniqueBesidesKey: isUniqueBesidesKey(table, spelledKey(table, key)),
    refersToItself: (await readSelfReferences({ tx, table })).length > 0,
  };
}

/** Says of every failure which sync, plan and slice it belongs to. */
async function placed<T>(fields: ErrorFields, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asSyncError(error, fields);
  }
}
