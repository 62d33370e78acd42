import { displayTable } from '../../../schema/table-name.ts';
import type { EngineColumn, EngineResult } from '../engine.ts';
import { resolveSchema } from './catalog.ts';
import type { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { rowsResult } from './result.ts';
import { findTable, type StatementContext } from './statement-context.ts';
import type { HistoryEntry, ReadableTable } from './table.ts';

const MAP_TYPE = 'map<string,string>';

function columnsOf(names: Readonly<Record<string, string>>): EngineColumn[] {
  return Object.entries(names).map(([name, type]) => ({ name, type }));
}

/** `DESCRIBE [TABLE] t`, `DESCRIBE HISTORY t [LIMIT n]`, `DESCRIBE DETAIL t`, from behind DESCRIBE. */
export function describe(context: StatementContext, cursor: Cursor): EngineResult {
  if (cursor.take('HISTORY')) return describeHistory(context, cursor);
  if (cursor.take('DETAIL')) return describeDetail(context, cursor);
  cursor.take('TABLE');
  if (cursor.at('EXTENDED') || cursor.at('FORMATTED')) throw unsupported('DESCRIBE TABLE EXTENDED');
  const table = findTable(context, cursor.dottedName());
  cursor.end();
  return rowsResult(
    columnsOf({ col_name: 'string', data_type: 'string', comment: 'string' }),
    table.latest.metadata.columns.map(({ name, type, comment }) => [name, type, comment ?? null]),
  );
}

const HISTORY_COLUMNS = columnsOf({
  version: 'bigint',
  timestamp: 'timestamp',
  userId: 'string',
  userName: 'string',
  operation: 'string',
  operationParameters: MAP_TYPE,
  job: 'struct<jobId:string,jobName:string,jobRunId:string,runId:string,jobOwnerId:string,triggerType:string>',
  notebook: 'struct<notebookId:string>',
  clusterId: 'string',
  readVersion: 'bigint',
  isolationLevel: 'string',
  isBlindAppend: 'boolean',
  operationMetrics: MAP_TYPE,
  userMetadata: 'string',
  engineInfo: 'string',
});

function describeHistory(context: StatementContext, cursor: Cursor): EngineResult {
  const table = findTable(context, cursor.dottedName());
  const limit = cursor.take('LIMIT') ? Number(cursor.wholeNumber()) : undefined;
  cursor.end();
  return rowsResult(HISTORY_COLUMNS, table.history(limit).map(historyRow));
}

function historyRow(entry: HistoryEntry): unknown[] {
  const nothing = null;
  return [
    entry.version,
    micros(entry.timestamp),
    entry.userId,
    entry.userName,
    entry.operation,
    JSON.stringify(entry.parameters),
    nothing,
    nothing,
    nothing,
    entry.readVersion,
    entry.isolationLevel,
    entry.blindAppend,
    JSON.stringify(entry.metrics),
    entry.userMetadata,
    entry.engineInfo,
  ];
}

const DETAIL_COLUMNS = columnsOf({
  format: 'string',
  id: 'string',
  name: 'string',
  description: 'string',
  location: 'string',
  createdAt: 'timestamp',
  lastModified: 'timestamp',
  partitionColumns: 'array<string>',
  clusteringColumns: 'array<string>',
  numFiles: 'bigint',
  sizeInBytes: 'bigint',
  properties: MAP_TYPE,
  minReaderVersion: 'int',
  minWriterVersion: 'int',
  tableFeatures: 'array<string>',
});

function describeDetail(context: StatementContext, cursor: Cursor): EngineResult {
  const table = findTable(context, cursor.dottedName());
  cursor.end();
  return rowsResult(DETAIL_COLUMNS, [detailRow(table)]);
}

function detailRow({ name, latest, detail }: ReadableTable): unknown[] {
  const { metadata, timestamp } = latest;
  return [
    'delta',
    metadata.id,
    displayTable(name),
    metadata.comment ?? null,
    detail.location,
    micros(metadata.createdAt),
    micros(timestamp),
    JSON.stringify(detail.partitionColumns),
    '[]',
    BigInt(detail.numFiles),
    BigInt(detail.sizeInBytes),
    JSON.stringify(metadata.properties),
    detail.minReaderVersion,
    detail.minWriterVersion,
    JSON.stringify(detail.features),
  ];
}

function micros(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1000n;
}

/** `SHOW {TABLES [IN schema] | SCHEMAS [IN catalog] | CATALOGS}`, from behind SHOW. */
export function show(context: StatementContext, cursor: Cursor): EngineResult {
  const { catalog } = context.database;
  const { namespace } = context.session;
  if (cursor.take('CATALOGS')) {
    cursor.end();
    return rowsResult(
      columnsOf({ catalog: 'string' }),
      catalog.catalogs.map((name) => [name]),
    );
  }
  if (cursor.take('SCHEMAS') || cursor.take('DATABASES')) {
    const of = cursor.take('IN') || cursor.take('FROM') ? cursor.name().toLowerCase() : namespace.catalog;
    cursor.end();
    return rowsResult(
      columnsOf({ databaseName: 'string' }),
      catalog.schemas(of).map((name) => [name]),
    );
  }
  if (!cursor.take('TABLES')) throw unsupported('this form of SHOW');
  const of =
    cursor.take('IN') || cursor.take('FROM') ? resolveSchema(cursor.dottedName(), namespace) : namespace;
  cursor.end();
  catalog.requireSchema(of);
  return rowsResult(
    columnsOf({ database: 'string', tableName: 'string', isTemporary: 'boolean' }),
    catalog.tables(of).map(({ name }) => [name.schema, name.table, false]),
  );
}
