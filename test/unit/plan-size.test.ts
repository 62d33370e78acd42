import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Work } from '../../src/plan/plan.ts';
import { isOneSlice, planSize } from '../../src/sync/plan-size.ts';

describe('the size of a plan', () => {
  it('is one slice up to the rows of a chunk, then as many as are needed', () => {
    expect(planSize(0, 1_000, false).slices).toBe(1);
    expect(planSize(1_000, 1_000, false).slices).toBe(1);
    expect(planSize(1_001, 1_000, false).slices).toBe(2);
  });

  it('is one slice where values may move between any two rows', () => {
    expect(planSize(1_000_000, 1_000, true).slices).toBe(1);
  });

  it('stays within the bounds of a plan', () => {
    expect(planSize(1e12, 1_000, false)).toEqual({ slices: 500, pages: 4_096 });
    expect(planSize(3, 1_000, false)).toEqual({ slices: 1, pages: 16 });
  });
});

describe('a plan is one slice', () => {
  const [first, second] = [parseCommitVersion(1), parseCommitVersion(2)];
  const window: Work = { kind: 'window', after: first, through: second };
  const snapshot: Work = { kind: 'snapshot', version: first };
  const table = { oid: 1, empty: true, uniqueBesidesKey: false, refersToItself: false };

  it.each([
    ['a window', window, {}, false],
    ['a snapshot', snapshot, {}, false],
    ['a window into a table with another unique constraint', window, { uniqueBesidesKey: true }, true],
    ['a snapshot into such a table, where no value moves', snapshot, { uniqueBesidesKey: true }, false],
    ['a window into a table that refers to itself', window, { refersToItself: true }, true],
    ['a snapshot into a table that refers to itself', snapshot, { refersToItself: true }, true],
  ])('or not: %s', (_, work, facts, expected) => {
    expect(isOneSlice(work, { ...table, ...facts })).toBe(expected);
    expect(isOneSlice(work, undefined)).toBe(false);
  });
});
