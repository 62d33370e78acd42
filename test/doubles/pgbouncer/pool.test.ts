import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Fixture,
  failureOf,
  mappingOf,
  openFixture,
  Sync,
  signal,
  snapshot,
  windowFrom,
} from '../../postgres/fixture.ts';
import { pagesOf } from '../../support/pages.ts';
import { readDoubleSettings } from '../settings.ts';
import { type Forwarder, startForwarder } from './forwarder.ts';
import { type PgBouncer, startPgBouncer } from './pgbouncer.ts';
import { openPooledHosts, type PooledHosts } from './pooled-hosts.ts';

/** One server connection for all clients: whatever a transaction leaves in it, the next one gets. */
describe.runIf(readDoubleSettings().pooler)('behind PgBouncer with one server connection', () => {
  let fixture: Fixture;
  /** Between PgBouncer and the server. */
  let line: Forwarder;
  let pooler: PgBouncer;
  let hosts: PooledHosts;

  beforeAll(async () => {
    fixture = await openFixture();
    const { hostname, port, username, password } = new URL(fixture.url);
    line = await startForwarder({ host: hostname, port: Number(port) });
    pooler = await startPgBouncer({
      postgres: { host: line.host, port: line.port, user: username, password },
      poolSize: 1,
    });
    hosts = await openPooledHosts(fixture, pooler);
  });

  afterAll(async () => {
    await hosts.close();
    await pooler.close();
    await line.close();
    await fixture.drop();
  });

  test('writers take turns, and each slice is applied once', async () => {
    const targets = Array.from({ length: 4 }, () => hosts.openTarget());
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([['1', 'old']]);
    const plan = await sync.opened(windowFrom(0), { slices: 4 });
    const outcomes = await Promise.all(
      [0, 1, 2, 3, 3, 2].map((slice, at) =>
        (targets[at % 4] ?? fixture.target).apply(
          { plan, slice, of: plan.slices },
          pagesOf([['u', String(slice), `slice ${slice}`]]),
          async () => undefined,
          signal,
        ),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual([
      'already_applied',
      'already_applied',
      ...Array.from({ length: 4 }, () => 'applied'),
    ]);
    const last = targets[0] ?? fixture.target;
    expect(await last.finish(plan, signal)).toMatchObject({ outcome: 'finished' });
    expect(await sync.rows()).toEqual([0, 1, 2, 3].map((slice) => [String(slice), `slice ${slice}`]));
    await Promise.all(targets.map((target) => target.close()));
  });

  test('a transaction leaves nothing in the connection that the next client gets', async () => {
    const target = hosts.openTarget();
    const sync = new Sync({ ...fixture, target }, mappingOf(['id integer', 'name text']));
    await sync.load([['1', 'old']]);
    await sync.advance(0, [['u', '1', 'new']]);
    await target.close();
    const client = new pg.Client({ connectionString: hosts.pooledUrl });
    await client.connect();
    // PgBouncer itself sets these for each client.
    const { rows } = await client.query(
      `
select 'setting' as kind, name from pg_settings
where source = 'session'
and name not in ('client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings', 'application_name')
union all
select 'temporary table', relname from pg_class where relpersistence = 't' and relkind = 'r'
union all
select 'lock', locktype from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'
union all
select 'prepared statement', name from pg_prepared_statements`,
    );
    await client.end();
    expect(rows).toEqual([]);
  });

  test('a server that goes away inside a transaction is unavailable, and the chunk is applied later', async () => {
    const target = hosts.openTarget();
    const sync = new Sync({ ...fixture, target }, mappingOf(['id integer', 'name text']));
    await sync.ensureTable();
    const plan = await sync.opened(snapshot(0));
    const chunk = { plan, slice: 0, of: 1 };
    const pages = pagesOf([['1', 'one']]);
    const failure = await failureOf(target.apply(chunk, pages, async () => line.cut(), signal));
    expect(failure).toMatchObject({ kind: 'target_unavailable', fields: { sqlState: '08P01' } });
    expect(await sync.rows()).toEqual([]);
    expect(await target.apply(chunk, pages, async () => undefined, signal)).toMatchObject({
      outcome: 'applied',
    });
    expect(await sync.rows()).toEqual([['1', 'one']]);
    await target.close();
  });

  test('PgBouncer gives what the server says of a missing database, under a code of its own', async () => {
    const url = new URL(hosts.pooledUrl);
    url.pathname = '/nowhere';
    const client = new pg.Client({ connectionString: url.href });
    await expect(client.connect()).rejects.toMatchObject({
      code: '08P01',
      message: 'database "nowhere" does not exist',
    });
  });
});
