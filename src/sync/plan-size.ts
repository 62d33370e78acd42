import type { Pace } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Plan, Work } from '../plan/plan.ts';
import type { TargetFacts } from '../target/target.ts';

/** Bounds of src/plan: the ledger and the progress item stay small, the group-by cheap. */
const MAX_SLICES = 500;
const MAX_PAGES = 4_096;
/** So that a chunk of many more rows than estimated still comes in pages of bearable size. */
const MIN_PAGES = 16;
/** At some hundred bytes a line, a page of 2,000 lines is about half a megabyte. */
const LINES_PER_PAGE = 2_000;
/** Smaller chunks spare the target nothing more: what each costs besides its rows is more than they do. */
const MIN_CHUNK_ROWS = 1_000;

export type PlanSize = Pick<Plan, 'slices' | 'divisible' | 'writers' | 'pages'>;

/**
 * Whether any two rows of the work may have to be written in one transaction: values that are unique besides the key
 * may move between them, or one refers to the other.
 */
export function isOneSlice(work: Work, table: TargetFacts | undefined): boolean {
  if (table === undefined) return false;
  return table.refersToItself || (work.kind !== 'snapshot' && table.uniqueBesidesKey);
}

/** How a plan of about `estimatedRows` rows is cut, at the pace that the target bears. */
export function planSize(
  estimatedRows: number,
  { maxChunkRows, maxWriters }: Pick<SyncConfig, 'maxChunkRows' | 'maxWriters'>,
  { share }: Pace,
  oneSlice: boolean,
): PlanSize {
  const chunkRows = Math.max(Math.min(MIN_CHUNK_ROWS, maxChunkRows), maxChunkRows * share);
  const slices = oneSlice ? 1 : clamp(Math.ceil(estimatedRows / chunkRows), 1, MAX_SLICES);
  const pages = clamp(Math.ceil(estimatedRows / slices / LINES_PER_PAGE), MIN_PAGES, MAX_PAGES);
  return { slices, divisible: !oneSlice, writers: Math.max(1, Math.floor(maxWriters * share)), pages };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
