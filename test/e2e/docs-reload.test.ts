import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../support/cli.ts';

/** docs/how-to/load-a-table-again.md, step by step. */

let cli: Cli;
let postgres: pg.Client;

beforeAll(async () => {
  cli = await openCli();
  await writeFile(join(cli.folder, 'orders.csv'), 'order_id,status\n1,new\n2,paid\n');
  postgres = new pg.Client({ connectionString: cli.stack.info.postgres });
  await postgres.connect();
});
afterAll(async () => {
  await postgres?.end();
  await cli?.close();
});

/** lakeferry.yaml with the sync's target, and what else is said of it. */
async function configure(target: string, more = ''): Promise<void> {
  const config = `connections: {}\nsyncs:\n  orders: { source: main.gold.orders, target: ${target}, primaryKey: order_id${more} }\n`;
  await writeFile(join(cli.folder, 'lakeferry.yaml'), config);
}

const sql = async (statement: string) =>
  expect(await cli.run('local', 'sql', statement)).toMatchObject({ code: 0 });
const run = () => cli.json('run', 'orders', '--local', '--until-idle');
const rows = async (table: string) =>
  (await postgres.query(`select * from ${table} order by order_id`)).rows.map((row) =>
    Object.values(row).join(' '),
  );

beforeAll(async () => {
  await configure('app.orders');
  expect((await cli.run('local', 'load', 'orders.csv', 'as', 'main.gold.orders')).code).toBe(0);
  expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle', through: '0' }] } });
});

it('loads a table anew once it is renamed away, and leaves the old one to its owner', async () => {
  await configure('app.orders', ", where: 'order_id > 1'");
  expect(await run()).toMatchObject({ code: 3, answer: { syncs: [{ error: { kind: 'mapping_changed' } }] } });
  await postgres.query('alter table app.orders rename to orders_before');
  expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle' }] } });
  expect(await rows('app.orders')).toEqual(['2 paid']);
  expect(await rows('app.orders_before')).toEqual(['1 new', '2 paid']);
});

it('loads a table beside the one that is read, and goes on with it under the old name', async () => {
  await configure('app.orders_new');
  expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle' }] } });
  expect(await rows('app.orders')).toEqual(['2 paid']);
  expect(await rows('app.orders_new')).toEqual(['1 new', '2 paid']);

  expect((await cli.run('pause', 'orders', '--local')).code).toBe(0);
  await postgres.query(
    'begin; alter table app.orders rename to orders_old; alter table app.orders_new rename to orders; commit',
  );
  await configure('app.orders');
  await sql("update main.gold.orders set status = 'sent' where order_id = 1");
  expect((await cli.run('resume', 'orders', '--local')).code).toBe(0);
  const resumed = await run();
  expect(resumed).toMatchObject({ code: 0, answer: { syncs: [{ rows: { upserted: 1, deleted: 0 } }] } });
  expect(await rows('app.orders')).toEqual(['1 sent', '2 paid']);
});

it('is what the page says', async () => {
  const page = await readFile(new URL('../../docs/how-to/load-a-table-again.md', import.meta.url), 'utf8');
  for (const step of ['rename to orders_before', 'target: app.orders_new', 'rename to orders_old']) {
    expect(page).toContain(step);
  }
});
