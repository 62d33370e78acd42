import { DBSQLClient } from '@databricks/sql';
import type { DatabricksConnection } from '../config/connections.ts';
import { SyncError } from '../error/sync-error.ts';
import type { SourceTable } from '../schema/table-name.ts';

export interface StatementResult {
  readonly columns: readonly string[];
  /** Values as text or JSON values; NULL is null. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** Runs one statement on the local warehouse. Its error is the warehouse's own text: it is the person's statement. */
export async function runStatement(
  connection: DatabricksConnection,
  statement: string,
  signal: AbortSignal,
): Promise<StatementResult> {
  const client = new DBSQLClient({ logger: { log() {} } });
  client.on('error', () => {});
  const stop = () => void client.close().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { host, port, path, auth, caCert } = connection;
    if (auth.kind !== 'token')
      throw new SyncError('internal', 'The local warehouse is entered with a token.');
    await client.connect({
      host,
      port,
      path,
      token: auth.token,
      telemetryEnabled: false,
      preserveBigNumericPrecision: true,
      ...(caCert === undefined ? {} : { customCaCert: caCert }),
    });
    const session = await client.openSession();
    const operation = await session.executeStatement(statement);
    const rows = (await operation.fetchAll()) as Record<string, unknown>[];
    const schema = await operation.getSchema();
    const columns = schema?.columns.map(({ columnName }) => columnName) ?? [];
    return { columns, rows: rows.map(shownRow) };
  } catch (thrown) {
    const failure = thrown as { message?: string; response?: { displayMessage?: string } };
    const message = failure.response?.displayMessage ?? failure.message ?? 'The statement failed.';
    throw new SyncError('statement_failed', message, {}, { cause: thrown });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Reads a file into a new table of the local warehouse, or over an old one; the warehouse opens the file itself. */
export async function loadFile(
  connection: DatabricksConnection,
  file: string,
  table: SourceTable,
  signal: AbortSignal,
): Promise<{ readonly rows: number; readonly version: string }> {
  const statement = `load file ${quoteText(file)} into table ${quoteTable(table)}`;
  const [loaded] = (await runStatement(connection, statement, signal)).rows;
  return { rows: Number(loaded?.['rows']), version: String(loaded?.['version']) };
}

/** Attaches a directory with a Delta table, read-only; the warehouse reads it in its place. */
export async function attachTable(
  connection: DatabricksConnection,
  directory: string,
  table: SourceTable,
  signal: AbortSignal,
): Promise<{ readonly version: string }> {
  const statement = `attach table ${quoteTable(table)} location ${quoteText(directory)}`;
  const [attached] = (await runStatement(connection, statement, signal)).rows;
  return { version: String(attached?.['version']) };
}

function quoteTable({ catalog, schema, table }: SourceTable): string {
  return [catalog, schema, table].map((part) => `\`${part.replaceAll('`', '``')}\``).join('.');
}

function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function shownRow(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, shown(value)]));
}

function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('.000Z', 'Z');
  if (Buffer.isBuffer(value)) return `X'${value.toString('hex').toUpperCase()}'`;
  return value;
}
