import type { Pace } from '../checkpoint/checkpoint.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import type { PlanSpeed } from '../target/target.ts';

export const FULL_PACE: Pace = { share: 1 };

const MIN_SHARE = 1 / 64;
/** A chunk should be far from the writer's time limit. */
const SLOW_CHUNK_MS = 2 * 60_000;
/** Rows come at less than this part of the usual rate: the target is under load. */
const SLOW_RATE = 1 / 4;
/** Weight of the newest plan in the usual rate. */
const NEWEST_WEIGHT = 0.2;

/** What says that the target, or the way to it, has too much to do. */
const PUSHED_BACK: readonly ErrorKind[] = ['target_busy', 'target_unavailable', 'out_of_time'];

/**
 * The pace after a plan: half of it when the target pushed back or was slow, otherwise twice of it, up to what the
 * configuration allows. `failures` are the kinds that its chunks met.
 */
export function nextPace(
  { share, usualRowsPerSecond: usual }: Pace,
  { slowestMs, rowsPerSecond: rate }: PlanSpeed,
  failures: Iterable<ErrorKind>,
): Pace {
  const pushedBack = [...failures].some((kind) => PUSHED_BACK.includes(kind));
  const slow =
    slowestMs > SLOW_CHUNK_MS || (rate !== undefined && usual !== undefined && rate < usual * SLOW_RATE);
  const usualRowsPerSecond =
    rate === undefined || usual === undefined ? (rate ?? usual) : usual + (rate - usual) * NEWEST_WEIGHT;
  return {
    share: pushedBack || slow ? Math.max(MIN_SHARE, share / 2) : Math.min(1, share * 2),
    ...(usualRowsPerSecond === undefined ? {} : { usualRowsPerSecond: Math.round(usualRowsPerSecond) }),
  };
}
