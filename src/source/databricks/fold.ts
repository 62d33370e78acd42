import { ARRIVALS, CHANGE_TYPE, COMMIT_TIMESTAMP, COMMIT_VERSION } from '../../change/change-type.ts';
import type { Window } from '../../change/window.ts';
import { type Mapping, nonKeyOf } from '../../plan/mapping.ts';
import type { Chunk, Work } from '../../plan/plan.ts';
import { isNested, parseDeltaType } from '../../types/delta-type.ts';
import type { RetryKeys } from '../source.ts';
import type { RowEncoding } from './row-encoding.ts';
import { chunkFilter, rowsOf } from './rows-of-work.ts';
import { commaList } from './sql.ts';

/**
 * Common table expressions, of which `checked` has the rows of the chunk: `c1` … `cn`, `version`, `committed`, and
 * `rejection`, which says why a row cannot be written, or is NULL.
 *
 * Of a window, it has all change rows: `arrived` tells arrivals from departures, `kept` what the filter lets in, and
 * `recency` is 1 for the one per key that counts: the highest version wins, and within a version an arrival beats a
 * departure. The others are rejected as superseded.
 */
export function checkedRows(chunk: Chunk, keys: RetryKeys, encoding: RowEncoding): string {
  const { work } = chunk.plan;
  return work.kind === 'window'
    ? foldedWindow(chunk, work, encoding)
    : versionRows(chunk, work, keys, encoding);
}

/** Whether a row of a window's `checked` and the next one of its key are different rows that arrived in one version. */
export function isConflict({ key }: RowEncoding): string {
  return `arrived and next_arrived and version = next_version and content <> next_content
              and ${key.map((name) => `${name} is not null`).join(' and ')}`;
}

function foldedWindow(chunk: Chunk, window: Window, encoding: RowEncoding): string {
  const { mapping } = chunk.plan;
  const arrivals = ARRIVALS.map((type) => `'${type}'`).join(', ');
  return `changes as (
  select
    ${encoding.columns.join(',\n    ')},
    ${COMMIT_VERSION} as version,
    ${COMMIT_TIMESTAMP} as committed,
    ${CHANGE_TYPE} in (${arrivals}) as arrived,
    ${mapping.where === undefined ? 'true' : `coalesce((${mapping.where}), false)`} as kept
  from ${rowsOf(chunk.plan.source, { kind: 'window', ...window })}${chunkFilter(chunk, [])}
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
  window latest as (partition by ${commaList(encoding.key)} order by version desc, arrived desc)
),
checked as (
  select *,
    case when recency > 1 then 'superseded'
         when arrived and kept then case ${encoding.rowRejections} end
         else case ${encoding.keyRejections} end end as rejection
  from folded
)`;
}

/** Rows of one version of the table: all of a snapshot, and of a retry those of its keys. */
function versionRows(
  chunk: Chunk,
  work: Exclude<Work, { kind: 'window' }>,
  keys: RetryKeys,
  encoding: RowEncoding,
): string {
  const { plan } = chunk;
  const committed = new Date(plan.throughCommittedAt).toISOString().replace('T', ' ').replace('Z', '');
  return `changes as (
  select
    ${encoding.columns.join(',\n    ')},
    cast(${work.version} as bigint) as version,
    timestamp'${committed}' as committed
  from ${rowsOf(plan.source, work)}${chunkFilter(chunk, keys)}
),
checked as (
  select *, case ${encoding.rowRejections} end as rejection
  from changes
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
    commaList(hashed.slice(call * HASHED_AT_ONCE, (call + 1) * HASHED_AT_ONCE)),
  );
  return calls.reduce((inner, call) => `xxhash64(${inner}, ${call})`, "'content'");
}
