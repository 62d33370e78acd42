import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectedUnits, type Tie } from '../../src/target/postgres/connected-units.ts';

const tie = fc.record({ waits: fc.nat(8), needs: fc.nat(8) });
const LINES = Array.from({ length: 9 }, (_, line) => line);

/** Every line from which the ties lead to another one, by trying all ways. */
function reachable(ties: readonly Tie[], from: number): Set<number> {
  const found = new Set<number>();
  const next = [from];
  for (let line = next.pop(); line !== undefined; line = next.pop()) {
    for (const { waits, needs } of ties) {
      if (waits !== line || found.has(needs)) continue;
      found.add(needs);
      next.push(needs);
    }
  }
  return found;
}

describe('units of tied lines', () => {
  test('hold each line once, together with those that it waits for and that wait for it', () => {
    fc.assert(
      fc.property(fc.array(tie, { maxLength: 30 }), (ties) => {
        const units = connectedUnits(LINES, ties);
        expect(units.flat().toSorted((a, b) => a - b)).toEqual(LINES);
        for (const a of LINES) {
          for (const b of LINES) {
            const together = units.some((unit) => unit.includes(a) && unit.includes(b));
            expect(together).toBe(a === b || (reachable(ties, a).has(b) && reachable(ties, b).has(a)));
          }
        }
      }),
    );
  });

  test('come after the units that they wait for', () => {
    fc.assert(
      fc.property(fc.array(tie, { maxLength: 30 }), (ties) => {
        const units = connectedUnits(LINES, ties);
        const placeOf = (line: number) => units.findIndex((unit) => unit.includes(line));
        for (const { waits, needs } of ties) expect(placeOf(needs)).toBeLessThanOrEqual(placeOf(waits));
      }),
    );
  });

  test('keep the order of the lines, but for what an earlier one waits for', () => {
    const ties = [
      { waits: 1, needs: 7 },
      { waits: 7, needs: 3 },
      { waits: 5, needs: 4 },
    ];
    expect(connectedUnits(LINES, ties).flat()).toEqual([0, 3, 7, 1, 2, 4, 5, 6, 8]);
  });

  test('may be a chain as long as a chunk', () => {
    const chain = Array.from({ length: 200_000 }, (_, line) => ({ waits: line, needs: line + 1 }));
    const units = connectedUnits(
      chain.map(({ waits }) => waits),
      chain,
    );
    expect(units).toHaveLength(200_001);
    expect(units[0]).toEqual([200_000]);
  });
});
