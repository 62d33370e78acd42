import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { planExitCode } from '../../src/cli/plan-sentence.ts';
import { statusExitCode } from '../../src/cli/sync-status.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import type { Source } from '../../src/source/source.ts';
import { operateSync } from '../../src/sync/operate-sync.ts';
import { previewPlans } from '../../src/sync/preview-plan.ts';
import { readStatus, type SyncStatus } from '../../src/sync/read-status.ts';
import { overriding } from '../support/control.ts';
import { type Lake, NEVER, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

const HOUR_MS = 3_600_000;

let lake: Lake;
let count = 0;
let source = '';
let config: SyncConfig;

beforeAll(async () => {
  lake = await startLake();
  await lake.sql('create schema main.status');
});
afterAll(() => lake?.close());

beforeEach(async () => {
  const name = `t${count++}`;
  source = `main.status.${name}`;
  config = aSync(source, `public.${name}`, ['id'], { name });
  await lake.sql(`create table ${source} (id int) using delta`);
});

/** What is seen at a time, in milliseconds since the epoch. */
async function statusAt(now: number): Promise<SyncStatus> {
  const services = { ...lake.services, clock: { now: () => now } };
  const [status] = await readStatus(services, [config], NEVER);
  return status as SyncStatus;
}

it('says when a planner last looked, however often a person does', async () => {
  expect(await statusAt(Date.now())).toMatchObject({ state: 'new', latest: 0n });
  expect((await statusAt(Date.now())).lookedAt).toBeUndefined();

  await syncNow(lake, config);
  const lookAt = (now: number) =>
    syncNow({ services: { ...lake.services, clock: { now: () => now } } }, config);
  const first = Date.now() + HOUR_MS;
  expect(await lookAt(first)).toEqual({ outcome: 'idle' });
  expect(await statusAt(first + HOUR_MS)).toMatchObject({ state: 'idle', latest: 0n, lookedAt: first });
  expect(await lookAt(first + 2 * HOUR_MS)).toEqual({ outcome: 'idle' });
  expect(await statusAt(first + 3 * HOUR_MS)).toMatchObject({ lookedAt: first + 2 * HOUR_MS });
});

it('does not wait for a warehouse that starts', async () => {
  await syncNow(lake, config);
  const look: Source['look'] = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')));
    });
  const services = { ...lake.services, source: overriding(lake.services.source, { look }) };
  const [status] = await readStatus(services, [config], NEVER, 50);
  expect(status).toMatchObject({ state: 'idle', through: 0n, lastError: { kind: 'source_unavailable' } });
  expect(status?.lastError?.message).toContain('it may be starting');
  expect(status?.latest).toBeUndefined();
  expect(statusExitCode(status ? [status] : [])).toBe(1);
});

it('knows how many commits are missing, and not since when, where the history cannot be read', async () => {
  await syncNow(lake, config);
  for (const id of [1, 2]) await lake.sql(`insert into ${source} values (${id})`);
  const fault = { kind: 'error', errorClass: 'INTERNAL_ERROR', sqlState: 'XX000', message: 'no' } as const;
  const armed = lake.faults.add({
    on: 'execute',
    match: /^describe history .* limit (?!1$)/,
    times: 9,
    fault,
  });
  const status = await statusAt(Date.now()).finally(() => lake.faults.clear());
  expect(armed.fired).toBeGreaterThan(0);
  expect(status.lag).toEqual({ versions: 2n });
  expect(status).toMatchObject({ state: 'idle', latest: 2n, lastError: { kind: 'source_failed' } });
  expect(status).not.toHaveProperty('overMaxLag');
  expect(statusExitCode([status])).toBe(1);
});

it('tells of a halt behind a pause', async () => {
  await lake.sql(`insert into ${source} values (1)`);
  await syncNow(lake, config);
  const pause = { type: 'pause', by: 'ana', reason: '', now: 1 } as const;
  await operateSync(lake.services, config.name, pause, { dryRun: false }, NEVER);
  expect((await statusAt(1)).paused).toEqual({ by: 'ana', reason: '', at: 1, halted: false });
  await operateSync(lake.services, config.name, { type: 'resume' }, { dryRun: false }, NEVER);

  const other = { ...config, where: 'id > 1' };
  expect(await syncNow(lake, other)).toMatchObject({ outcome: 'halted', cause: { kind: 'mapping_changed' } });
  await operateSync(lake.services, config.name, pause, { dryRun: false }, NEVER);
  const status = await statusAt(1);
  expect(status).toMatchObject({ paused: { halted: true }, lastError: { kind: 'mapping_changed' } });
  const plan = await previewPlans(lake.services, [other], { exact: false }, NEVER);
  expect([statusExitCode([status]), planExitCode(plan)]).toEqual([3, 3]);
});

it('is over maxLag one second after it, not at it, and never before the first load or in a pause', async () => {
  expect(await statusAt(Date.now() + HOUR_MS)).toMatchObject({ through: 'none', overMaxLag: false });
  await syncNow(lake, config);
  expect(await statusAt(Date.now() + HOUR_MS)).toMatchObject({ lag: { versions: 0n }, overMaxLag: false });

  await lake.sql(`insert into ${source} values (1)`);
  const start = Date.now();
  const { lag } = await statusAt(start);
  const statusWhen = (lagSeconds: number) => statusAt(start + (lagSeconds - (lag?.seconds ?? 0)) * 1_000);
  const { maxLagSeconds } = config;
  expect(await statusWhen(maxLagSeconds)).toMatchObject({
    lag: { seconds: maxLagSeconds },
    overMaxLag: false,
  });
  expect(await statusWhen(maxLagSeconds + 1)).toMatchObject({ overMaxLag: true });

  const pause = { type: 'pause', by: 'ana', reason: '', now: start } as const;
  await operateSync(lake.services, config.name, pause, { dryRun: false }, NEVER);
  expect(await statusWhen(maxLagSeconds + 1)).toMatchObject({ state: 'paused', overMaxLag: false });
});
