import type { Clock } from '../../src/telemetry/clock.ts';

/**
 * A clock that is ahead of the real one, by jumps: leases run out and plans stall within seconds. Each sandbox has
 * one, a little wrong in its own way.
 */
export class DriftingClock {
  #aheadMs = 0;

  jump(ms: number): void {
    this.#aheadMs += ms;
  }

  skewed(skewMs: number): Clock {
    return { now: () => Date.now() + this.#aheadMs + skewMs };
  }
}
