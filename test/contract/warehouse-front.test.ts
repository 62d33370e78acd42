import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { certificate, query, rejection, rowsOf, stand, TEXT, TOKEN } from '../support/scripted-warehouse.ts';

describe('sessions', () => {
  test('are the engine’s own, one for each', async () => {
    const { engine, connect } = await stand();
    const client = await connect();
    const [first, second] = [await client.openSession(), await client.openSession()];
    await query(first, 'x');
    await query(second, 'y');
    expect(engine.executed).toEqual(['1: x', '2: y']);
    await first.close();
    expect(engine.openSessions).toBe(1);
    expect(await query(second, 'y')).toEqual([{ one: 1 }]);
  });

  test('enforce STATEMENT_TIMEOUT', async () => {
    const { engine, connect } = await stand({ waitMs: 5_000 });
    engine.runs.set(
      'forever',
      (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const configuration = { STATEMENT_TIMEOUT: '1', TIMEZONE: 'UTC', QUERY_TAGS: 'a:b' };
    const session = await (await connect()).openSession({ configuration });
    expect(await rejection(query(session, 'forever'))).toMatchObject({ errorCode: 'TIMEOUT' });
  });

  test.each([
    [{ configuration: { TIMEZONE: 'Europe/Zurich' } }, 'no TIMEZONE but UTC'],
    [{ configuration: { STATEMENT_TIMEOUT: 'soon' } }, 'STATEMENT_TIMEOUT must be'],
    [{ configuration: { STATEMENT_TIMEOUT: '172801' } }, 'STATEMENT_TIMEOUT must be'],
    [{ initialCatalog: 'main' }, 'no initial catalog or schema'],
  ])('are refused with settings that would change nothing: %o', async (settings, text) => {
    const client = await (await stand()).connect();
    expect((await rejection(client.openSession(settings)))['message']).toContain(text);
  });

  test('that the engine cannot open say nothing of what it said', async () => {
    const { engine, connect, logged } = await stand();
    engine.openSession = async () => {
      throw new TypeError('cannot open secret-file-name');
    };
    const error = await rejection((await connect()).openSession());
    expect(error['message']).toContain('[INTERNAL_ERROR]');
    expect(logged.join()).toContain('TypeError');
    expect(`${logged.join()} ${JSON.stringify(error)}`).not.toContain('secret-file-name');
  });

  test('tell the name of the database system', async () => {
    const session = await (await stand()).openSession();
    expect((await session.getInfo(17)).getValue()).toBe('Spark SQL');
  });

  test('refuse calls that are not served', async () => {
    const session = await (await stand()).openSession();
    expect((await rejection(session.getCatalogs()))['message']).toBe(
      'The local SQL warehouse does not serve GetCatalogs.',
    );
  });
});

describe('access', () => {
  test('with a wrong token is refused with 403', async () => {
    const client = await (await stand()).connect('wrong');
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 403 });
  });

  test.each([
    ['without a token', 'POST', '/sql/1.0/warehouses/local', {}, 401],
    ['with a wrong token', 'POST', '/sql/1.0/warehouses/local', { authorization: 'Bearer wrong' }, 403],
    ['at another path', 'POST', '/sql/1.0/warehouses/other', { authorization: `Bearer ${TOKEN}` }, 404],
    ['with no Thrift in it', 'POST', '/sql/1.0/warehouses/local', { authorization: `Bearer ${TOKEN}` }, 400],
  ])('%s is answered like Databricks does', async (_name, method, path, headers, status) => {
    const { warehouse } = await stand();
    const { host, port, caCert } = warehouse;
    const asked = request({ host, port, path, method, headers, ca: caCert, agent: false }).end('?');
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(status);
    expect(JSON.parse(await text(response))).toEqual({
      error_code: expect.any(String),
      message: expect.any(String),
    });
  });

  test('by a certificate for loopback that holds for ten years', async () => {
    const x509 = new X509Certificate(certificate.cert);
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(x509.checkHost('localhost')).toBe('localhost');
    const years = (x509.validToDate.getTime() - x509.validFromDate.getTime()) / (365.25 * 86_400_000);
    expect(Math.round(years)).toBe(10);
  });
});

describe('faults', () => {
  test('of HTTP strike a session, a statement or a fetch, as often as they say', async () => {
    const { faults, connect, engine } = await stand();
    const client = await connect();
    const http = { kind: 'http', status: 503 } as const;
    const armed = faults.add({ on: 'openSession', times: 2, fault: http });
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 503 });
    expect(await rejection(client.openSession())).toMatchObject({ statusCode: 503 });
    const session = await client.openSession();
    faults.add({ on: 'execute', match: /^two$/, times: 1, fault: { ...http, status: 429 } });
    faults.add({ on: 'fetch', match: /three/g, times: 1, fault: { ...http, status: 500 } });
    expect(await query(session, 'one')).toEqual([{ one: 1 }]);
    expect(await rejection(query(session, 'two'))).toMatchObject({ statusCode: 429 });
    expect(engine.executed).toEqual(['1: one']);
    const operation = await session.executeStatement('three');
    expect(await rejection(operation.fetchAll())).toMatchObject({ statusCode: 500 });
    expect(await operation.fetchAll()).toEqual([{ one: 1 }]);
    expect([armed.fired, faults.fired]).toEqual([2, 4]);
  });

  test('of HTTP carry the body that they are given', async () => {
    const { faults, connect } = await stand();
    const client = await connect();
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'http', status: 502, body: 'bad gateway' } });
    const { response } = (await rejection(client.openSession())) as { response: { text(): Promise<string> } };
    expect(await response.text()).toBe('bad gateway');
  });

  test('that are cleared strike no more', async () => {
    const { faults, connect } = await stand();
    const client = await connect();
    faults.add({ on: 'openSession', times: 9, fault: { kind: 'dropConnection' } });
    expect(await rejection(client.openSession())).toMatchObject({ type: 'system' });
    faults.clear();
    expect(await query(await client.openSession(), 'one')).toEqual([{ one: 1 }]);
    expect(faults.fired).toBe(1);
  });

  test.each(['execute', 'fetch'] as const)('drop the connection at %s', async (on) => {
    const { faults, openSession } = await stand();
    const session = await openSession();
    faults.add({ on, times: 1, fault: { kind: 'dropConnection' } });
    expect(await rejection(query(session, 'one'))).toMatchObject({ type: 'system' });
    expect(await query(session, 'one')).toEqual([{ one: 1 }]);
  });

  test.each(['execute', 'fetch'] as const)('expire the session at %s, for good', async (on) => {
    const { faults, engine, connect } = await stand();
    const client = await connect();
    const session = await client.openSession();
    const expired = `Invalid SessionHandle: SessionHandle [${session.id}]`;
    faults.add({ on, times: 1, fault: { kind: 'sessionExpired' } });
    expect((await rejection(query(session, 'one')))['message']).toBe(expired);
    expect((await rejection(query(session, 'one')))['message']).toBe(expired);
    expect(engine.openSessions).toBe(0);
    expect(await query(await client.openSession(), 'one')).toEqual([{ one: 1 }]);
  });

  test('open a session that is gone at its first statement', async () => {
    const { faults, openSession } = await stand();
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'sessionExpired' } });
    const session = await openSession();
    expect((await rejection(query(session, 'one')))['message']).toContain('Invalid SessionHandle');
  });

  test('deliver fewer rows than they declare, and nothing tells', async () => {
    const { faults, engine, openSession } = await stand();
    const session = await openSession();
    engine.runs.set('rows', () => rowsOf(TEXT, [['a'], ['b'], ['c'], ['d']]));
    faults.add({ on: 'fetch', times: 1, fault: { kind: 'shortResult', dropRows: 3 } });
    expect(await query(session, 'rows')).toEqual([{ line: 'a' }]);
    faults.add({ on: 'fetch', times: 1, fault: { kind: 'shortResult', dropRows: 9 } });
    expect(await query(session, 'rows')).toEqual([]);
    expect((await query(session, 'rows')).length).toBe(4);
  });

  test('fail a session, a statement or a fetch with an error class', async () => {
    const { faults, connect } = await stand();
    const fault = { kind: 'error', errorClass: 'A_CLASS', sqlState: '57P01', message: 'why' } as const;
    const message = '[A_CLASS] why SQLSTATE: 57P01';
    const client = await connect();
    faults.add({ on: 'openSession', times: 1, fault });
    expect((await rejection(client.openSession()))['message']).toBe(message);
    const session = await client.openSession();
    faults.add({ on: 'execute', times: 1, fault });
    const failed = await rejection(query(session, 'one'));
    expect(failed).toMatchObject({ errorCode: 'ERROR', message, response: { sqlState: '57P01' } });
    faults.add({ on: 'fetch', times: 1, fault });
    expect((await rejection(query(session, 'one')))['message']).toBe(message);
  });

  test('slow down a session, a statement or a fetch', async () => {
    const { faults, connect } = await stand({ waitMs: 1 });
    const client = await connect();
    const slow = { times: 1, fault: { kind: 'slow', ms: 40 } } as const;
    faults.add({ on: 'openSession', ...slow });
    // Long enough for the call for the status to come before the statement's end on a busy machine.
    faults.add({ on: 'execute', times: 1, fault: { kind: 'slow', ms: 1_500 } });
    faults.add({ on: 'fetch', ...slow });
    const startedAt = performance.now();
    const session = await client.openSession();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39);
    const operation = await session.executeStatement('one');
    expect((await operation.status()).operationState).toBe(1);
    expect(await operation.fetchAll()).toEqual([{ one: 1 }]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_577);
  });

  test('that slow a statement down end when it is canceled', async () => {
    const { faults, openSession, engine } = await stand({ waitMs: 1 });
    faults.add({ on: 'execute', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
    const session = await openSession();
    const operation = await session.executeStatement('one');
    await operation.cancel();
    await session.close();
    expect(engine.executed).toEqual([]);
  });
});

describe('closing the warehouse', () => {
  test('stops what runs, closes the engine’s sessions and ends the sockets', async () => {
    const { engine, faults, warehouse, connect } = await stand({ waitMs: 60_000 });
    const client = await connect();
    const session = await client.openSession();
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    engine.runs.set('forever', (signal) => {
      started.resolve();
      signal.addEventListener('abort', () => aborted.resolve());
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const running = rejection(session.executeStatement('forever'));
    await started.promise;
    faults.add({ on: 'openSession', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
    const opening = rejection(client.openSession());
    await expect.poll(() => faults.fired).toBe(1);
    await warehouse.close();
    await aborted.promise;
    expect(await running).toMatchObject({ type: 'system' });
    expect(await opening).toMatchObject({ type: 'system' });
    expect(engine.openSessions).toBe(0);
    expect(await rejection(client.openSession())).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('closes a session that the engine opens only then', async () => {
    const { engine, warehouse, connect } = await stand();
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const open = engine.openSession.bind(engine);
    engine.openSession = async () => {
      asked.resolve();
      await gate.promise;
      return open();
    };
    const opening = rejection((await connect()).openSession());
    await asked.promise;
    await warehouse.close();
    gate.resolve();
    await opening;
    await expect.poll(() => [engine.sessionsOpened, engine.openSessions]).toEqual([1, 0]);
  });

  test('leaves nothing that keeps the process alive, though the client never closed', async () => {
    const warehouse = new URL('../../src/local/warehouse/', import.meta.url).href;
    const program = `
      import { DBSQLClient } from '@databricks/sql';
      const { createCertificate } = await import('${warehouse}certificate.ts');
      const { startWarehouse } = await import('${warehouse}server.ts');
      const columns = [{ name: 'n', type: 'int' }];
      const result = { columns, batches: (async function* () { yield { rows: 1, values: [[1]] }; })() };
      const session = { execute: async () => result, close: async () => {} };
      const engine = { name: 'one', openSession: async () => session, close: async () => {} };
      const { Faults } = await import('${warehouse}faults.ts');
      const faults = new Faults();
      const options = { engine, faults, token: 't', certificate: await createCertificate() };
      const { caCert, close, ...address } = await startWarehouse(options);
      const client = new DBSQLClient({ logger: { log() {} } });
      await client.connect({ ...address, token: 't', customCaCert: caCert, telemetryEnabled: false });
      const operation = await (await client.openSession()).executeStatement('select 1');
      console.log(JSON.stringify(await operation.fetchAll()));
      faults.add({ on: 'openSession', times: 1, fault: { kind: 'slow', ms: 3_600_000 } });
      client.openSession().catch(() => undefined);
      while (faults.fired === 0) await new Promise(setImmediate);
      await close();
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 120_000,
    });
    const said = text(child.stdout);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await said).toBe('[{"n":1}]\n');
  });

  test('twice is as good as once', async () => {
    const { warehouse } = await stand();
    await warehouse.close();
    await warehouse.close();
  });
});
