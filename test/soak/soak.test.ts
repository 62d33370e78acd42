import { expect, it } from 'vitest';
import { runSoak } from './run-soak.ts';

const SEED = 4_711;
const SOAK_MS = 20_000;

it('a soak of 20 seconds ends equal, with plans made, chunks applied and faults survived', async () => {
  console.log(`soak: seed ${SEED}`);
  const stop = new AbortController();
  const { counts, problems, rows } = await runSoak({
    seed: SEED,
    syncs: 6,
    signal: stop.signal,
    onStart: () => setTimeout(() => stop.abort(), SOAK_MS),
  });
  expect(problems).toEqual([]);
  expect(rows).toBeGreaterThan(500);
  expect(counts.commits).toBeGreaterThan(0);
  expect(counts.plans).toBeGreaterThan(0);
  expect(counts.applied).toBeGreaterThan(0);
  expect(counts.finished).toBeGreaterThan(0);
  expect(counts.faultsByPart().get('neon')).toBeGreaterThan(0);
  expect(counts.totalFaults).toBeGreaterThan(10);
}, 180_000);
