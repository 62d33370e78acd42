import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Work } from '../../src/plan/plan.ts';
import { isOneSlice, planSize } from '../../src/sync/plan-size.ts';

const config = { maxChunkRows: 1_000, maxWriters: 4 };
const FULL = { share: 1 };

describe('the size of a plan', () => {
  it('is one slice up to the rows of a chunk, then as many as are needed', () => {
    expect(planSize(0, config, FULL, false).slices).toBe(1);
    expect(planSize(1_000, config, FULL, false).slices).toBe(1);
    expect(planSize(1_001, config, FULL, false).slices).toBe(2);
  });

  it('is one slice where values may move between any two rows', () => {
    expect(planSize(1_000_000, config, FULL, true)).toMatchObject({ slices: 1, divisible: false });
    expect(planSize(1_000, config, FULL, false)).toMatchObject({ slices: 1, divisible: true });
  });

  it('stays within the bounds of a plan', () => {
    expect(planSize(1e12, config, FULL, false)).toMatchObject({ slices: 500, pages: 4_096 });
    expect(planSize(3, config, FULL, false)).toMatchObject({ slices: 1, pages: 16 });
  });
});

describe('the pace of a plan', () => {
  it('is a share of the rows per chunk and of the writers that the configuration allows', () => {
    const generous = { maxChunkRows: 100_000, maxWriters: 8 };
    expect(planSize(200_000, generous, FULL, false)).toMatchObject({ slices: 2, writers: 8 });
    expect(planSize(200_000, generous, { share: 1 / 4 }, false)).toMatchObject({ slices: 8, writers: 2 });
    expect(planSize(200_000, generous, { share: 1 / 64 }, false)).toMatchObject({ slices: 128, writers: 1 });
  });

  it('never makes chunks smaller than is of use', () => {
    expect(planSize(10_000, { maxChunkRows: 4_000, maxWriters: 1 }, { share: 1 / 64 }, false).slices).toBe(
      10,
    );
    expect(planSize(10_000, { maxChunkRows: 500, maxWriters: 1 }, { share: 1 / 64 }, false).slices).toBe(20);
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
