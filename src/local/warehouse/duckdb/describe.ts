import { displayTable } from '../../../schema/table-name.ts';
import type { EngineColumn, EngineResult } from '../engine.ts';
import { resolveSchema } from './catalog.ts';
import type { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { ESTIMATED_ROW_BYTES } from './insert.ts';
import { rowsResult } from './result.ts';
import { findTable, type StatementContext } from './statement-context.ts';
import { type Commit, changeFeedOn, type Table } from './table.ts';

const ENGINE_INFO = 'Lakeferry-local-warehouse';
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
  const limit = cursor.take('LIMIT') ? Number(cursor.wholeNumber()) : table.commits.length;
  cursor.end();
  const newest = table.commits.slice(Math.max(0, table.commits.length - limit)).reverse();
  return rowsResult(HISTORY_COLUMNS, newest.map(historyRow));
}

function historyRow(commit: Commit): unknown[] {
  const nothing = null;
  return [
    commit.version,
    micros(commit.timestamp),
    'local',
    'local',
    commit.operation,
    JSON.stringify(commit.parameters),
    nothing,
    nothing,
    nothing,
    commit.version === 0n ? null : commit.version - 1n,
    'WriteSerializable',
    commit.blindAppend,
    JSON.stringify(commit.metrics),
    nothing,
    ENGINE_INFO,
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

function detailRow(table: Table): unknown[] {
  const { metadata, rows, timestamp } = table.latest;
  const feature = changeFeedOn(metadata) ? ['changeDataFeed'] : [];
  return [
    'delta',
    metadata.id,
    displayTable(table.name),
    metadata.comment ?? null,
    '',
    micros(metadata.createdAt),
    micros(timestamp),
    '[]',
    '[]',
    rows > 0 ? 1n : 0n,
    BigInt(rows * ESTIMATED_ROW_BYTES),
    JSON.stringify(metadata.properties),
    1,
    7,
    JSON.stringify(['appendOnly', ...feature, 'invariants']),
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
