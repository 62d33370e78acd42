import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Counts } from './counts.ts';
import { runSoak } from './run-soak.ts';

const SEED = 4_711;
const SOAK_MS = 20_000;
/** A busy machine gets less done in that time; it has so much longer. */
const PATIENCE_MS = 300_000;

const isEventful = (counts: Counts) =>
  counts.finished > 0 && counts.totalFaults > 10 && counts.faultsByPart().has('neon');

it('a soak of 20 seconds ends equal, with plans made, chunks applied and faults survived', async () => {
  console.log(`soak: seed ${SEED}`);
  const stop = new AbortController();
  const { counts, problems, rows } = await runSoak({
    seed: SEED,
    syncs: 6,
    signal: stop.signal,
    onStart: async (counts) => {
      await wait(SOAK_MS);
      for (let waited = 0; waited < PATIENCE_MS && !isEventful(counts); waited += 500) await wait(500);
      stop.abort();
    },
  });
  expect(problems).toEqual([]);
  expect(rows).toBeGreaterThan(500);
  expect(counts.commits).toBeGreaterThan(0);
  expect(counts.plans).toBeGreaterThan(0);
  expect(counts.applied).toBeGreaterThan(0);
  expect(counts.finished).toBeGreaterThan(0);
  expect(counts.faultsByPart().get('neon')).toBeGreaterThan(0);
  expect(counts.totalFaults).toBeGreaterThan(10);
}, 600_000);
