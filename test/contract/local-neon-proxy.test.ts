import { Client, neonConfig } from '@neondatabase/serverless';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  neonConfig.wsProxy = () => `${database.proxy.address}/v2`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
});
afterAll(() => database.drop());

test('the unmodified Neon driver runs a query through the proxy', async () => {
  const client = new Client(database.url);
  await client.connect();
  const { rows } = await client.query('select current_database() as name, $1::int + 1 as sum', [41]);
  await client.end();
  expect(rows).toEqual([{ name: database.name, sum: 42 }]);
});
