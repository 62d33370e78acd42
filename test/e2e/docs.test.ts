import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { logEntryJson } from '../../src/cli/log-report.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { blocksOf, readPage } from '../support/docs.ts';
import { expectSameShape } from '../support/json-shape.ts';

/** What pages of docs/ show, done on a local stack. */

let cli: Cli;

beforeAll(async () => {
  cli = await openCli();
  await writeFile(join(cli.folder, 'orders.csv'), 'order_id,status\n1,new\n2,cancelled\n');
});
afterAll(() => cli?.close());

describe('docs/reference/exit-codes-and-json.md shows the documents', () => {
  const CONFIG = `
connections: {}
defaults: { rejectedRows: quarantine }
syncs:
  orders: { source: main.gold.orders, target: app.orders, primaryKey: order_id, columns: { types: { status: varchar(5) } } }
  items: { source: main.gold.items, target: app.items, primaryKey: id }
`;

  const examples = Map.groupBy(
    blocksOf(readPage('docs/reference/exit-codes-and-json.md')).filter(({ language }) => language === 'json'),
    ({ heading }) => heading,
  );

  function exampleOf(heading: string, index = 0): unknown {
    const block = examples.get(heading)?.[index];
    if (!block) throw new Error(`The page has no example under "${heading}".`);
    return JSON.parse(block.text);
  }

  beforeAll(() => writeFile(join(cli.folder, 'lakeferry.yaml'), CONFIG));

  it.each<[heading: string, code: number, ...args: string[]]>([
    ['local load', 0, 'local', 'load', 'orders.csv', 'as', 'main.gold.orders'],
    ['local sql', 0, 'local', 'sql', 'select * from main.gold.orders'],
    ['run', 3, 'run', '--local'],
    ['status', 3, 'status', '--local'],
    ['doctor', 3, 'doctor', '--local'],
    ['rejected', 0, 'rejected', 'orders', '--local'],
    ['rejected --retry', 3, 'rejected', 'orders', '--local', '--retry'],
    ['pause and resume', 0, 'pause', 'orders', '--local', '--reason', 'index build'],
    ['pause and resume', 0, 'resume', 'orders', '--local'],
    ['approve', 0, 'approve', 'orders', '--local', '--dry-run'],
    ['redrive --dry-run', 0, 'redrive', '--local', '--dry-run'],
    ['redrive', 0, 'redrive', 'orders', '--local'],
    ['explain', 0, 'explain', 'stack_down'],
    ['version', 0, 'version'],
    ['An error', 2, 'status', 'nosuch', '--local'],
    [
      'init',
      0,
      ...['init', 'main.gold.orders', '--local', '--config', 'new.yaml', '--key', 'order_id', '--yes'],
    ],
  ])('that are printed: %s', async (heading, code, ...args) => {
    const printed = await cli.json(...args);
    expect(printed.code).toBe(code);
    expectSameShape(printed.answer, exampleOf(heading));
  });

  it('of a setting, and of a file that is wrong', async () => {
    const { answer: setting } = await cli.json('explain', 'syncs.deletes');
    expect(setting).toEqual(exampleOf('explain', 1));
    await writeFile(join(cli.folder, 'wrong.yaml'), CONFIG.replace('primaryKey: id', 'primaryKey: 5'));
    const wrong = await cli.json('status', '--local', '--config', 'wrong.yaml');
    expect(wrong.code).toBe(2);
    expectSameShape(wrong.answer, exampleOf('An error', 1));
  });

  it('of a plan', async () => {
    const change = "update main.gold.orders set status = 'old' where order_id = 1";
    expect((await cli.run('local', 'sql', change)).code).toBe(0);
    const planned = await cli.json('plan', 'orders', '--local');
    expect(planned.code).toBe(0);
    expectSameShape(planned.answer, exampleOf('plan'));
  });

  it('of an entry of the log', () => {
    const fields = { sync: 'orders', kind: 'target_busy', attempt: 1 };
    const entry = { id: '1', at: 0, function: 'writer', level: 'warn', message: 'chunk not applied', fields };
    const entries = [logEntryJson(entry as Parameters<typeof logEntryJson>[0])];
    expectSameShape({ schemaVersion: 1, entries, leftOut: 0 }, exampleOf('logs'));
  });

  it('with counts in numbers, and versions in text', async () => {
    const retried = await cli.json('rejected', 'orders', '--local', '--retry', '--dry-run');
    expect(retried.answer).toMatchObject({ before: 1, after: 1, retried: 1 });
    const { answer } = await cli.json('status', 'orders', '--local');
    expect(answer).toMatchObject({ syncs: [{ through: '0', latest: '1', rejectedKeys: 1 }] });
  });
});

describe('docs/deploy.md', () => {
  it('shows what init writes', async () => {
    const [shown] = blocksOf(readPage('docs/deploy.md')).filter(({ language }) => language === 'yaml');
    const { connections, syncs } = parse(shown?.text ?? '');
    const { host, httpPath, secret } = connections.databricks;
    const answers = {
      '--target': syncs.orders.target,
      '--key': syncs.orders.primaryKey,
      '--host': host,
      '--http-path': httpPath,
      '--databricks-secret': secret,
      '--neon-secret': connections.neon.secret,
      '--region': connections.aws.region,
      '--config': 'deployed.yaml',
    };
    const flags = [...Object.entries(answers).flat(), '--no-look', '--yes'];
    const { code, stderr } = await cli.run('init', syncs.orders.source, ...flags);
    expect([code, stderr]).toEqual([0, '']);
    const written = await readFile(join(cli.folder, 'deployed.yaml'), 'utf8');
    expect(parse(written)).toEqual({ connections, syncs });
  });
});

describe('docs/how-to/load-a-table-again.md', () => {
  let postgres: pg.Client;

  /** lakeferry.yaml with the sync's target, and what else is said of it. */
  async function configure(target: string, more = ''): Promise<void> {
    const config = `connections: {}\nsyncs:\n  shop: { source: main.shop.orders, target: ${target}, primaryKey: order_id${more} }\n`;
    await writeFile(join(cli.folder, 'lakeferry.yaml'), config);
  }

  const sql = async (statement: string) =>
    expect(await cli.run('local', 'sql', statement)).toMatchObject({ code: 0 });
  const run = () => cli.json('run', 'shop', '--local', '--until-idle');
  const rows = async (table: string) =>
    (await postgres.query(`select * from ${table} order by order_id`)).rows.map((row) =>
      Object.values(row).join(' '),
    );

  beforeAll(async () => {
    postgres = new pg.Client({ connectionString: cli.stack.info.postgres });
    await postgres.connect();
    await configure('shop.orders');
    await writeFile(join(cli.folder, 'shop.csv'), 'order_id,status\n1,new\n2,paid\n');
    expect((await cli.run('local', 'load', 'shop.csv', 'as', 'main.shop.orders')).code).toBe(0);
    expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle', through: '0' }] } });
  });
  afterAll(() => postgres?.end());

  it('loads a table anew once it is renamed away, and leaves the old one to its owner', async () => {
    await configure('shop.orders', ", where: 'order_id > 1'");
    expect(await run()).toMatchObject({
      code: 3,
      answer: { syncs: [{ error: { kind: 'mapping_changed' } }] },
    });
    await postgres.query('alter table shop.orders rename to orders_before');
    expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle' }] } });
    expect(await rows('shop.orders')).toEqual(['2 paid']);
    expect(await rows('shop.orders_before')).toEqual(['1 new', '2 paid']);
  });

  it('loads a table beside the one that is read, and goes on with it under the old name', async () => {
    await configure('shop.orders_new');
    expect(await run()).toMatchObject({ code: 0, answer: { syncs: [{ state: 'idle' }] } });
    expect(await rows('shop.orders')).toEqual(['2 paid']);
    expect(await rows('shop.orders_new')).toEqual(['1 new', '2 paid']);

    expect((await cli.run('pause', 'shop', '--local')).code).toBe(0);
    await postgres.query(
      'begin; alter table shop.orders rename to orders_old; alter table shop.orders_new rename to orders; commit',
    );
    await configure('shop.orders');
    await sql("update main.shop.orders set status = 'sent' where order_id = 1");
    expect((await cli.run('resume', 'shop', '--local')).code).toBe(0);
    const resumed = await run();
    expect(resumed).toMatchObject({ code: 0, answer: { syncs: [{ rows: { upserted: 1, deleted: 0 } }] } });
    expect(await rows('shop.orders')).toEqual(['1 sent', '2 paid']);
  });

  it('is what the page says', () => {
    const page = readPage('docs/how-to/load-a-table-again.md');
    for (const step of ['rename to orders_before', 'target: app.orders_new', 'rename to orders_old']) {
      expect(page).toContain(step);
    }
  });
});
