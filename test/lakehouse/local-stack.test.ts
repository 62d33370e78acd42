import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DatabricksConnection } from '../../src/config/connections.ts';
import { attachTable, loadFile, runStatement } from '../../src/local/run-statement.ts';
import { type Stack, type StackPart, startStack } from '../../src/local/stack.ts';
import { localConnections } from '../../src/local/stack-info.ts';
import { INSTALLATION } from '../support/spark-server.ts';

const NEVER = new AbortController().signal;

let folder: string;
let stack: Stack | undefined;
let databricks: DatabricksConnection;
const parts: StackPart[] = [];

async function start(): Promise<void> {
  stack = await startStack({
    folder,
    engine: 'spark',
    sparkFolder: INSTALLATION,
    onPart: (part) => parts.push(part),
  });
  databricks = (await localConnections(stack.info)).databricks as DatabricksConnection;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-stack-'));
  await start();
});
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

it('starts with Spark, and has its tables again after a restart', async () => {
  expect(parts).toEqual(['postgres', 'proxy', 'aws', 'spark', 'warehouse']);
  const file = path.join(folder, 'orders.csv');
  await writeFile(file, 'order_id,status\n1,open\n2,paid\n');
  const orders = { catalog: 'main', schema: 'gold', table: 'orders' };
  expect(await loadFile(databricks, file, orders, NEVER)).toEqual({ rows: 2, version: '0' });
  await runStatement(databricks, "update main.gold.orders set status = 'paid' where order_id = 1", NEVER);
  const directory = path.join(folder, 'lakehouse', 'gold.db', 'orders');
  const seen = { catalog: 'main', schema: 'seen', table: 'orders' };
  expect(await attachTable(databricks, directory, seen, NEVER)).toEqual({ version: '1' });

  await stack?.close();
  await start();
  for (const table of ['main.gold.orders', 'main.seen.orders']) {
    const { columns, rows } = await runStatement(databricks, `select * from ${table} order by 1`, NEVER);
    expect(columns).toEqual(['order_id', 'status']);
    expect(rows).toEqual([
      { order_id: 1, status: 'paid' },
      { order_id: 2, status: 'paid' },
    ]);
  }
});
