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

/** What departures do to the target, if anything. */
export function removeDepartures(
  table: TargetTable,
  mapping: Mapping,
  equals: readonly string[],
  lines: string = STAGE,
): string | undefined {
  switch (mapping.deletes.mode) {
    case 'hard':
      return deleteDepartures(table, mapping, equals, lines);
    case 'soft':
      return markDepartures(table, mapping, mapping.deletes.column, equals, lines);
    case 'ignore':
      return undefined;
    default:
      return mapping.deletes satisfies never;
  }
}

/** `lines`, here and below: the stage, or a part of it as a subquery with at least its columns. */
function deleteDepartures(
  table: TargetTable,
  mapping: Mapping,
  equals: readonly string[],
  lines: string = STAGE,
): string {
  return `
delete from ${quoteTable(table)} t
using ${lines} s
where s.${quoteIdentifier(operationColumn(mapping))} = 'd' and ${sameKey(mapping, equals)}`;
}

/** Leaves the rest of the row as it was; a row that already is marked keeps its first mark. */
export function markDepartures(
  table: TargetTable,
  mapping: Mapping,
  softColumn: string,
  equals: readonly string[],
  lines: string = STAGE,
): string {
  const mark = quoteIdentifier(softColumn);
  const assignments = [softColumn, mapping.metadata.syncedAt]
    .filter((name) => name !== undefined)
    .map((name) => `${quoteIdentifier(name)} = now()`);
  return `
update ${quoteTable(table)} t
set ${assignments.join(', ')}
from ${lines} s
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
  lines: string = STAGE,
): string {
  const key = keyOf(mapping).map(({ target }) => target);
  const data = nonKeyOf(mapping).map(({ target }) => target);
  const { commitVersion, commitTimestamp, syncedAt } = mapping.metadata;
  const softColumn = mapping.deletes.mode === 'soft' ? mapping.deletes.column : undefined;
  const fromLine = [...data, commitVersion, commitTimestamp].filter((name) => name !== undefined);

  const updates = fromLine.map((name) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`);
  if (syncedAt !== undefined) updates.push(`${quoteIdentifier(syncedAt)} = now()`);
  if (softColumn !== undefined) updates.push(`${quoteIdentifier(softColumn)} = null`);

  const differs: string[] = [];
  if (data.length > 0) {
    differs.push(`row(${columnList(data, 't')})::record *<> row(${columnList(data, 's')})::record`);
  }
  if (softColumn !== undefined) differs.push(`t.${quoteIdentifier(softColumn)} is not null`);

  const { into, values } = insertion(mapping);
  return `
merge into ${quoteTable(table)} t
using (
  select * from ${lines}${lines === STAGE ? '' : ' l'}
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
  insert (${into}) values (${values})`;
}

/** Arrivals of which the target has none yet. */
export function insertArrivals(table: TargetTable, mapping: Mapping, lines: string = STAGE): string {
  const { into, values } = insertion(mapping);
  return `
insert into ${quoteTable(table)} (${into})
select ${values}
from ${lines} s`;
}

function insertion(mapping: Mapping): { readonly into: string; readonly values: string } {
  const { syncedAt } = mapping.metadata;
  const delivered = deliveredColumns(mapping);
  if (syncedAt === undefined) return { into: columnList(delivered), values: columnList(delivered, 's') };
  return {
    into: columnList([...delivered, syncedAt]),
    values: `${columnList(delivered, 's')}, now()`,
  };
}

/** A condition that row `row` of the target has the key of line `line`. */
export function sameKey(mapping: Mapping, equals: readonly string[], row = 't', line = 's'): string {
  return keyOf(mapping)
    .map(
      ({ target }, at) =>
        `${row}.${quoteIdentifier(target)} ${equals[at]} ${line}.${quoteIdentifier(target)}`,
    )
    .join(' and ');
}
