import { afterAll, beforeAll, expect, test } from 'vitest';
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
  const target = hosts.openTarget();
  const sync = new Sync({ ...fixture, target }, mappingOf(['id integer', 'name text']));
  await target.migrate(signal);
  await sync.ensureTable();
  expect(pooler.made()).toBe(0);

  // One connection for each call: none that rests is there to be used again.
  const calls = {
    readRows: () => target.readRows(signal),
    readColumnTypes: () => target.readColumnTypes(sync.table, signal),
    readState: () => sync.state(),
    open: async () => {
      plan = await sync.opened(snapshot(0));
    },
    apply: () => sync.applyPages(plan, pagesOf([['1', 'one']])),
    finish: () => target.finish(plan, signal),
  };
  let plan = await sync.plan(snapshot(0));
  for (const [name, call] of Object.entries(calls)) {
    pooler.cut();
    const before = pooler.made();
    await call();
    expect(pooler.made(), name).toBeGreaterThan(before);
  }
  expect(await sync.rows()).toEqual([['1', 'one']]);
  await target.close();
});
