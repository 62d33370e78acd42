import { keyOf, type Mapping, nonKeyOf } from '../../plan/mapping.ts';
import type { TargetTable } from '../../schema/table-name.ts';
import { deliveredColumns, operationColumn } from './columns.ts';
import { columnList, quoteIdentifier, quoteTable } from './sql.ts';

/** Where a window's lines land first: gone with the transaction, unlogged, of this session alone. */
export const STAGE = 'pg_temp.lakeferry_stage';

/** Has the target's own column types, so that a value is judged once, by COPY, and no NOT NULL: a departure has its key only. */
export function createStage(table: TargetTable, mapping: Mapping): string {
  return `
create temporary table ${STAGE} on commit drop as
select null::"char" as ${quoteIdentifier(operationColumn(mapping))}, ${columnList(deliveredColumns(mapping), 't')}
from ${quoteTable(table)} t
with no data`;
}

export function copyIntoStage(mapping: Mapping): string {
  return `copy ${STAGE} (${columnList([operationColumn(mapping), ...deliveredColumns(mapping)])}) from stdin`;
}

/** The lines of a snapshot end with the time of the apply where the mapping has a column for it. */
export function copyIntoTarget(table: TargetTable, mapping: Mapping): string {
  const { syncedAt } = mapping.metadata;
  const columns = [...deliveredColumns(mapping), ...(syncedAt === undefined ? [] : [syncedAt])];
  return `copy ${quoteTable(table)} (${columnList(columns)}) from stdin`;
}

export function deleteDepartures(table: TargetTable, mapping: Mapping, equals: readonly string[]): string {
  return `
delete from ${quoteTable(table)} t
using ${STAGE} s
where s.${quoteIdentifier(operationColumn(mapping))} = 'd' and ${sameKey(mapping, equals)}`;
}

/** Leaves the rest of the row as it was; a row that already is marked keeps its first mark. */
export function markDepartures(
  table: TargetTable,
  mapping: Mapping,
  softColumn: string,
  equals: readonly string[],
): string {
  const mark = quoteIdentifier(softColumn);
  const assignments = [softColumn, mapping.metadata.syncedAt]
    .filter((name) => name !== undefined)
    .map((name) => `${quoteIdentifier(name)} = now()`);
  return `
update ${quoteTable(table)} t
set ${assignments.join(', ')}
from ${STAGE} s
where s.${quoteIdentifier(operationColumn(mapping))} = 'd' and ${sameKey(mapping, equals)} and t.${mark} is null`;
}

/**
 * Inserts arrivals and updates those whose mapped columns differ. In key order, so that writers of few rows each
 * wait for each other and not in a circle; `any` for a stage that is large against the target, where the rows come
 * in the order of the target's scan whatever the stage's is. The metadata columns alone never
 * make a row different. A row that was marked as deleted lives again.
 *
 * `*<>` compares the stored images: with `is distinct from`, 0.0 and -0.0, 1.0 and 1.00, or two spellings of a
 * text under a collation that holds them equal would never be replaced by each other.
 */
export function mergeArrivals(
  table: TargetTable,
  mapping: Mapping,
  equals: readonly string[],
  order: 'key' | 'any',
): string {
  const key = keyOf(mapping).map(({ target }) => target);
  const data = nonKeyOf(mapping).map(({ target }) => target);
  const { commitVersion, commitTimestamp, syncedAt } = mapping.metadata;
  const softColumn = mapping.deletes.mode === 'soft' ? mapping.deletes.column : undefined;
  const fromLine = [...data, commitVersion, commitTimestamp].filter((name) => name !== undefined);
  const delivered = deliveredColumns(mapping);

  const updates = fromLine.map((name) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`);
  if (syncedAt !== undefined) updates.push(`${quoteIdentifier(syncedAt)} = now()`);
  if (softColumn !== undefined) updates.push(`${quoteIdentifier(softColumn)} = null`);

  const differs: string[] = [];
  if (data.length > 0) {
    differs.push(`row(${columnList(data, 't')})::record *<> row(${columnList(data, 's')})::record`);
  }
  if (softColumn !== undefined) differs.push(`t.${quoteIdentifier(softColumn)} is not null`);

  const inserted = [...delivered, ...(syncedAt === undefined ? [] : [syncedAt])];
  const values = [columnList(delivered, 's'), ...(syncedAt === undefined ? [] : ['now()'])];

  return `
merge into ${quoteTable(table)} t
using (
  select * from ${STAGE}
  where ${quoteIdentifier(operationColumn(mapping))} = 'u'${order === 'key' ? `\n  order by ${columnList(key)}` : ''}
) s
on ${sameKey(mapping, equals)}${
    differs.length === 0
      ? ''
      : `
when matched and (${differs.join(' or ')}) then
  update set ${updates.join(', ')}`
  }
when not matched then
  insert (${columnList(inserted)}) values (${values.join(', ')})`;
}

function sameKey(mapping: Mapping, equals: readonly string[]): string {
  return keyOf(mapping)
    .map(({ target }, at) => `t.${quoteIdentifier(target)} ${equals[at]} s.${quoteIdentifier(target)}`)
    .join(' and ');
}
