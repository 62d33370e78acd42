import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Warehouse } from '../../src/source/databricks/client.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';

let lake: Lake;
/** Of each session of the warehouse, in the order of their opening: its statements. */
const statements: string[][] = [];
let closedSessions = 0;

beforeAll(async () => {
  lake = await startLake((engine) => ({
    ...engine,
    close: () => engine.close(),
    async openSession() {
      const session = await engine.openSession();
      const own: string[] = [];
      statements.push(own);
      return {
        execute(statement, signal) {
          own.push(statement);
          return session.execute(statement, signal);
        },
        close() {
          closedSessions += 1;
          return session.close();
        },
      };
    },
  }));
});
afterAll(() => lake?.close());

it('tries again where a session does not open, and leaves the statements of other sessions alone', async () => {
  const warehouse = new Warehouse(lake.databricks, [10]);
  const rows = warehouse.stream('select id from range(2000)', 'numbers', NEVER);
  let count = 0;
  expect((await rows.next()).done).toBe(false);
  count += 1;

  const refused = lake.faults.add({ on: 'openSession', times: 1, fault: { kind: 'http', status: 503 } });
  expect(await warehouse.query('select 1 as one', 'one', NEVER)).toHaveLength(1);
  expect(refused.fired).toBe(1);

  for await (const row of rows) count += Object.keys(row).length;
  expect(count).toBe(2_000);
  await warehouse.close();
});

describe('a warehouse that cannot be entered', () => {
  afterEach(() => lake.faults.clear());

  /** The answer, or the kind of the failure, where each look at the clock shows so much more. */
  async function entered(stepMs: number): Promise<unknown> {
    let now = 0;
    const clock = {
      now: () => {
        now += stepMs;
        return now;
      },
    };
    const warehouse = new Warehouse(lake.databricks, [1], clock);
    const answer = await warehouse.query('select 1 as one', 'one', NEVER).catch(({ kind }) => kind);
    await warehouse.close();
    return answer;
  }

  it('is asked for longer than the waits where it is starting', async () => {
    const fault = lake.faults.add({ on: 'openSession', times: 20, fault: { kind: 'http', status: 503 } });
    expect(await entered(0)).toHaveLength(1);
    expect(fault.fired).toBe(20);
  });

  it('is asked until its start has taken five minutes', async () => {
    const fault = lake.faults.add({ on: 'openSession', times: 20, fault: { kind: 'http', status: 503 } });
    expect(await entered(60_000)).toBe('source_unavailable');
    expect(fault.fired).toBeGreaterThan(1);
    expect(fault.fired).toBeLessThan(6);
  });

  it('is asked no longer than the waits where it is not starting', async () => {
    const fault = lake.faults.add({ on: 'openSession', times: 20, fault: { kind: 'http', status: 502 } });
    expect(await entered(0)).toBe('source_unavailable');
    expect(fault.fired).toBe(2);
  });
});

it('goes on waiting for a warehouse when the process has nothing else to do', async () => {
  const client = new URL('../../src/source/databricks/client.ts', import.meta.url).href;
  const program = `
    const { Warehouse } = await import('${client}');
    const nowhere = { host: '127.0.0.1', port: 1, path: '/', auth: { kind: 'token', token: 'x' } };
    const query = new Warehouse(nowhere, [10]).query('select 1', 'one', new AbortController().signal);
    console.log(await query.catch(({ kind }) => kind));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout.trim()).toBe('source_unavailable');
});

it('sets in each session what results depend on, whatever an administrator set for all', async () => {
  const warehouse = new Warehouse(lake.databricks, []);
  await warehouse.query('select 1 as one', 'one', NEVER);
  expect(statements.at(-1)).toEqual([
    "set time zone 'UTC'",
    'set ansi_mode = true',
    'set legacy_time_parser_policy = corrected',
    'set statement_timeout = 900',
    'select 1 as one',
  ]);
  await warehouse.close();
});

it('leaves no session behind whose settings the warehouse refuses', async () => {
  const warehouse = new Warehouse(lake.databricks, []);
  const closed = closedSessions;
  const refusal = { kind: 'error', errorClass: 'UNSUPPORTED', sqlState: '0A000', message: 'no' } as const;
  lake.faults.add({ on: 'execute', match: /set ansi_mode/, times: 1, fault: refusal });
  await expect(warehouse.query('select 1 as one', 'one', NEVER)).rejects.toThrow();
  await expect.poll(() => closedSessions - closed).toBe(1);
  await warehouse.close();
});

it('begins anew at once where a session is gone, and lets go of all that rested beside it', async () => {
  const warehouse = new Warehouse(lake.databricks, []);
  const [opened, closed] = [statements.length, closedSessions];
  const query = () => warehouse.query('select 1 as one', 'one', NEVER);
  await Promise.all([query(), query(), query()]);
  expect(statements.length).toBe(opened + 3);
  const gone = lake.faults.add({
    on: 'execute',
    match: /as one/,
    times: 1,
    fault: { kind: 'sessionExpired' },
  });

  expect(await query()).toHaveLength(1);
  expect(gone.fired).toBe(1);
  await expect.poll(() => closedSessions - closed).toBe(3);
  expect(statements.length).toBe(opened + 4);
  await warehouse.close();
});

it('does not wait on a connection that rested: nobody may be at its other end', async () => {
  let frozen = false;
  const way = net.createServer((near) => {
    const far = net.connect(lake.databricks.port, lake.databricks.host);
    const old = !frozen;
    near.on('data', (data) => (old && frozen ? undefined : far.write(data)));
    far.pipe(near);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await once(way.listen(0, '127.0.0.1'), 'listening');
  const { port } = way.address() as net.AddressInfo;
  let now = 1_000_000;
  const warehouse = new Warehouse({ ...lake.databricks, port }, [], { now: () => now });
  const query = () => warehouse.query('select 1 as one', 'one', NEVER);
  await query();
  now += 30_000;
  const sessions = statements.length;
  await query();
  expect(statements.length).toBe(sessions);

  frozen = true;
  now += 30_001;
  expect(await query()).toHaveLength(1);
  await warehouse.close();
  way.close();
});
