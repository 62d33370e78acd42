import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../src/plan/plan.ts';
import { halvesOf, type Slice } from '../../src/plan/slices.ts';
import { arrival, type Fields, pagesOf } from '../support/pages.ts';
import { type Fixture, mappingOf, openFixture, Sync, signal, snapshot, windowFrom } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const newSync = () => new Sync(fixture, mappingOf(['id integer', 'name text']));
const WHOLE: Slice = { slice: 0, of: 1 };
const [FIRST, SECOND] = halvesOf({ slices: 1, divisible: true }, WHOLE) ?? expect.fail('no halves');

function apply(sync: Sync, plan: Plan, part: Slice, lines: readonly Fields[], target = sync.target) {
  return target.apply({ plan, ...part }, pagesOf(lines), async () => undefined, signal);
}

async function loading(): Promise<{ sync: Sync; plan: Plan }> {
  const sync = newSync();
  await sync.ensureTable();
  return { sync, plan: await sync.opened(snapshot(0)) };
}

test('a plan is finished when all parts of its slice are applied, with the counts of all', async () => {
  const { sync, plan } = await loading();
  expect(await apply(sync, plan, FIRST, [['1', 'a']])).toMatchObject({ outcome: 'applied' });
  expect(await sync.target.finish(plan, signal)).toEqual({ outcome: 'incomplete', missing: [SECOND] });
  await apply(sync, plan, SECOND, [
    ['2', 'b'],
    ['3', 'c'],
  ]);
  expect(await sync.target.finish(plan, signal)).toMatchObject({ outcome: 'finished', through: 0n });
  expect(await sync.rows()).toEqual([
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'c'],
  ]);
  expect((await sync.state()).row.rowsUpserted).toBe(3n);
});

test('a slice of which a part is applied is not applied as a whole: what is missing is named', async () => {
  const { sync, plan } = await loading();
  await apply(sync, plan, FIRST, [['1', 'a']]);
  const whole = await apply(sync, plan, WHOLE, [
    ['1', 'a'],
    ['2', 'b'],
  ]);
  expect(whole).toEqual({ outcome: 'divided', missing: [SECOND] });
  expect(await sync.rows()).toEqual([['1', 'a']]);
});

test('a part of a slice that is applied as a whole, or in smaller parts, has nothing to do', async () => {
  const { sync, plan } = await loading();
  await apply(sync, plan, WHOLE, [['1', 'a']]);
  expect(await apply(sync, plan, SECOND, [['1', 'a']])).toEqual({ outcome: 'already_applied' });

  const other = await loading();
  const [one, two] = halvesOf(other.plan, FIRST) ?? expect.fail('no halves');
  await apply(other.sync, other.plan, one, [['1', 'a']]);
  expect(await apply(other.sync, other.plan, FIRST, [])).toEqual({ outcome: 'divided', missing: [two] });
  await apply(other.sync, other.plan, two, [['2', 'b']]);
  expect(await apply(other.sync, other.plan, FIRST, [])).toEqual({ outcome: 'already_applied' });
});

test('a part that finds the whole slice being written waits for its end, and then has nothing to do', async () => {
  const { sync, plan } = await loading();
  const arrived = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const hold = async () => {
    arrived.resolve();
    await go.promise;
  };
  const whole = sync.target.apply({ plan, ...WHOLE }, pagesOf([['1', 'a']]), hold, signal);
  await arrived.promise;
  const part = apply(sync, plan, FIRST, [['1', 'a']]);
  go.resolve();
  expect(await whole).toMatchObject({ outcome: 'applied' });
  expect(await part).toEqual({ outcome: 'already_applied' });
  expect(await sync.rows()).toEqual([['1', 'a']]);
});

test('a message that comes twice while its writer is at work is let go of', async () => {
  const sync = newSync();
  await sync.load([['1', 'a']]);
  const plan = await sync.opened(windowFrom(0));
  const arrived = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const hold = async () => {
    arrived.resolve();
    await go.promise;
  };
  const impatient = fixture.limitedTarget({ lockMs: 20 });
  const first = sync.target.apply({ plan, ...WHOLE }, pagesOf([arrival('1', 'b')]), hold, signal);
  await arrived.promise;
  expect(await apply(sync, plan, WHOLE, [arrival('1', 'b')], impatient)).toEqual({ outcome: 'in_progress' });
  go.resolve();
  expect(await first).toMatchObject({ outcome: 'applied' });
  await impatient.close();
});
