import type { CommitVersion } from '../../change/commit-version.ts';
import { keyOf, type Mapping } from '../../plan/mapping.ts';
import { displayTable, type SourceTable } from '../../schema/table-name.ts';
import type { FeedFacts, KeySample, WarehouseFacts } from '../survey.ts';
import { count, millisecondsOf } from './cells.ts';
import { textCell, type Warehouse } from './client.ts';
import { parseMap } from './history.ts';
import { describeDetail } from './queries.ts';
import { plainColumn } from './row-encoding.ts';
import { quoteName, quoteTable } from './sql.ts';

const WAREHOUSE = 'select current_timestamp() as now, current_user() as principal';

export async function readWarehouse(warehouse: Warehouse, signal: AbortSignal): Promise<WarehouseFacts> {
  const row = await warehouse.one(WAREHOUSE, 'the warehouse', signal);
  return { now: millisecondsOf(row['now']), principal: textCell(row, 'principal') };
}

export async function readFeed(
  warehouse: Warehouse,
  table: SourceTable,
  signal: AbortSignal,
): Promise<FeedFacts> {
  const detail = await warehouse.one(describeDetail(table), displayTable(table), signal);
  const properties = parseMap(detail['properties']) ?? {};
  const text = (name: string) => {
    const value = properties[name];
    return typeof value === 'string' ? value : undefined;
  };
  const deletedFileRetention = text('delta.deletedFileRetentionDuration');
  const logRetention = text('delta.logRetentionDuration');
  return {
    changeFeed: text('delta.enableChangeDataFeed')?.toLowerCase() === 'true',
    ...(deletedFileRetention === undefined ? {} : { deletedFileRetention }),
    ...(logRetention === undefined ? {} : { logRetention }),
  };
}

export function switchingOn(table: SourceTable): string {
  return `alter table ${quoteTable(table)} set tblproperties (delta.enableChangeDataFeed = true);`;
}

export function keepingFor(table: SourceTable, days: number): string {
  const kept = ['delta.deletedFileRetentionDuration', 'delta.logRetentionDuration'];
  const properties = kept.map((property) => `${property} = 'interval ${days} days'`);
  return `alter table ${quoteTable(table)} set tblproperties (${properties.join(', ')});`;
}

export function grants(table: SourceTable, principal: string): readonly string[] {
  const { catalog, schema } = table;
  const to = quoteName(principal);
  return [
    `grant use catalog on catalog ${quoteName(catalog)} to ${to};`,
    `grant use schema on schema ${quoteName(catalog)}.${quoteName(schema)} to ${to};`,
    `grant select on table ${quoteTable(table)} to ${to};`,
  ];
}

/** Rows of the table at the version, and about how many keys to group. */
interface SampleSize {
  readonly version: CommitVersion;
  readonly rows: number;
  readonly keys: number;
}

export async function sampleKeys(
  warehouse: Warehouse,
  table: SourceTable,
  mapping: Mapping,
  { version, rows, keys }: SampleSize,
  signal: AbortSignal,
): Promise<KeySample> {
  const oneIn = Math.max(1, Math.ceil(rows / keys));
  const statement = keyQuery(table, version, mapping, oneIn);
  const row = await warehouse.one(statement, displayTable(table), signal);
  return {
    tableRows: rows,
    oneIn,
    rows: count(row, 'row_count'),
    repeated: count(row, 'repeated'),
    nullRows: count(row, 'null_rows'),
  };
}

/** A key's hash decides whether it is in the sample: so either all of its rows are, or none. */
function keyQuery(table: SourceTable, version: CommitVersion, mapping: Mapping, oneIn: number): string {
  const key = keyOf(mapping).map((column, at) => ({ alias: `k${at + 1}`, read: plainColumn(column) }));
  const aliases = key.map(({ alias }) => alias);
  const conditions = [
    ...(mapping.where === undefined ? [] : [`(${mapping.where})`]),
    ...(oneIn === 1 ? [] : [`pmod(xxhash64(${key.map(({ read }) => read).join(', ')}), ${oneIn}) = 0`]),
  ];
  const isNull = aliases.map((alias) => `${alias} is null`).join(' or ');
  return `with sampled as (
  select ${key.map(({ alias, read }) => `${read} as ${alias}`).join(', ')}
  from ${quoteTable(table)} version as of ${version}${conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`}
),
grouped as (
  select ${aliases.join(', ')}, count(*) as n
  from sampled
  group by ${aliases.join(', ')}
)
select
  cast(coalesce(sum(n), 0) as string) as row_count,
  cast(coalesce(sum(case when n > 1 and not (${isNull}) then 1 else 0 end), 0) as string) as repeated,
  cast(coalesce(sum(case when ${isNull} then n else 0 end), 0) as string) as null_rows
from grouped`;
}
