import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../soak/random.ts';
import { type FaultBench, type FaultTable, openFaultBench } from '../support/fault-bench.ts';
import { startWorker, type Worker } from './worker-orders.ts';

const KILLS = 8;
const WORKERS = 2;
/** More than a planner's lease, and more than what makes a plan stalled. */
const [LEASE_MS, STALL_MS] = [6 * 60_000, 20 * 60_000];
const MAX_MOMENT_MS = 700;

let bench: FaultBench;
let workers: Worker[] = [];

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await bench?.close();
});

it('processes that are killed at any moment, again and again, leave a target that others bring to the source', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  console.log(`killed workers: seed ${seed}`);
  const random = new Random(seed);
  const tables = [await bench.aTable(60), await bench.aTable(200, { maxChunkRows: 20 })];
  const { connections } = bench.stack;
  let aheadMs = 0;
  const start = () => startWorker({ connections, syncs: tables.map(({ config }) => config), aheadMs });
  workers = Array.from({ length: WORKERS }, start);
  for (let kill = 0; kill < KILLS; kill++) {
    const at = kill % WORKERS;
    const worker = workers[at];
    await worker?.said('planned', 1);
    await Promise.all(tables.map((table) => table.change()));
    await wait(random.between(0, MAX_MOMENT_MS));
    await worker?.kill();
    aheadMs += LEASE_MS;
    workers[at] = start();
  }
  await bench.deadLetters.moveAll(() => {}, new AbortController().signal);
  await Promise.all(workers.map((worker) => worker.kill()));
  aheadMs += STALL_MS;
  workers = [start()];
  for (const table of tables)
    await expect.poll(() => isCurrent(table), { timeout: 180_000, interval: 200 }).toBe(true);
  for (const table of tables)
    await expect
      .poll(() => table.expectEqual().then(() => 'equal', String), { timeout: 60_000 })
      .toBe('equal');
}, 600_000);

async function isCurrent({ source, config }: FaultTable): Promise<boolean> {
  const [newest] = await bench.stack.sql(`describe history ${source} limit 1`);
  const [row] = await bench.stack.query('select open, through::text from lakeferry.syncs where sync = $1', [
    config.name,
  ]);
  return row?.open === false && row.through === String(newest?.['version']);
}
