/** Wall time, injected so that tests decide it. Used for leases, ages and backoff, never to order changes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
