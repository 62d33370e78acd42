import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { SourceTable } from '../../../schema/table-name.ts';
import { EngineError, type EngineResult } from '../engine.ts';
import { DEFAULT_NAMESPACE, resolveTable } from './catalog.ts';
import { storedNames } from './commit.ts';
import { newMetadata, readSourceColumns, reuseStored, writeTable } from './create-table.ts';
import type { Cursor } from './cursor.ts';
import type { Database } from './database.ts';
import { engineError } from './errors.ts';
import { quoteName, quotePath } from './literal.ts';
import { rowsResult } from './result.ts';
import { ensureSchema } from './session-statements.ts';
import type { StatementContext } from './statement-context.ts';
import { writable } from './table.ts';
import { duckTypeOf } from './type-text.ts';

const READERS: Readonly<Record<string, string>> = {
  '.csv': 'read_csv_auto',
  '.parquet': 'read_parquet',
  '.json': 'read_json_auto',
  '.jsonl': 'read_json_auto',
  '.ndjson': 'read_json_auto',
};

/** `LOAD FILE 'path' INTO TABLE t`, from behind LOAD: a statement of our own, for `lakeferry local load`. */
export async function load(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  cursor.expect('FILE');
  const path = cursor.string();
  cursor.expect('INTO');
  cursor.expect('TABLE');
  const name = cursor.dottedName();
  cursor.end();
  const table = resolveTable(name, context.session.namespace);
  const { rows, version } = await loadFile(context.database, path, table);
  const columns = ['rows', 'version'].map((column) => ({ name: column, type: 'bigint' }));
  return rowsResult(columns, [[BigInt(rows), version]]);
}

/** See DuckDbEngine. */
export async function loadFile(
  database: Database,
  path: string,
  target: SourceTable,
): Promise<{ rows: number; version: bigint }> {
  const source = await fileSource(path);
  const name = {
    catalog: target.catalog.toLowerCase(),
    schema: target.schema.toLowerCase(),
    table: target.table.toLowerCase(),
  };
  const connection = await database.connect();
  const context: StatementContext = {
    database,
    connection,
    session: { namespace: DEFAULT_NAMESPACE, statementTimeoutSeconds: 0 },
    nowMicros: BigInt(database.clock.now()) * 1000n,
  };
  try {
    return await database.exclusive(async () => {
      await ensureSchema(context, name);
      const found = database.catalog.findTable(name);
      const existing = found && writable(found);
      const read = await readSourceColumns(context, source).catch((thrown: unknown) => {
        throw unreadable(path, thrown);
      });
      const storedName = storedNames(existing);
      const columns = reuseStored(
        read.map((column) => ({ ...column, stored: storedName() })),
        existing,
      );
      const casts = columns.map((column) => `cast(${quoteName(column.name)} as ${duckTypeOf(column.type)})`);
      const rows = await writeTable(context, {
        name,
        existing,
        metadata: newMetadata(context, columns),
        replace: existing !== undefined,
        rows: `select ${casts.join(', ')} from (${source})`,
      }).catch((thrown: unknown) => {
        throw unreadable(path, thrown);
      });
      return { rows, version: database.catalog.requireTable(name).latest.version };
    });
  } finally {
    connection.close();
  }
}

async function fileSource(path: string): Promise<string> {
  const reader = READERS[extname(path).toLowerCase()];
  if (reader === undefined) {
    throw new EngineError(
      'UNSUPPORTED_FILE_FORMAT',
      '0A000',
      `Only .csv, .parquet and .json files can be loaded, not ${path}.`,
    );
  }
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new EngineError('PATH_NOT_FOUND', '42K03', `There is no file ${path}.`);
  return `select * from ${reader}(${quotePath(path)})`;
}

function unreadable(path: string, thrown: unknown): EngineError {
  const failure = engineError(thrown);
  if (!['INTERNAL_ERROR', 'CAST_INVALID_INPUT', 'INVALID_STATEMENT'].includes(failure.errorClass))
    return failure;
  return new EngineError(
    'FAILED_READ_FILE',
    'KD001',
    `The file ${path} cannot be read as what its name says.`,
    {
      cause: thrown,
    },
  );
}
