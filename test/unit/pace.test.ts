import { describe, expect, it } from 'vitest';
import { FULL_PACE, nextPace } from '../../src/sync/pace.ts';

const CALM = { slowestMs: 900 };

describe('the pace after a plan', () => {
  it.each(['target_busy', 'target_unavailable', 'out_of_time'] as const)(
    'is halved when a chunk met %s',
    (kind) => {
      expect(nextPace(FULL_PACE, CALM, ['source_failed', kind])).toEqual({ share: 1 / 2 });
    },
  );

  it('is not changed by what the target has no part in', () => {
    expect(nextPace(FULL_PACE, CALM, ['source_failed', 'queue_unavailable'])).toEqual({ share: 1 });
  });

  it('is halved when a chunk took minutes', () => {
    expect(nextPace(FULL_PACE, { slowestMs: 120_001 }, [])).toEqual({ share: 1 / 2 });
  });

  it('is halved when rows came much more slowly than usual, and what is usual follows', () => {
    const pace = { share: 1, usualRowsPerSecond: 10_000 };
    expect(nextPace(pace, { ...CALM, rowsPerSecond: 2_000 }, [])).toEqual({
      share: 1 / 2,
      usualRowsPerSecond: 8_400,
    });
    expect(nextPace(pace, { ...CALM, rowsPerSecond: 3_000 }, [])).toMatchObject({ share: 1 });
  });

  it('learns what is usual, and keeps it over plans that are too small to tell', () => {
    const learnt = nextPace(FULL_PACE, { ...CALM, rowsPerSecond: 5_000 }, []);
    expect(learnt).toEqual({ share: 1, usualRowsPerSecond: 5_000 });
    expect(nextPace(learnt, CALM, [])).toEqual(learnt);
  });

  it('recovers by a calm plan after the other, up to what the configuration allows', () => {
    let pace = { share: 1 / 4 };
    const shares = [1, 2, 3].map(() => {
      pace = nextPace(pace, CALM, []);
      return pace.share;
    });
    expect(shares).toEqual([1 / 2, 1, 1]);
  });

  it('never ends at nothing', () => {
    let pace = FULL_PACE;
    for (let turn = 0; turn < 20; turn++) pace = nextPace(pace, CALM, ['target_busy']);
    expect(pace.share).toBe(1 / 64);
  });
});
