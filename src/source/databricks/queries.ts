import { ARRIVALS, CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from '../../change/change-type.ts';
import { firstVersion, type Window } from '../../change/window.ts';
import { keyOf, type MappedColumn, type Mapping, nonKeyOf } from '../../plan/mapping.ts';
import type { Chunk, Plan, Work } from '../../plan/plan.ts';
import type { SourceTable } from '../../schema/table-name.ts';
import { isNested, parseDeltaType } from '../../types/delta-type.ts';
import { NEWLINE, NULL_FIELD, TAB } from '../../types/encode.ts';
import type { RetryKeys } from '../source.ts';
import { encodeRow, plainColumn, type RowEncoding } from './row-encoding.ts';
import { quoteName, quoteTable, quoteText } from './sql.ts';

/** The statements that Lakeferry sends to a warehouse. The same plan gives byte-identical text. */

export function describeDetail(table: SourceTable): string {
  return `describe detail ${quoteTable(table)}`;
}

/** Newest first. */
export function describeHistory(table: SourceTable, limit: number): string {
  return `describe history ${quoteTable(table)} limit ${limit}`;
}

export function describeTable(table: SourceTable): string {
  return `describe table ${quoteTable(table)}`;
}

/** Whole types of the columns, as `t0` … `tn`; no row is read for them. */
export function typesOf(table: SourceTable, columns: readonly string[]): string {
  const types = columns.map(
    (name, at) => `typeof((select ${quoteName(name)} from ${quoteTable(table)} limit 1)) as t${at}`,
  );
  return `select ${names(types)}`;
}

/** Number of rows of the whole work, before any filter. */
export function countWork(table: SourceTable, work: Work): string {
  return `select cast(count(*) as string) as total from ${rowsOf(table, work)}`;
}

/** Number of rows that the chunk's query reads: 0 tells an empty chunk from a lost result. */
export function countChunk(chunk: Chunk, keys: RetryKeys): string {
  const { source, work } = chunk.plan;
  const conditions = [
    ...sliceCondition(chunk),
    ...snapshotFilter(chunk.plan),
    ...retryCondition(chunk.plan, keys),
  ];
  return `${countWork(source, work)}${whereClause(conditions)}`;
}

/**
 * One row per page bucket:
 * `page`, `payload` (lines), `line_count`, `rejected` (lines), `reject_count`, `conflicts` (pairs of different
 * rows that arrive under one key in one version), and over all pages `page_total` and `line_total`.
 *
 * The fold is here: per key the highest version wins, and within a version an arrival beats a departure.
 */
export function readPages(chunk: Chunk, keys: RetryKeys): string {
  const { plan } = chunk;
  const encoding = encodeRow(plan.mapping);
  const ranked =
    plan.work.kind === 'window'
      ? foldedWindow(chunk, plan.work, encoding)
      : versionRows(chunk, plan.work, keys, encoding);
  return `with ${ranked},
paged as (
  select
    cast(pmod(xxhash64('page', ${names(encoding.key)}), ${plan.pages}) as string) as page,
    line, rejection, conflict
  from ranked
),
grouped as (
  select
    page,
    array_join(collect_list(line), ${NEWLINE}) as payload,
    count(line) as line_count,
    array_join(collect_list(rejection), ${NEWLINE}) as rejected,
    count(rejection) as reject_count,
    count(conflict) as conflicts
  from paged
  group by page
)
select
  page,
  payload,
  cast(line_count as string) as line_count,
  rejected,
  cast(reject_count as string) as reject_count,
  cast(conflicts as string) as conflicts,
  cast(count(*) over () as string) as page_total,
  cast(sum(line_count) over () as string) as line_total
from grouped`;
}

/** A rejected row's own line: reason and column, version, then the key's values. */
function rejectionLine(encoding: RowEncoding): string {
  return fields(['rejection', 'cast(version as string)', ...encoding.shownKey]);
}

function foldedWindow(chunk: Chunk, window: Window, encoding: RowEncoding): string {
  const { plan } = chunk;
  const { mapping } = plan;
  const arrivals = ARRIVALS.map((type) => `'${type}'`).join(', ');
  const blanks = [...nonKeyOf(mapping), ...encoding.metadataFields].map(() => NULL_FIELD);
  const upsert = fields(["'u'", ...encoding.keyFields, ...encoding.otherFields, ...encoding.metadataFields]);
  const removal = fields(["'d'", ...encoding.keyFields, ...blanks]);
  const key = names(encoding.key);
  return `changes as (
  select
    ${encoding.columns.join(',\n    ')},
    ${COMMIT_VERSION} as version,
    ${COMMIT_TIMESTAMP} as committed,
    ${CHANGE_TYPE} in (${arrivals}) as arrived,
    ${mapping.where === undefined ? 'true' : `coalesce((${mapping.where}), false)`} as kept
  from ${changesOf(plan.source, window)}${whereClause(sliceCondition(chunk))}
),
hashed as (
  select *, ${contentHash(mapping)} as content
  from changes
),
folded as (
  select *,
    row_number() over latest as recency,
    lead(version) over latest as next_version,
    lead(arrived) over latest as next_arrived,
    lead(content) over latest as next_content
  from hashed
  window latest as (partition by ${key} order by version desc, arrived desc)
),
checked as (
  select *,
    case when recency > 1 then 'superseded'
         when arrived and kept then case ${encoding.rowRejections} end
         else case ${encoding.keyRejections} end end as rejection
  from folded
),
ranked as (
  select
    ${key},
    case when rejection is null then case when arrived and kept then ${upsert} else ${removal} end end as line,
    case when recency = 1 and rejection is not null and arrived and kept
         then ${rejectionLine(encoding)} end as rejection,
    case when arrived and next_arrived and version = next_version and content <> next_content
              and ${encoding.key.map((name) => `${name} is not null`).join(' and ')} then 1 end as conflict
  from checked
)`;
}

/** Columns of one call of the hash: engines bound its arguments. */
const HASHED_AT_ONCE = 8;

/**
 * A hash of what is not key, which tells a change row that is given twice from two rows under one key. NULLs leave
 * xxhash64 as it is, so that whether a value is one is hashed too; nested values are hashed as JSON, since a map
 * cannot be hashed.
 */
function contentHash(mapping: Mapping): string {
  const hashed = nonKeyOf(mapping).map(({ sourceType }, index) => {
    const name = `c${mapping.keyColumns + index + 1}`;
    return `${name} is null, ${isNested(parseDeltaType(sourceType)) ? `to_json(${name})` : name}`;
  });
  const calls = Array.from({ length: Math.ceil(hashed.length / HASHED_AT_ONCE) }, (_, call) =>
    names(hashed.slice(call * HASHED_AT_ONCE, (call + 1) * HASHED_AT_ONCE)),
  );
  return calls.reduce((inner, call) => `xxhash64(${inner}, ${call})`, "'content'");
}

/** Rows of one version of the table: all of a snapshot, and of a retry those of its keys. */
function versionRows(
  chunk: Chunk,
  { kind, version }: Exclude<Work, { kind: 'window' }>,
  keys: RetryKeys,
  encoding: RowEncoding,
): string {
  const { plan } = chunk;
  const conditions = [...sliceCondition(chunk), ...snapshotFilter(plan), ...retryCondition(plan, keys)];
  const operation = kind === 'retry' ? ["'u'"] : [];
  const row = fields([
    ...operation,
    ...encoding.keyFields,
    ...encoding.otherFields,
    ...encoding.metadataFields,
  ]);
  const committed = new Date(plan.throughCommittedAt).toISOString().replace('T', ' ').replace('Z', '');
  return `changes as (
  select
    ${encoding.columns.join(',\n    ')},
    cast(${version} as bigint) as version,
    timestamp'${committed}' as committed
  from ${rowsOf(plan.source, plan.work)}${whereClause(conditions)}
),
checked as (
  select *, case ${encoding.rowRejections} end as rejection
  from changes
),
ranked as (
  select
    ${names(encoding.key)},
    case when rejection is null then ${row} end as line,
    case when rejection is not null then ${rejectionLine(encoding)} end as rejection,
    cast(null as int) as conflict
  from checked
)`;
}

/** A table name inside \`table_changes\` is a string that is parsed as an identifier. */
function changesOf(table: SourceTable, window: Window): string {
  return `table_changes(${quoteText(quoteTable(table))}, ${firstVersion(window)}, ${window.through})`;
}

function rowsOf(table: SourceTable, work: Work): string {
  return work.kind === 'window'
    ? changesOf(table, work)
    : `${quoteTable(table)} version as of ${work.version}`;
}

function sliceCondition({ plan, slice, of }: Chunk): string[] {
  if (of === 1) return [];
  const key = keyOf(plan.mapping).map(plainColumn);
  return [`pmod(xxhash64(${names(key)}), ${of}) = ${slice}`];
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
  const rows = keys.map((key) => `(${names(key.map(quoteText))})`);
  return [
    `(${names(columns.map(plainColumn))}) in (
    select ${names(values)} from (values ${rows.join(', ')}) as retried(${names(aliases)})
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

function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `\n  where ${conditions.join(' and ')}`;
}

function fields(expressions: readonly string[]): string {
  return `concat_ws(${TAB}, ${expressions.join(', ')})`;
}

function names(expressions: readonly string[]): string {
  return expressions.join(', ');
}
