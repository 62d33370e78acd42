import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Newest } from '../../src/deployment/newest.ts';

const times = fc
  .array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 })
  .map((all) => all.toSorted((a, b) => a - b));

describe('the newest of several sources', () => {
  it('are what sorting all of them and cutting would give, in whatever order the sources come', () => {
    fc.assert(
      fc.property(
        times,
        times,
        fc.infiniteStream(fc.boolean()),
        fc.integer({ min: 1, max: 40 }),
        (a, b, turns, limit) => {
          const newest = new Newest<{ readonly at: number }>(limit);
          const [left, right] = [[...a], [...b]];
          while (left.length + right.length > 0) {
            const first = right.length === 0 || (left.length > 0 && turns.next().value === true);
            const at = (first ? left : right).shift() as number;
            newest.add(first ? 'a' : 'b', { at });
            expect(newest.toSorted().length).toBeLessThanOrEqual(limit);
          }
          const all = [...a, ...b].toSorted((x, y) => x - y);
          expect(newest.toSorted().map(({ at }) => at)).toEqual(all.slice(-limit));
          expect(newest.leftOut).toBe(Math.max(0, all.length - limit));
        },
      ),
    );
  });
});
