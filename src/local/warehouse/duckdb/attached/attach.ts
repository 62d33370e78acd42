import { isAbsolute, resolve } from 'node:path';
import type { EngineResult } from '../../engine.ts';
import { resolveTable } from '../catalog.ts';
import { attachTableSql } from '../catalog-records.ts';
import { alreadyExists } from '../create-table.ts';
import type { Cursor } from '../cursor.ts';
import { unsupported } from '../errors.ts';
import { rowsResult } from '../result.ts';
import { ensureSchema } from '../session-statements.ts';
import type { StatementContext } from '../statement-context.ts';
import { AttachedTable } from './attached-table.ts';

/**
 * `ATTACH TABLE t LOCATION 'path'`, from behind TABLE: a statement of our own, for `lakeferry local attach`. The
 * path is absolute. A table that is attached under the name is forgotten; any other one stays.
 */
export function attachTable(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const name = resolveTable(cursor.dottedName(), context.session.namespace);
  cursor.expect('LOCATION');
  const path = cursor.string();
  cursor.end();
  if (!isAbsolute(path)) throw unsupported('attaching a table by a relative path');
  const { connection, database } = context;
  return database.exclusive(async () => {
    connection.checkAborted();
    const existing = database.catalog.findTable(name);
    if (existing && !(existing instanceof AttachedTable)) throw alreadyExists(name);
    const table = new AttachedTable(name, resolve(path));
    await table.refresh(connection);
    const { version } = table.latest;
    await ensureSchema(context, name);
    await connection.transaction(() => connection.run(attachTableSql(table)));
    database.catalog.addTable(table);
    return rowsResult([{ name: 'version', type: 'bigint' }], [[version]]);
  });
}

/** Brings what is known of all attached tables up to date, so that a statement sees what others have committed. */
export async function refreshAttached({ connection, database }: StatementContext): Promise<void> {
  for (const table of database.catalog.attached) await table.refresh(connection);
}
