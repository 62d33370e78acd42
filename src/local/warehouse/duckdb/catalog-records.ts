import * as z from 'zod';
import { AttachedTable } from './attached/attached-table.ts';
import { Catalog } from './catalog.ts';
import type { Connection } from './connection.ts';
import { quoteText } from './literal.ts';
import { type Commit, type ReadableTable, Table } from './table.ts';

/** The catalog as it is kept on disk, in the schema `meta`. A commit's record is JSON. */
export const META_SQL = `
create schema if not exists meta;
create schema if not exists data;
create table if not exists meta.schemas (catalog varchar not null, schema varchar not null);
create table if not exists meta.tables (
  store integer not null, catalog varchar not null, schema varchar not null, name varchar not null,
  snapshot_floor bigint not null, feed_floor bigint not null
);
create table if not exists meta.commits (
  store integer not null, version bigint not null, committed_at timestamptz not null, record varchar not null
);
create table if not exists meta.attached (
  catalog varchar not null, schema varchar not null, name varchar not null, location varchar not null
)`;

const texts = z.record(z.string(), z.string());

const metadata = z.object({
  id: z.string(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      nullable: z.boolean(),
      comment: z.string().exactOptional(),
      defaultSql: z.string().exactOptional(),
      stored: z.string(),
    }),
  ),
  comment: z.string().exactOptional(),
  properties: texts,
  createdAt: z.number(),
});

/** `metadata` is absent where it is that of the version before. */
const record = z.object({
  timestamp: z.number(),
  operation: z.string(),
  parameters: texts,
  metrics: texts,
  blindAppend: z.boolean(),
  rows: z.number(),
  metadata: metadata.exactOptional(),
});

export function insertCommitSql(table: Table, commit: Commit): string {
  const { version, metadata: current, ...rest } = commit;
  const changed = table.commits.at(-1)?.metadata !== current;
  const text = JSON.stringify(changed ? { ...rest, metadata: current } : rest);
  return `insert into meta.commits values
    (${table.storeId}, ${version}, make_timestamptz(${commit.timestamp * 1000}), ${quoteText(text)})`;
}

export function insertTableSql(table: Table): string {
  const { catalog, schema, table: name } = table.name;
  return `insert into meta.tables values
    (${table.storeId}, ${[catalog, schema, name].map(quoteText).join(', ')}, ${table.snapshotFloor}, ${table.feedFloor})`;
}

/** Forgets the table and its rows. */
export function dropTableSql(table: Table): string {
  return `delete from meta.tables where store = ${table.storeId};
    delete from meta.commits where store = ${table.storeId};
    drop table ${table.store}`;
}

/** Remembers where an attached table lies, in place of what was remembered of its name. */
export function attachTableSql(table: AttachedTable): string {
  const { catalog, schema, table: name } = table.name;
  const values = [catalog, schema, name, table.location].map(quoteText).join(', ');
  return `${detachTableSql(table)}; insert into meta.attached values (${values})`;
}

export function detachTableSql({ name: { catalog, schema, table } }: ReadableTable): string {
  return `delete from meta.attached
    where catalog = ${quoteText(catalog)} and schema = ${quoteText(schema)} and name = ${quoteText(table)}`;
}

export async function loadCatalog(
  connection: Connection,
): Promise<{ catalog: Catalog; nextStoreId: number }> {
  const catalog = new Catalog();
  for (const [name, schema] of await rowsOf(connection, 'select catalog, schema from meta.schemas')) {
    catalog.addCatalog(String(name));
    catalog.addSchema({ catalog: String(name), schema: String(schema) });
  }
  const tables = new Map<number, Table>();
  const tableRows = 'select store, catalog, schema, name, snapshot_floor, feed_floor from meta.tables';
  for (const [store, inCatalog, inSchema, name, snapshotFloor, feedFloor] of await rowsOf(
    connection,
    tableRows,
  )) {
    const table = new Table(
      { catalog: String(inCatalog), schema: String(inSchema), table: String(name) },
      Number(store),
    );
    table.snapshotFloor = BigInt(snapshotFloor as bigint);
    table.feedFloor = BigInt(feedFloor as bigint);
    tables.set(table.storeId, table);
    catalog.addTable(table);
  }
  for (const [store, version, text] of await rowsOf(
    connection,
    'select store, version, record from meta.commits order by store, version',
  )) {
    const table = tables.get(Number(store));
    if (table) table.commits.push(readCommit(table, BigInt(version as bigint), String(text)));
  }
  const attachedRows = 'select catalog, schema, name, location from meta.attached';
  for (const [inCatalog, inSchema, name, location] of await rowsOf(connection, attachedRows)) {
    const at = { catalog: String(inCatalog), schema: String(inSchema), table: String(name) };
    catalog.addTable(new AttachedTable(at, String(location)));
  }
  return { catalog, nextStoreId: Math.max(0, ...tables.keys()) + 1 };
}

function readCommit(table: Table, version: bigint, text: string): Commit {
  const { metadata: changed, ...rest } = record.parse(JSON.parse(text));
  const current = changed ?? table.commits.at(-1)?.metadata;
  if (!current) throw new RangeError(`the first commit of store ${table.storeId} has no metadata`);
  return { version, ...rest, metadata: current };
}

async function rowsOf(connection: Connection, sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await connection.run(sql)).getRows();
}
