import { describe, expect, it } from 'vitest';
import { planSize } from '../../src/sync/plan-size.ts';

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
