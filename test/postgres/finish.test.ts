import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Fixture,
  failureOf,
  locksAreWaitedFor,
  mappingOf,
  openFixture,
  Sync,
  signal,
  windowFrom,
} from './fixture.ts';

let fixture: Fixture;
let holder: pg.Client;
beforeAll(async () => {
  fixture = await openFixture();
  holder = new pg.Client({ connectionString: fixture.url });
  await holder.connect();
});
afterAll(async () => {
  await holder.end();
  await fixture.drop();
});

/** A sync whose open plan is complete, and somebody who shares the lock on its row. */
async function completeAndHeld() {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
  await sync.load([['1', 'a']]);
  const plan = await sync.opened(windowFrom(0));
  await sync.apply(plan, []);
  await holder.query('begin');
  await holder.query('select from lakeferry.syncs where sync = $1 for share', [sync.name]);
  return { sync, plan };
}

test('a complete plan is not finished while somebody holds its row, and is busy in the end', async () => {
  const { sync, plan } = await completeAndHeld();
  const impatient = fixture.limitedTarget({ lockMs: 20 });
  expect(await failureOf(impatient.finish(plan, signal))).toMatchObject({
    kind: 'target_busy',
    fields: { sqlState: '55P03', planId: plan.id },
  });
  await impatient.close();
  await holder.query('rollback');
  expect(await sync.target.finish(plan, signal)).toMatchObject({ outcome: 'finished', through: 1n });
});

test('a plan that was superseded while the lock was waited for is not finished', async () => {
  const { sync, plan } = await completeAndHeld();
  const finishing = sync.target.finish(plan, signal);
  await locksAreWaitedFor(fixture);
  await holder.query('update lakeferry.syncs set plan_id = gen_random_uuid() where sync = $1', [sync.name]);
  await holder.query('commit');
  expect(await finishing).toEqual({ outcome: 'superseded', through: 0n });
});

test('a slice that the ledger lost while the lock was waited for is missing', async () => {
  const { sync, plan } = await completeAndHeld();
  const finishing = sync.target.finish(plan, signal);
  await locksAreWaitedFor(fixture);
  await holder.query('delete from lakeferry.applied_slices where plan_id = $1', [plan.id]);
  await holder.query('commit');
  expect(await finishing).toEqual({ outcome: 'incomplete', missing: [{ slice: 0, of: 1 }] });
  expect((await sync.state()).row).toMatchObject({ through: 0n, open: true });
});
