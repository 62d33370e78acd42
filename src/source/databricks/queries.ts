import { COMMIT_VERSION } from '../../change/change-type.ts';
import { firstVersion } from '../../change/window.ts';
import { nonKeyOf } from '../../plan/mapping.ts';
import type { Chunk, Plan, Work } from '../../plan/plan.ts';
import type { SourceTable } from '../../schema/table-name.ts';
import { NEWLINE, NULL_FIELD, TAB } from '../../types/encode.ts';
import type { RetryKeys } from '../source.ts';
import { checkedRows, isConflict } from './fold.ts';
import { encodeRow, type RowEncoding } from './row-encoding.ts';
import { chunkFilter, rowsOf } from './rows-of-work.ts';
import { commaList, quoteName, quoteTable } from './sql.ts';

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
  return `select ${commaList(types)}`;
}

/** Number of rows of the whole work, before any filter. */
export function countWork(table: SourceTable, work: Work): string {
  return `select cast(count(*) as string) as total from ${rowsOf(table, work)}`;
}

/** At most one row of the plan; of a window, one of its first commit: the oldest changes are the first to expire. */
export function probeRows({ source, work, mapping }: Plan): string {
  const kept = mapping.where === undefined ? 'true' : `coalesce((${mapping.where}), false)`;
  const first = work.kind === 'window' ? ` where ${COMMIT_VERSION} = ${firstVersion(work)}` : '';
  return `select ${kept} as kept from ${rowsOf(source, work)}${first} limit 1`;
}

/** Number of rows that the chunk's query reads: 0 tells an empty chunk from a lost result. */
export function countChunk(chunk: Chunk, keys: RetryKeys): string {
  const { source, work } = chunk.plan;
  return `${countWork(source, work)}${chunkFilter(chunk, keys)}`;
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
  const ranked = plan.work.kind === 'window' ? rankedWindow : rankedVersion;
  return `with ${checkedRows(chunk, keys, encoding)},
${ranked(plan, encoding)},
paged as (
  select
    cast(pmod(xxhash64('page', ${commaList(encoding.key)}), ${plan.pages}) as string) as page,
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

/**
 * One row of what the plan, a window or a snapshot, comes to: `upserts`, `deletes` of rows that were there before the
 * window, `rejected` and `conflicts`; see `NetChanges`.
 */
export function countNetChanges(plan: Plan): string {
  const encoding = encodeRow(plan.mapping);
  const rows = checkedRows({ plan, slice: 0, of: 1 }, [], encoding);
  if (plan.work.kind !== 'window') {
    return `with ${rows}
select
  ${countWhere('rejection is null')} as upserts,
  '0' as deletes,
  ${countWhere('rejection is not null')} as rejected,
  '0' as conflicts
from checked`;
  }
  return `with ${rows},
traced as (
  select *,
    first_value(not arrived and kept)
      over (partition by ${commaList(encoding.key)} order by version, arrived) as was_there
  from checked
)
select
  ${countWhere('rejection is null and arrived and kept')} as upserts,
  ${countWhere('rejection is null and not (arrived and kept) and was_there')} as deletes,
  ${countWhere('recency = 1 and rejection is not null and arrived and kept')} as rejected,
  ${countWhere(isConflict(encoding))} as conflicts
from traced`;
}

function countWhere(condition: string): string {
  return `cast(count(case when ${condition} then 1 end) as string)`;
}

/** A rejected row's own line: reason and column, version, then the key's values. */
function rejectionLine(encoding: RowEncoding): string {
  return fields(['rejection', 'cast(version as string)', ...encoding.shownKey]);
}

function rankedWindow({ mapping }: Plan, encoding: RowEncoding): string {
  const blanks = [...nonKeyOf(mapping), ...encoding.metadataFields].map(() => NULL_FIELD);
  const upsert = fields(["'u'", ...encoding.keyFields, ...encoding.otherFields, ...encoding.metadataFields]);
  const removal = fields(["'d'", ...encoding.keyFields, ...blanks]);
  return `ranked as (
  select
    ${commaList(encoding.key)},
    case when rejection is null then case when arrived and kept then ${upsert} else ${removal} end end as line,
    case when recency = 1 and rejection is not null and arrived and kept
         then ${rejectionLine(encoding)} end as rejection,
    case when ${isConflict(encoding)} then 1 end as conflict
  from checked
)`;
}

function rankedVersion({ work }: Plan, encoding: RowEncoding): string {
  const operation = work.kind === 'retry' ? ["'u'"] : [];
  const row = fields([
    ...operation,
    ...encoding.keyFields,
    ...encoding.otherFields,
    ...encoding.metadataFields,
  ]);
  return `ranked as (
  select
    ${commaList(encoding.key)},
    case when rejection is null then ${row} end as line,
    case when rejection is not null then ${rejectionLine(encoding)} end as rejection,
    cast(null as int) as conflict
  from checked
)`;
}

function fields(expressions: readonly string[]): string {
  return `concat_ws(${TAB}, ${expressions.join(', ')})`;
}
