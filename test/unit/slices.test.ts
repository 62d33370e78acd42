import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  amountOf,
  completedWith,
  halvesOf,
  missingOf,
  nextOfEachLane,
  nextOfLane,
  type Slice,
  slicesOf,
  wholeOf,
} from '../../src/plan/slices.ts';

const plan = { slices: 5, writers: 2, divisible: true };
const slice = (number: number, of: number): Slice => ({ slice: number, of });

/** Which of the key hashes 0 … 999 belong to the slice. */
const keysOf = ({ slice: number, of }: Slice) =>
  Array.from({ length: 1_000 }, (_, hash) => hash).filter((hash) => hash % of === number);

describe('the halves of a slice', () => {
  it('share its keys among them', () => {
    const [one, other] = halvesOf(plan, slice(3, 10)) ?? expect.fail('no halves');
    expect([...keysOf(one), ...keysOf(other)].toSorted((a, b) => a - b)).toEqual(keysOf(slice(3, 10)));
    expect([wholeOf(plan, one), wholeOf(plan, other)]).toEqual([3, 3]);
  });

  it('are not to be had where all rows belong into one transaction, or the slice was halved often', () => {
    expect(halvesOf({ ...plan, divisible: false }, slice(3, 5))).toBeUndefined();
    expect(halvesOf(plan, slice(3, 5 * 32))).toBeDefined();
    expect(halvesOf(plan, slice(3, 5 * 64))).toBeUndefined();
  });
});

describe('a lane', () => {
  it('takes every slice of its writer, one after the other', () => {
    const lane: Slice[] = [];
    for (let next: Slice | undefined = slice(0, 5); next; next = nextOfLane(plan, next)) lane.push(next);
    expect(lane).toEqual([slice(0, 5), slice(2, 5), slice(4, 5)]);
  });

  it('takes the second half after the first, and goes on where the whole slice would have', () => {
    expect(nextOfLane(plan, slice(1, 10))).toEqual(slice(6, 10));
    expect(nextOfLane(plan, slice(6, 10))).toEqual(slice(3, 5));
    expect(nextOfLane(plan, slice(9, 10))).toBeUndefined();
  });

  it('knows with which part a slice is whole', () => {
    expect(completedWith(plan, slice(4, 5))).toBe(4);
    expect(completedWith(plan, slice(1, 10))).toBeUndefined();
    expect(completedWith(plan, slice(6, 20))).toBeUndefined();
    expect(completedWith(plan, slice(11, 20))).toBeUndefined();
    expect(completedWith(plan, slice(16, 20))).toBe(1);
  });
});

describe('what is missing', () => {
  it('is nothing of what is applied as a whole, or in all of its parts', () => {
    expect(missingOf(slice(1, 5), [slice(1, 5)])).toEqual([]);
    expect(missingOf(slice(1, 5), [slice(1, 10), slice(6, 20), slice(16, 20)])).toEqual([]);
    expect(missingOf(slice(6, 10), [slice(1, 5)])).toEqual([]);
  });

  it('is the rest of a slice in as few parts as can be', () => {
    expect(missingOf(slice(1, 5), [])).toEqual([slice(1, 5)]);
    expect(missingOf(slice(1, 5), [slice(6, 20)])).toEqual([slice(1, 10), slice(16, 20)]);
    expect(amountOf(plan, missingOf(slice(1, 5), [slice(6, 20)]))).toBe(0.75);
  });

  it('is sent again as the next of each lane', () => {
    const missing = [slice(1, 10), slice(2, 5), slice(3, 5), slice(4, 5)];
    expect(nextOfEachLane(plan, missing)).toEqual([slice(1, 10), slice(2, 5)]);
  });
});

describe('a plan that is written in its lanes', () => {
  it('writes every key once, whatever is halved on the way, with no more chunks at once than writers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.boolean()),
        (slices, writers, halved) => {
          const cut = { slices, writers, divisible: true };
          const applied: Slice[] = [];
          const whole = new Set<number>();
          let sent = nextOfEachLane(cut, slicesOf(cut));
          while (sent.length > 0) {
            expect(sent.length).toBeLessThanOrEqual(writers);
            sent = sent.flatMap((one) => {
              const [first] = (halved.next().value ? halvesOf(cut, one) : undefined) ?? [];
              if (first) return [first];
              applied.push(one);
              const completed = completedWith(cut, one);
              if (completed !== undefined) whole.add(completed);
              const next = nextOfLane(cut, one);
              return next ? [next] : [];
            });
          }
          expect(slicesOf(cut).flatMap((one) => missingOf(one, applied))).toEqual([]);
          const share = applied.reduce((sum, { of }) => sum + 1 / of, 0);
          expect(share).toBeCloseTo(1, 9);
          expect(whole.size).toBe(slices);
        },
      ),
    );
  });
});
