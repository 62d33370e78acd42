import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { lagAtLastLook, reportLag } from '../../src/sync/lag.ts';
import { type Lag, noMetrics } from '../../src/telemetry/metrics.ts';
import { aSync } from '../support/syncs.ts';

const NOW = 10_000_000;
const version = (number: number) => parseCommitVersion(String(number));
const look = { latest: version(9), latestCommittedAt: NOW - 600_000, at: NOW - 300_000 };

describe('the lag at the last look', () => {
  it('is the age of the newest commit that was seen and is missing', () => {
    const lag = lagAtLastLook({ state: 'idle', through: version(7), look }, NOW);
    expect(lag).toEqual({ versions: 2, seconds: 600 });
  });

  it('is the age of the look itself when nothing that it saw is missing: nobody has looked since', () => {
    const lag = lagAtLastLook({ state: 'idle', through: version(9), look }, NOW);
    expect(lag).toEqual({ versions: 0, seconds: 300 });
  });

  it('is not known before the first load, nor without a look', () => {
    expect(lagAtLastLook({ state: 'idle', look }, NOW)).toBeUndefined();
    expect(lagAtLastLook({ state: 'idle', through: version(9) }, NOW)).toBeUndefined();
  });

  it('is over the limit one second after it, not at it', () => {
    const told: Lag[] = [];
    const metrics = { ...noMetrics, lag: (_: string, lag: Lag) => void told.push(lag) };
    const sync = aSync('a.b.c', 'd.e', ['id'], { maxLagSeconds: 60 });
    for (const seconds of [60, 61]) reportLag({ metrics }, sync, { versions: 1, seconds });
    expect(told.map(({ overMaxLag }) => overMaxLag)).toEqual([false, true]);
  });
});
