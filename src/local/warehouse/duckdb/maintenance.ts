import type { EngineResult } from '../engine.ts';
import { resolveTable } from './catalog.ts';
import { detachTableSql, dropTableSql } from './catalog-records.ts';
import { commitNow, commitTo, insertRowsSql } from './commit.ts';
import type { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { NO_RESULT, rowsResult } from './result.ts';
import { findWritableTable, type StatementContext } from './statement-context.ts';
import { ARRIVED, DEPARTED, liveAt, Table } from './table.ts';

/** `DROP TABLE [IF EXISTS] t`, from behind TABLE. The directory of an attached table is left as it is. */
export function dropTable(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const ifExists = cursor.take('IF', 'EXISTS');
  const name = cursor.dottedName();
  cursor.end();
  const { catalog } = context.database;
  return context.database.exclusive(async () => {
    context.connection.checkAborted();
    const resolved = resolveTable(name, context.session.namespace);
    const table = ifExists ? catalog.findTable(resolved) : catalog.requireTable(resolved);
    if (!table) return NO_RESULT;
    const sql = table instanceof Table ? dropTableSql(table) : detachTableSql(table);
    await context.connection.transaction(() => context.connection.run(sql));
    catalog.removeTable(table);
    return NO_RESULT;
  });
}

/** `RESTORE [TABLE] t [TO] VERSION AS OF n`, from behind RESTORE. Metadata goes back too; the id stays. */
export async function restore(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  cursor.take('TABLE');
  const name = cursor.dottedName();
  cursor.take('TO');
  cursor.expect('VERSION', 'AS', 'OF');
  const wanted = cursor.wholeNumber();
  cursor.end();
  const { connection } = context;
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async (table, version) => {
      const to = table.at(wanted);
      const now = table.latest;
      const removed = await connection.write(
        `update ${table.store} set _to = ${version}, _out = ${DEPARTED.delete} where ${liveAt(now.version)} and not (${liveAt(to.version)})`,
      );
      const { columns } = to.metadata;
      const added = await connection.write(
        insertRowsSql(
          table,
          version,
          ARRIVED.insert,
          columns,
          columns.map(({ stored }) => stored),
          `(select * from ${table.store} where ${liveAt(to.version)} and _to <= ${now.version}) as lost`,
        ),
      );
      return {
        operation: 'RESTORE',
        parameters: { version: String(to.version), timestamp: 'null' },
        metrics: { numRestoredFiles: added > 0 ? 1 : 0, numRemovedFiles: removed > 0 ? 1 : 0 },
        addedRows: added - removed,
        metadata: { ...to.metadata, id: now.metadata.id },
      };
    },
  );
  return NO_RESULT;
}

/** `OPTIMIZE t`: a commit that changes no row. */
export async function optimize(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const name = cursor.dottedName();
  if (!cursor.done) throw unsupported('OPTIMIZE with a condition or ZORDER');
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async () => ({
      operation: 'OPTIMIZE',
      parameters: { predicate: '[]', auto: 'false' },
      metrics: { numRemovedFiles: 0, numAddedFiles: 0 },
    }),
  );
  return NO_RESULT;
}

const DEFAULT_RETENTION_HOURS = 168n;

/**
 * `VACUUM t [RETAIN n HOURS]`, from behind VACUUM: forgets the rows that only versions before the retention show,
 * and the change feed before it. Two commits without changes, as Databricks logs them.
 */
export async function vacuum(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const name = cursor.dottedName();
  let hours = DEFAULT_RETENTION_HOURS;
  if (cursor.take('RETAIN')) {
    hours = cursor.wholeNumber();
    cursor.expect('HOURS');
  }
  if (!cursor.done) throw unsupported('VACUUM with more than RETAIN');
  const { connection, database } = context;
  await database.exclusive(async () => {
    connection.checkAborted();
    const table = findWritableTable(context, name);
    const floor = oldestKept(table, hours, database.clock.now());
    await commitNow(context, table, async () => ({
      operation: 'VACUUM START',
      parameters: { retentionCheckEnabled: 'false', specifiedRetentionMillis: String(hours * 3_600_000n) },
    }));
    await connection.transaction(async () => {
      await connection.run(`delete from ${table.store} where _to <= ${floor}`);
      await connection.run(
        `update meta.tables set snapshot_floor = ${floor}, feed_floor = ${floor + 1n} where store = ${table.storeId}`,
      );
    });
    table.snapshotFloor = floor;
    table.feedFloor = floor + 1n;
    await commitNow(context, table, async () => ({
      operation: 'VACUUM END',
      parameters: { status: 'COMPLETED' },
    }));
  });
  return rowsResult([{ name: 'path', type: 'string' }], []);
}

/** The newest version that is as old as the retention; what only older ones show can go. */
function oldestKept(table: Table, hours: bigint, now: number): bigint {
  if (hours === 0n) return table.latest.version;
  const threshold = now - Number(hours) * 3_600_000;
  const old = table.commits.findLast(({ timestamp }) => timestamp <= threshold);
  const floor = old?.version ?? 0n;
  return floor > table.snapshotFloor ? floor : table.snapshotFloor;
}
