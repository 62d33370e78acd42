import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from '../../../src/target/target.ts';
import { type Fixture, mappingOf, openFixture, Sync, signal, snapshot } from '../../postgres/fixture.ts';
import { pagesOf } from '../../support/pages.ts';
import { type Forwarder, startForwarder } from './forwarder.ts';
import { openPooledHosts, type PooledHosts } from './pooled-hosts.ts';

let fixture: Fixture;
let pooler: Forwarder;
let hosts: PooledHosts;

beforeAll(async () => {
  fixture = await openFixture();
  const { hostname, port } = new URL(fixture.url);
  pooler = await startForwarder({ host: hostname, port: Number(port) });
  hosts = await openPooledHosts(fixture, pooler);
});

afterAll(async () => {
  await hosts.close();
  await pooler.close();
  await fixture.drop();
});

test('DDL goes to the direct host, and all else to the pooled one', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
  const { name, table, key, mapping } = sync;
  const owner = hosts.openTarget();
  await owner.migrate(signal);
  await owner.ensureTable({ sync: name, target: table, mapping }, signal);
  await owner.close();
  expect(pooler.made()).toBe(0);

  const plan = await sync.plan(snapshot(0));
  const calls: Record<string, (target: Target) => Promise<unknown>> = {
    readRows: (target) => target.readRows(signal),
    readColumnTypes: (target) => target.readColumnTypes(table, signal),
    readState: (target) => target.readState(name, table, key, signal),
    open: (target) => target.open(plan, signal),
    apply: (target) =>
      target.apply({ plan, slice: 0, of: 1 }, pagesOf([['1', 'one']]), async () => undefined, signal),
    finish: (target) => target.finish(plan, signal),
  };
  for (const [called, call] of Object.entries(calls)) {
    // A target of its own, so that no connection rests that the call could use.
    const target = hosts.openTarget();
    const before = pooler.made();
    await call(target);
    expect(pooler.made(), called).toBeGreaterThan(before);
    await target.close();
  }
  expect(await sync.rows()).toEqual([['1', 'one']]);
});
