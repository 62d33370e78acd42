import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../soak/random.ts';
import { type FaultBench, openFaultBench } from '../support/fault-bench.ts';

const KILLS = 4;
const MAX_MOMENT_MS = 250;

let bench: FaultBench;

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(() => bench?.close());

it('a Postgres that is killed in mid-plan, again and again, recovers to a target that the plan goes on with', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  console.log(`killed Postgres: seed ${seed}`);
  const random = new Random(seed);
  const table = await bench.aTable(400, { maxChunkRows: 20 });
  let killed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    if (kill > 0) await table.change();
    // A plan is in flight whenever the server dies.
    const ticked = await table.plan().catch(() => undefined);
    const written = table.write();
    await wait(random.between(0, MAX_MOMENT_MS));
    await bench.stack.postgres.crash();
    if (ticked?.outcome === 'sent') killed += 1;
    await written;
    await table.recover();
    await table.settle();
    await table.expectEqual();
  }
  expect(killed).toBe(KILLS);
}, 180_000);
