import type { QueuePump } from '../../src/local/queue-pump.ts';
import type { DriftingClock } from '../support/drifting-clock.ts';
import type { Functions } from './functions.ts';
import type { Operator } from './operator.ts';
import type { SoakSync } from './soak-sync.ts';

interface Scene {
  readonly syncs: readonly SoakSync[];
  readonly functions: Functions;
  readonly operator: Operator;
  readonly pump: QueuePump;
  readonly clock: DriftingClock;
}

const MAX_ROUNDS = 30;
const HOUR_MS = 3_600_000;

/**
 * With no fault left: what is paused is resumed, dead letters go back, leases end, and every sync is run until it has
 * nothing to do. Gives what does not come to rest.
 */
export async function settle({ syncs, functions, operator, pump, clock }: Scene): Promise<string[]> {
  let restless: string[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    clock.jump(HOUR_MS);
    await operator.redriveAll();
    await pump.idle();
    restless = [];
    for (const sync of syncs) {
      await operator.resume(sync);
      const outcome = await functions.tick(sync.config.name, true);
      if (outcome !== 'idle') restless.push(`${sync.config.name}: its planner says ${outcome}`);
    }
    await pump.idle();
    const dead = await operator.countDeadLetters();
    if (dead > 0) restless.push(`${dead} messages lie in the dead-letter queue`);
    if (restless.length === 0) return [];
  }
  return restless;
}
