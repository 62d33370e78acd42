import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { type DeployedStack, deployStack } from '../support/deployed.ts';

const FRUIT = 'syncs: { fruit: { source: main.gold.fruit, target: gold.fruit, primaryKey: id } }';

let cli: Cli;

beforeAll(async () => {
  cli = await openCli();
  const sql = async (statement: string) => expect((await cli.run('local', 'sql', statement)).code).toBe(0);
  await sql('create schema main.gold');
  await sql(
    'create table main.gold.orders (placed_at timestamp, Order_Id bigint, total decimal(12,2), lines array<struct<sku:string,n:int>>, weight double) using delta',
  );
  await sql(
    'create table main.gold.parcels (code string, xmin int, sizes map<struct<a:int>,string>) using delta',
  );
});
afterAll(() => cli?.close());

beforeEach(() => rm(join(cli.folder, 'lakeferry.yaml'), { force: true }));

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);
const text = () => readFile(join(cli.folder, 'lakeferry.yaml'), 'utf8');
const syncOf = async (name: string) => parseConfig(await text(), 'lakeferry.yaml').syncs.get(name);

/** At a terminal where a person types `answer` to the questions that begin with `start`, and nothing to others. */
async function atTerminal(args: readonly string[], answers: Readonly<Record<string, string>>) {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const questions: string[] = [];
  const code = await runCli(args, {
    stdout: { ...output('stdout'), isTTY: true, columns: 100 },
    stderr: output('stderr'),
    env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
    cwd: cli.folder,
    clock: systemClock,
    signal: new AbortController().signal,
    ask: async (question) => {
      questions.push(question);
      return Object.entries(answers).find(([start]) => question.startsWith(start))?.[1] ?? '';
    },
  });
  return { code, ...written, questions };
}

describe('init', () => {
  it('shows the table that will be created, proposes its key, and writes a sync that runs', async () => {
    const done = await atTerminal(['init', 'main.gold.orders', '--local'], {});
    expect(done.code).toBe(0);
    expect(done.questions).toContain('Primary key (a column, or several separated by commas) [Order_Id]: ');
    expect(done.stderr).toContain('main.gold.orders has 5 columns: placed_at timestamp, Order_Id bigint');
    expect(done.stdout.split('\n').slice(0, 8)).toEqual([
      'orders   main.gold.orders → gold.orders   key Order_Id',
      '',
      'COLUMN     DELTA TYPE                       POSTGRES TYPE',
      'placed_at  timestamp                        → timestamp with time zone',
      'Order_Id   bigint                           → bigint                    key',
      'total      decimal(12,2)                    → numeric(12,2)',
      'lines      array<struct<sku:string,n:int>>  → jsonb',
      'weight     double                           → double precision',
    ]);
    expect(lastLine(done.stdout)).toBe('lakeferry doctor orders --local');
    await cli.run(
      'local',
      'sql',
      "insert into main.gold.orders values (timestamp'2026-01-01', 1, 2.5, null, 1)",
    );
    expect((await cli.json('run', 'orders', '--local', '--until-idle')).answer).toMatchObject({
      syncs: [{ state: 'idle', rows: { upserted: 1 } }],
    });
  });

  it('takes a guessed key only with --yes, and names it otherwise', async () => {
    const refused = await cli.run('init', 'main.gold.orders', '--local');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(lastLine(refused.stderr)).toBe(
      '  remedy   lakeferry init main.gold.orders --local --key Order_Id',
    );
    expect((await cli.run('init', 'main.gold.orders', '--local', '--yes')).code).toBe(0);
    expect((await syncOf('orders'))?.primaryKey).toEqual(['Order_Id']);
  });

  it.each([
    ['order_idd', 'has no column "order_idd"; did you mean "Order_Id"?'],
    ['zebra', 'has no column "zebra"; it has placed_at, Order_Id, total, lines, weight'],
    ['weight', '"weight" cannot be a key column: its type is double'],
    ['lines', '"lines" cannot be a key column'],
  ])('refuses the key %s', async (key, message) => {
    const refused = await cli.run('init', 'main.gold.orders', '--local', '--key', key);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(message);
  });

  it('offers to leave out what Postgres cannot hold', async () => {
    const offered = await atTerminal(['init', 'main.gold.parcels', '--local'], { 'Primary key': 'CODE' });
    expect(offered.questions).toContain('Leave them out? [yes]: ');
    expect(offered.stderr).toContain(
      '"sizes" is of the type map<struct<a:int>,string>, which Postgres has no',
    );
    expect(offered.stdout).toMatch(/^xmin +int +left out$/m);
    expect(await syncOf('parcels')).toMatchObject({
      primaryKey: ['code'],
      columns: { exclude: ['xmin', 'sizes'] },
    });
    await cli.run('local', 'sql', "insert into main.gold.parcels (code) values ('a')");
    expect((await cli.json('run', 'parcels', '--local', '--until-idle')).answer).toMatchObject({
      syncs: [{ state: 'idle', rows: { upserted: 1 } }],
    });
  });

  it('says it in a comment where nobody agrees to leave it out', async () => {
    const flags = ['init', 'main.gold.parcels', '--local', '--key', 'code', '--exclude', 'Xmin'];
    const done = await cli.run(...flags);
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(/^sizes\tmap<struct<a:int>,string>\t\tcannot go as it is$/m);
    expect(await text()).toContain('    # columns:\n    #   exclude: [xmin, sizes]\n');
    expect((await syncOf('parcels'))?.columns.exclude).toEqual(['xmin']);
    await rm(join(cli.folder, 'lakeferry.yaml'));
    await atTerminal(flags, { 'Leave it out?': 'no' });
    expect((await syncOf('parcels'))?.columns.exclude).toEqual(['xmin']);
  });

  it('gives programs one document', async () => {
    await writeFile(join(cli.folder, 'lakeferry.yaml'), FRUIT);
    expect(await cli.json('init', 'main.gold.parcels', '--local', '--key', 'code', '--yes')).toEqual({
      code: 0,
      answer: {
        schemaVersion: 1,
        dryRun: false,
        file: 'lakeferry.yaml',
        created: false,
        sync: {
          name: 'parcels',
          source: 'main.gold.parcels',
          target: 'gold.parcels',
          primaryKey: ['code'],
          exclude: ['xmin', 'sizes'],
          schedule: null,
        },
        columns: [
          { name: 'code', sourceType: 'string', target: 'code', targetType: 'text' },
          { name: 'xmin', sourceType: 'int', target: null, targetType: null },
          { name: 'sizes', sourceType: 'map<struct<a:int>,string>', target: null, targetType: null },
        ],
        next: 'lakeferry doctor parcels --local',
      },
    });
  });

  it('says of a table that is not there what to do, and how to go on without a look', async () => {
    const refused = await cli.run('init', 'main.gold.ordres', '--local', '--key', 'id');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('nothing was written');
    expect(lastLine(refused.stderr)).toBe(
      '  remedy   Correct the name of the table, or create it; or write the sync without a look: lakeferry init main.gold.ordres --key id --local --no-look',
    );
    await expect(text()).rejects.toThrow('ENOENT');
  });
});

describe('init without --local', () => {
  let deployed: DeployedStack;

  beforeAll(async () => {
    deployed = await deployStack(cli.stack, FRUIT, 'lakeferry');
  });
  afterAll(() => deployed?.close());

  const init = (...args: string[]) => {
    const { host, port, path } = cli.stack.info.warehouse;
    const reach = [
      '--host',
      `${host}:${port}`,
      '--http-path',
      path,
      '--databricks-secret',
      'prod/databricks',
    ];
    return cli.run('init', 'main.gold.orders', '--key', 'order_id', ...reach, ...args);
  };

  it('looks by the connection that it was told, before there is a deployment', async () => {
    deployed.parameters.clear();
    deployed.secrets.set('prod/databricks', JSON.stringify({ token: cli.stack.info.warehouse.token }));
    const done = await init();
    expect(done.stderr).not.toContain('remedy');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('weight\tdouble\tdouble precision'),
    });
    expect(parseConfig(await text(), 'f').connections.databricks.secret).toBe('prod/databricks');
  });

  it('says every place that it looked in for the way in, and names --no-look', async () => {
    deployed.secrets.clear();
    const refused = await init();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('DATABRICKS_TOKEN');
    expect(refused.stderr).toContain('secret prod/databricks');
    expect(lastLine(refused.stderr)).toMatch(
      /or write the sync without a look: lakeferry init .* --no-look$/,
    );
    await expect(text()).rejects.toThrow('ENOENT');
  });
});
