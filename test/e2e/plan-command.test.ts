import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { deployStack } from '../support/deployed.ts';

const MANY = 1_200;

let cli: Cli;
let config = '';
let postgres: pg.Client;

beforeAll(async () => {
  cli = await openCli();
  const { info } = cli.stack;
  config = `
connections:
  databricks: { host: "${info.warehouse.host}:${info.warehouse.port}", httpPath: ${info.warehouse.path}, secret: prod/databricks }
  neon: { secret: prod/neon }
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
  herbs: { source: main.shop.herbs, target: shop.herbs, primaryKey: id }
  nuts: { source: main.shop.nuts, target: shop.nuts, primaryKey: id }
  seeds: { source: main.shop.seeds, target: shop.seeds, primaryKey: id }
  odd:
    source: main.shop.odd
    target: '"Odd Shop"."odd ""things"""'
    primaryKey: [id, "Na me"]
    columns: { rename: { amount: total }, types: { note: varchar(20) } }
    deletes: soft
    softDeleteColumn: gone_at
    metadata: { commitVersion: _version, commitTimestamp: _committed, syncedAt: _synced }
`;
  await writeFile(join(cli.folder, 'lakeferry.yaml'), config);
  await load('fruit', ['1,apple', '2,pear']);
  await load('seeds', ['1,poppy']);
  await load(
    'herbs',
    Array.from({ length: MANY }, (_, id) => `${id},herb`),
  );
  postgres = new pg.Client({ connectionString: info.postgres });
  await postgres.connect();
});
afterAll(async () => {
  await postgres?.end();
  await cli?.close();
});

async function load(table: string, rows: readonly string[]): Promise<void> {
  await writeFile(join(cli.folder, `${table}.csv`), `id,name\n${rows.join('\n')}\n`);
  expect((await cli.run('local', 'load', `${table}.csv`, 'as', `main.shop.${table}`)).code).toBe(0);
}

async function sql(statement: string): Promise<void> {
  const { code, stderr } = await cli.run('local', 'sql', statement);
  expect(code, stderr).toBe(0);
}

const plan = (...args: string[]) => cli.run('plan', ...args, '--local');
const run = (sync: string) => cli.json('run', sync, '--local');
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

/** The exit code and what the document says of its only sync. */
async function planned(...args: string[]) {
  const { code, answer } = await cli.json('plan', ...args, '--local');
  const { schemaVersion, syncs } = answer as {
    schemaVersion: number;
    syncs: Record<string, unknown>[];
  };
  expect([schemaVersion, syncs.length]).toEqual([1, 1]);
  return { code, ...syncs[0] } as { code: number; next: Record<string, unknown> };
}

/** What the catalog knows of a table, whatever database it is in. */
async function describeTable(client: pg.Client, table: string): Promise<unknown> {
  const { rows } = await client.query(
    `select n.nspname, c.relname, c.relkind, c.reloptions, obj_description(c.oid) as comment,
       (select jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod), attnotnull, attcollation,
                                           col_description(c.oid, attnum)) order by attnum)
        from pg_attribute where attrelid = c.oid and attnum > 0) as columns,
       (select jsonb_agg(pg_get_constraintdef(oid) order by conname) from pg_constraint where conrelid = c.oid)
         as constraints,
       (select jsonb_agg(pg_get_indexdef(indexrelid) order by indexrelid) from pg_index where indrelid = c.oid)
         as indexes
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = $1::regclass`,
    [table],
  );
  return rows[0];
}

/** Everything that could have been written: both of AWS' stores, the database, the source. */
async function everything(): Promise<unknown> {
  const { aws } = cli.stack.info;
  const access = { region: aws.region, credentials: LOCAL_AWS_CREDENTIALS };
  const dynamodb = new DynamoDBClient({ ...access, endpoint: aws.dynamodb });
  const sqs = new SQSClient({ ...access, endpoint: aws.sqs });
  try {
    const items = await dynamodb.send(new ScanCommand({ TableName: aws.checkpointTable }));
    const queues = await Promise.all(
      [aws.chunkQueueUrl, aws.deadLetterQueueUrl].map((QueueUrl) =>
        sqs.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        ),
      ),
    );
    const { rows: tables } = await postgres.query(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
    );
    const rows = [];
    for (const { name } of tables) {
      rows.push((await postgres.query(`select xmin, t.* from ${name} t order by ctid`)).rows);
    }
    const history = await cli.json('local', 'sql', 'describe history main.shop.fruit');
    return {
      items: items.Items,
      queues: queues.map(({ Attributes }) => Attributes),
      tables,
      rows,
      history: history.answer,
    };
  } finally {
    dynamodb.destroy();
    sqs.destroy();
  }
}

it('gives statements that make the table just as a run makes it', async () => {
  await sql(
    `create table main.shop.odd (id bigint comment 'the "key"', \`Na me\` string comment 'it\\'s a
name', amount decimal(10,2), note string, tags array<string>, at timestamp) using delta`,
  );
  await sql(
    `insert into main.shop.odd values (1, 'a', 1.50, 'n', array('x'), timestamp'2026-01-01 00:00:00')`,
  );
  const { code, next } = await planned('odd');
  expect([code, next['step']]).toEqual([0, 'snapshot']);
  const { outcome, statements } = next['table'] as { outcome: string; statements: string[] };
  expect(outcome).toBe('missing');
  await postgres.query('create database by_hand');
  const url = new URL(cli.stack.info.postgres);
  url.pathname = '/by_hand';
  const byHand = new pg.Client({ connectionString: url.href });
  await byHand.connect();
  try {
    for (const statement of statements) await byHand.query(statement);
    expect(await run('odd')).toMatchObject({ code: 0, answer: { syncs: [{ rows: { upserted: 1 } }] } });
    const table = '"Odd Shop"."odd ""things"""';
    const made = await describeTable(postgres, table);
    expect(await describeTable(byHand, table)).toEqual(made);
    expect(JSON.stringify(made)).toContain("it's a\\nname");
  } finally {
    await byHand.end();
    await postgres.query('drop database by_hand');
  }
});

it('shows the first load, then nothing to do, then the window that the run applies', async () => {
  const load = await plan('fruit');
  expect(load).toMatchObject({ code: 0, stderr: 'looking at fruit\n' });
  expect(load.stdout).toContain('create table "shop"."fruit" (');
  expect(lastLine(load.stdout)).toBe('1 table to load, 1 table to create.');
  expect((await planned('fruit', '--exact')).next).toMatchObject({
    step: 'snapshot',
    version: '0',
    changes: { kind: 'exact', upserts: 2 },
  });
  expect(await run('fruit')).toMatchObject({
    code: 0,
    answer: { syncs: [{ through: '0', rows: { upserted: 2 } }] },
  });
  expect(await plan('fruit')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^fruit is up to date at version 0 \(looked \d s ago\)\.\n$/),
  });

  await sql("update main.shop.fruit set name = 'fig' where id = 1");
  await sql('delete from main.shop.fruit where id = 2');
  expect((await planned('fruit')).next).toMatchObject({
    step: 'window',
    window: { after: '0', through: '2', commits: 2 },
    changes: { kind: 'estimate', rows: 2, from: 'history' },
    slices: 1,
    deletes: { kind: 'estimate', rows: 1, target: { rows: 2 } },
  });
  expect((await planned('fruit', '--exact')).next['changes']).toMatchObject({ upserts: 1, deletes: 1 });
  expect((await run('fruit')).answer).toMatchObject({
    syncs: [{ through: '2', rows: { upserted: 1, deleted: 1 } }],
  });
  const { rows } = await postgres.query(
    "select plan->'slices' as slices from lakeferry.syncs where sync = 'fruit'",
  );
  expect(rows).toEqual([{ slices: 1 }]);
});

it('says that many deletes will halt the sync, which they do, and what ends that', async () => {
  await run('herbs');
  await sql('delete from main.shop.herbs where id > 9');
  const shown = await plan('herbs');
  expect(shown.code).toBe(3);
  expect(shown.stdout).toContain('about 1,190 rows, 99 % of 1,200 in the target');
  expect(shown.stdout.split('\n')).toContain('               lakeferry approve herbs --local');
  expect(lastLine(shown.stdout)).toBe('1 window to apply, 1 halt expected.');
  expect(await run('herbs')).toMatchObject({
    code: 3,
    answer: { syncs: [{ state: 'halted', error: { kind: 'mass_delete' } }] },
  });
  expect(await planned('herbs')).toMatchObject({
    code: 3,
    standing: { state: 'halted', cause: { kind: 'mass_delete' } },
    halts: [{ of: 'deletes', kind: 'mass_delete' }],
  });
  expect((await cli.run('approve', 'herbs', '--local', '--yes')).code).toBe(0);
  expect(await planned('herbs')).toMatchObject({
    code: 0,
    standing: { state: 'applying' },
    next: { step: 'goes_on', work: 'window', through: '1' },
    halts: [],
  });
  expect((await run('herbs')).answer).toMatchObject({ syncs: [{ state: 'idle', rows: { deleted: 1_190 } }] });
});

it('tells a pause, a source that is missing, and a sync that there is none of', async () => {
  await run('seeds');
  await sql("insert into main.shop.seeds values (2, 'flax')");
  await cli.run('pause', 'seeds', '--local', '--reason', 'index build');
  const paused = await plan('seeds');
  expect(paused.code).toBe(0);
  expect(paused.stdout).toMatch(
    /^ {2}state +‖ paused by ana \d s ago, "index build"; nothing is planned until:$/m,
  );
  expect(lastLine(paused.stdout)).toBe('1 window waiting, 1 sync paused.');
  await cli.run('resume', 'seeds', '--local');
  expect(await planned('nuts')).toMatchObject({
    code: 3,
    next: null,
    halts: [{ of: 'source', kind: 'source_table_missing' }],
  });
  expect((await plan('oaks')).code).toBe(2);
  const all = await plan();
  expect(all.code).toBe(3);
  expect(lastLine(all.stdout)).toBe('1 window to apply, 3 syncs up to date, 1 halt expected.');
});

it('writes nothing anywhere', async () => {
  await sql("insert into main.shop.fruit values (8, 'sloe')");
  const before = await everything();
  for (const args of [[], ['--exact'], ['fruit', '--json']]) await plan(...args);
  expect(await everything()).toEqual(before);
  expect((await planned('fruit')).next).toMatchObject({ step: 'window' });
});

describe('beside AWS', () => {
  const NAME = 'prod';

  async function deploy() {
    const { info } = cli.stack;
    const deployed = await deployStack(cli.stack, config, NAME);
    onTestFinished(() => deployed.close());
    deployed.secrets.set('prod/databricks', JSON.stringify({ token: info.warehouse.token }));
    deployed.secrets.set('prod/neon', JSON.stringify({ url: info.postgres }));
    return deployed;
  }
  const ask = (...args: string[]) => cli.json('plan', ...args, '--deployment', NAME);

  it('works before a deployment, and with one asks its checkpoint', async () => {
    const deployed = await deploy();
    await postgres.query('drop table shop.fruit');
    const parameters = [...deployed.parameters];
    deployed.parameters.clear();
    const undeployed = await cli.run('plan', 'fruit', '--deployment', NAME);
    expect(undeployed.code).toBe(0);
    expect(undeployed.stdout).toContain(
      'no deployment is seen that would do this. There is no deployment "prod"',
    );
    expect(lastLine(undeployed.stdout)).toBe('1 table to load, 1 table to create.');
    for (const [name, text] of parameters) deployed.parameters.set(name, text);
    await cli.run('pause', 'fruit', '--deployment', NAME);
    expect(await ask('fruit')).toMatchObject({
      code: 0,
      answer: { syncs: [{ standing: { state: 'paused' } }] },
    });
    await cli.run('resume', 'fruit', '--deployment', NAME);
    await writeFile(join(cli.folder, 'other.yaml'), `${config}# changed since\n`);
    const note = /^! What is deployed was made from another other\.yaml than this one/m;
    expect((await cli.run('plan', 'seeds', '--deployment', NAME, '-c', 'other.yaml')).stderr).toMatch(note);
    expect((await cli.run('plan', 'seeds', '--deployment', NAME)).stderr).toBe(
      'looking for the deployment\nlooking at seeds\n',
    );
  });

  it('works where no region and no credentials are known, by the environment alone', async () => {
    await deploy();
    vi.stubEnv('AWS_REGION', undefined);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const { info } = cli.stack;
    let stdout = '';
    const code = await runCli(['plan', 'nuts', 'fruit', '--json'], {
      stdout: {
        write: (text) => {
          stdout += text;
        },
      },
      stderr: { write: () => {} },
      env: { NEON_URL: info.postgres, DATABRICKS_TOKEN: info.warehouse.token },
      cwd: cli.folder,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    expect(code).toBe(3);
    const [never, loaded] = JSON.parse(stdout).syncs;
    expect(never).toMatchObject({
      standing: { state: 'undeployed', why: expect.stringContaining('AWS_REGION') },
    });
    expect(loaded).toMatchObject({
      standing: { state: 'unknown' },
      next: { step: 'snapshot' },
      unknown: [{ of: 'checkpoint', kind: 'environment_invalid' }],
    });
  });

  it.each([
    [
      'there is no region',
      'The environment lacks something: AWS_REGION: not in the environment, not in the AWS profile, and connections.aws.region of lakeferry.yaml is not set.',
      'Set AWS_REGION, or choose a profile that has a region: AWS_PROFILE',
    ],
    [
      'no credentials are accepted',
      'AWS does not accept the credentials in use here, or there are none; asked in us-east-1.',
      'Sign in to AWS, e.g. "aws sso login", or set AWS_PROFILE',
    ],
  ])('says once that %s, whatever it cannot know for that', async (lack, message, remedy) => {
    const deployed = await deploy();
    if (lack === 'there is no region') {
      vi.stubEnv('AWS_REGION', undefined);
      vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
      onTestFinished(() => {
        vi.unstubAllEnvs();
      });
    } else deployed.account.credentialsAreValid = false;
    const { code, stdout } = await cli.run('plan', 'fruit', 'seeds', '--deployment', NAME);
    expect(code).toBe(1);
    expect(stdout.match(/not known {2}.*/g)).toEqual(Array(2).fill('not known  ✗ target, source, state'));
    const [, said = ''] = stdout.split('6 things not known.\n\n  target, source, state\n');
    expect(
      said
        .trim()
        .split(/\s*\n\s*/)
        .join(' '),
    ).toBe(`${message} ${remedy}`);
    expect(lastLine(stdout)).toBe(`    ${remedy}`);
    const { answer } = await ask('fruit', 'seeds');
    const why = { kind: expect.any(String), message, remedy };
    const unknown = ['target', 'source', 'checkpoint'].map((of) => ({ of, ...why }));
    expect(answer).toMatchObject({ syncs: [{ unknown }, { unknown }] });
  });

  it('says what it has no way into, and where it looked, and exits with 1', async () => {
    const deployed = await deploy();
    deployed.secrets.delete('prod/databricks');
    const { code, answer } = await ask('seeds');
    expect(code).toBe(1);
    expect(answer).toMatchObject({
      syncs: [
        {
          standing: { state: 'free' },
          next: null,
          unknown: [
            {
              of: 'source',
              kind: 'environment_invalid',
              message: expect.stringContaining('secret prod/databricks of lakeferry.yaml'),
            },
          ],
        },
      ],
    });
  });
});
