import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { bisect } from '../../src/target/postgres/bisect.ts';

const FAULT = new SyncError('row_rejected', 'A row was refused.');

/** Tries the units where those of `bad` fail, alone or with others. */
async function tried(units: readonly number[], bad: ReadonlySet<number>) {
  const kept: number[] = [];
  const rejected: number[] = [];
  let attempts = 0;
  await bisect(
    units,
    async (part) => {
      attempts += 1;
      if (part.some((unit) => bad.has(unit))) return FAULT;
      kept.push(...part);
      return undefined;
    },
    (unit) => rejected.push(unit),
  );
  return { kept, rejected, attempts };
}

describe('bisecting', () => {
  test('keeps the good units and rejects the bad ones, each once and in order, in few attempts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 299 }), { maxLength: 8 }),
        async (length, badUnits) => {
          const units = Array.from({ length }, (_, unit) => unit);
          const bad = new Set(badUnits.filter((unit) => unit < length));
          const { kept, rejected, attempts } = await tried(units, bad);
          expect(kept).toEqual(units.filter((unit) => !bad.has(unit)));
          expect(rejected).toEqual(units.filter((unit) => bad.has(unit)));
          const perBad = 2 * Math.ceil(Math.log2(Math.max(2, length))) + 1;
          expect(attempts).toBeLessThanOrEqual(1 + bad.size * perBad);
        },
      ),
    );
  });

  test('tries good units once, all together, and no units not at all', async () => {
    expect((await tried([1, 2, 3], new Set())).attempts).toBe(1);
    expect((await tried([], new Set())).attempts).toBe(0);
  });

  test('does not try what is left of a failure whose first half was kept', async () => {
    // All, the left half, then the two of the right half one by one.
    expect((await tried([1, 2, 3, 4], new Set([4]))).attempts).toBe(4);
  });

  test('keeps no more units once an attempt fails for another reason', async () => {
    const parts: (readonly number[])[] = [];
    const interrupted = bisect(
      [1, 2, 3, 4],
      async (part) => {
        parts.push(part);
        if (part.length < 4) throw new SyncError('target_busy', 'A lock was not granted.');
        return FAULT;
      },
      () => undefined,
    );
    await expect(interrupted).rejects.toMatchObject({ kind: 'target_busy' });
    expect(parts).toHaveLength(2);
  });
});
