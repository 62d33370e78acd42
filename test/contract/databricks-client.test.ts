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
