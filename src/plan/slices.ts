/**
 * A part of a plan's keys: those whose hash gives `slice` modulo `of`. A plan starts with slices of `plan.slices`;
 * each halving of one doubles `of`, so that `of` is `plan.slices` times a power of two, and `slice % plan.slices`
 * tells which of them it is a part of.
 */
export interface Slice {
  readonly slice: number;
  readonly of: number;
}

/** How a plan is cut; see `Plan`. */
interface Cut {
  readonly slices: number;
  readonly writers: number;
  readonly divisible: boolean;
}

/** A slice of a plan is halved this often at most. */
const MAX_HALVINGS = 6;

/** The slice of the plan that this one is, or is a part of. */
export function wholeOf({ slices }: Pick<Cut, 'slices'>, { slice }: Slice): number {
  return slice % slices;
}

/** Undefined where the slice is as small as one may be, or all rows of the plan must be written in one transaction. */
export function halvesOf(
  { slices, divisible }: Pick<Cut, 'slices' | 'divisible'>,
  { slice, of }: Slice,
): readonly [Slice, Slice] | undefined {
  if (!divisible || of >= slices * 2 ** MAX_HALVINGS) return undefined;
  return [
    { slice, of: 2 * of },
    { slice: slice + of, of: 2 * of },
  ];
}

/** All slices of a plan, none of them halved. */
export function slicesOf({ slices }: Pick<Cut, 'slices'>): readonly Slice[] {
  return Array.from({ length: slices }, (_, slice) => ({ slice, of: slices }));
}

/**
 * What comes after the slice in its lane. Slices are written in lanes, one for each writer: whoever has applied a chunk
 * sends the next of its lane. Of one that was halved, the first half comes first, with all of its parts.
 */
export function nextOfLane(plan: Pick<Cut, 'slices' | 'writers'>, { slice, of }: Slice): Slice | undefined {
  if (of === plan.slices) {
    const next = slice + plan.writers;
    return next < plan.slices ? { slice: next, of } : undefined;
  }
  const half = of / 2;
  if (slice < half) return { slice: slice + half, of };
  return nextOfLane(plan, { slice: slice - half, of: half });
}

/** The slice of the plan that is whole with this one, where its parts came one after the other in their lane. */
export function completedWith(plan: Pick<Cut, 'slices'>, { slice, of }: Slice): number | undefined {
  if (of === plan.slices) return slice;
  const half = of / 2;
  return slice < half ? undefined : completedWith(plan, { slice: slice - half, of: half });
}

/** What of the slice is in none of the applied ones, as the largest parts; in the order of its lane. */
export function missingOf(slice: Slice, applied: readonly Slice[]): readonly Slice[] {
  const inside = applied.filter((part) => contains(slice, part));
  if (inside.length === 0) return applied.some((whole) => contains(whole, slice)) ? [] : [slice];
  if (inside.some(({ of }) => of === slice.of)) return [];
  const [one, other] = [
    { slice: slice.slice, of: 2 * slice.of },
    { slice: slice.slice + slice.of, of: 2 * slice.of },
  ];
  return [...missingOf(one, inside), ...missingOf(other, inside)];
}

/** Number of the lane that the slice is written in, from 0. */
export function laneOf({ slices, writers }: Pick<Cut, 'slices' | 'writers'>, slice: Slice): number {
  return wholeOf({ slices }, slice) % writers;
}

/** The first of what is missing in each lane. `missing` is in the order of slices. */
export function nextOfEachLane(
  { slices, writers }: Pick<Cut, 'slices' | 'writers'>,
  missing: readonly Slice[],
): readonly Slice[] {
  const lanes = new Map<number, Slice>();
  for (const slice of missing) {
    const lane = laneOf({ slices, writers }, slice);
    if (!lanes.has(lane)) lanes.set(lane, slice);
  }
  return [...lanes.values()];
}

/** How much is missing, in slices of the plan. */
export function amountOf({ slices }: Pick<Cut, 'slices'>, missing: readonly Slice[]): number {
  return missing.reduce((sum, { of }) => sum + slices / of, 0);
}

function contains(whole: Slice, part: Slice): boolean {
  return part.of % whole.of === 0 && part.slice % whole.of === whole.slice;
}
