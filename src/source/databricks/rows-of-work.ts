import { firstVersion, type Window } from '../../change/window.ts';
import { keyOf, type MappedColumn } from '../../plan/mapping.ts';
import type { Chunk, Plan, Work } from '../../plan/plan.ts';
import type { SourceTable } from '../../schema/table-name.ts';
import { parseDeltaType } from '../../types/delta-type.ts';
import type { RetryKeys } from '../source.ts';
import { plainColumn } from './row-encoding.ts';
import { commaList, quoteTable, quoteText } from './sql.ts';

/** What the rows of a work are read from: a window from the change feed, all else from one version of the table. */
export function rowsOf(table: SourceTable, work: Work): string {
  return work.kind === 'window'
    ? changesOf(table, work)
    : `${quoteTable(table)} version as of ${work.version}`;
}

/** The conditions of a chunk on those rows, as a WHERE clause; empty where it reads all of them. */
export function chunkFilter(chunk: Chunk, keys: RetryKeys): string {
  const { plan } = chunk;
  const conditions = [...sliceCondition(chunk), ...snapshotFilter(plan), ...retryCondition(plan, keys)];
  return conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`;
}

/** A table name inside \`table_changes\` is a string that is parsed as an identifier. */
function changesOf(table: SourceTable, window: Window): string {
  return `table_changes(${quoteText(quoteTable(table))}, ${firstVersion(window)}, ${window.through})`;
}

function sliceCondition({ plan, slice, of }: Chunk): string[] {
  if (of === 1) return [];
  const key = keyOf(plan.mapping).map(plainColumn);
  return [`pmod(xxhash64(${commaList(key)}), ${of}) = ${slice}`];
}

function snapshotFilter({ work, mapping }: Plan): string[] {
  return work.kind !== 'window' && mapping.where !== undefined ? [`(${mapping.where})`] : [];
}

/** The keys are compared as values: their texts may be written in more than one way. */
function retryCondition({ work, mapping }: Plan, keys: RetryKeys): string[] {
  if (work.kind !== 'retry') return [];
  const columns = keyOf(mapping);
  const aliases = columns.map((_, at) => `k${at + 1}`);
  const values = columns.map((column, at) => keyValue(column, aliases[at] ?? ''));
  const rows = keys.map((key) => `(${commaList(key.map(quoteText))})`);
  return [
    `(${commaList(columns.map(plainColumn))}) in (
    select ${commaList(values)} from (values ${rows.join(', ')}) as retried(${commaList(aliases)})
  )`,
  ];
}

/** The value of a key column from its text. */
function keyValue({ sourceType }: MappedColumn, text: string): string {
  const type = parseDeltaType(sourceType);
  switch (type.kind) {
    case 'string':
      return text;
    case 'binary':
      return `unhex(substring(${text}, 3))`;
    default:
      return `cast(${text} as ${sourceType})`;
  }
}
