import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Warehouse } from '../../src/source/databricks/client.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';

let lake: Lake;

beforeAll(async () => {
  lake = await startLake();
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
