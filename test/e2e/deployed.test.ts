import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { configDigest } from '../../src/config/deployment.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { type DeployedStack, deployStack } from '../support/deployed.ts';

const NAME = 'prod';

let cli: Cli;
let deployed: DeployedStack;
let postgres: pg.Client;

beforeAll(async () => {
  cli = await openCli();
  const { info } = cli.stack;
  const config = `
connections:
  databricks: { host: "${info.warehouse.host}:${info.warehouse.port}", httpPath: ${info.warehouse.path}, secret: prod/databricks }
  neon: { secret: prod/neon }
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
  trees: { source: main.shop.trees, target: shop.trees, primaryKey: id }
  nuts:
    source: main.shop.nuts
    target: shop.nuts
    primaryKey: id
    rejectedRows: quarantine
`;
  const notDeployed = '  herbs: { source: main.shop.herbs, target: shop.herbs, primaryKey: id }\n';
  await writeFile(join(cli.folder, 'lakeferry.yaml'), `${config}${notDeployed}`);
  await writeFile(join(cli.folder, 'fruit.csv'), 'id,name\n1,apple\n2,pear\n');
  await writeFile(join(cli.folder, 'nuts.csv'), 'id,name\n1,oak\n');
  for (const table of ['fruit', 'nuts']) {
    expect((await cli.run('local', 'load', `${table}.csv`, 'as', `main.shop.${table}`)).code).toBe(0);
  }
  deployed = await deployStack(cli.stack, config, NAME);
  postgres = new pg.Client({ connectionString: info.postgres });
  await postgres.connect();
});
afterAll(async () => {
  await postgres?.end();
  await deployed?.close();
  await cli?.close();
});

beforeEach(() => {
  const { info } = cli.stack;
  deployed.secrets.set('prod/databricks', JSON.stringify({ token: info.warehouse.token }));
  deployed.secrets.set('prod/neon', JSON.stringify({ url: info.postgres }));
  deployed.calls.length = 0;
});

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);
const run = (...args: string[]) => cli.run(...args, '--deployment', NAME);
const json = (...args: string[]) => cli.json(...args, '--deployment', NAME);

/** A command that goes on until it is stopped. */
function start(...args: string[]) {
  const stop = new AbortController();
  const looked = new EventTarget();
  let stdout = '';
  const output = {
    write: (text: string) => {
      stdout += text;
      looked.dispatchEvent(new Event('written'));
    },
  };
  const ended = runCli([...args, '--deployment', NAME], {
    stdout: output,
    stderr: { write: () => {} },
    env: {},
    cwd: cli.folder,
    clock: systemClock,
    signal: stop.signal,
  });
  return {
    stdout: () => stdout,
    async until(condition: (stdout: string) => boolean): Promise<void> {
      while (!condition(stdout)) await Promise.race([once(looked, 'written'), ended]);
    },
    stop(): Promise<number> {
      stop.abort();
      return ended;
    },
  };
}

describe('run', () => {
  it('has the deployed planner tick, follows the plans, and ends when the target shows the source', async () => {
    const ran = await json('run', 'fruit', '--until-idle');
    expect(ran).toEqual({
      code: 0,
      answer: {
        schemaVersion: 1,
        syncs: [
          {
            sync: 'fruit',
            state: 'idle',
            through: '0',
            source: '0',
            rows: { upserted: 2, deleted: 0, rejected: 0 },
            error: null,
          },
        ],
      },
    });
    expect((await postgres.query('select * from shop.fruit order by id')).rows).toEqual([
      { id: '1', name: 'apple' },
      { id: '2', name: 'pear' },
    ]);
    expect(
      deployed.calls.filter((call) => call.includes(`/functions/${NAME}-planner/invocations`)),
    ).toHaveLength(2);
  });

  it('tells what the planner threw, by its kind, and exits with 1', async () => {
    const ran = await json('run', 'herbs');
    expect(ran).toMatchObject({
      code: 1,
      answer: {
        syncs: [
          {
            state: 'failed',
            error: {
              kind: 'config_invalid',
              message: 'There is no sync herbs. So says the configuration that is deployed.',
              remedy: 'npx cdk deploy -c name=prod',
            },
          },
        ],
      },
    });
  });

  it('is halted with the cause that the planner tells, and exits with 3', async () => {
    const ran = await run('run', 'trees');
    expect(ran.code).toBe(3);
    expect(ran.stdout).toContain('source_table_missing');
    expect(lastLine(ran.stdout)).toContain('run "lakeferry run trees --deployment prod"');
  });

  it('finds the deployment of the default name, and says where it looked when there is none', async () => {
    const missing = await cli.run('run', 'fruit');
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('There is no deployment "lakeferry" in us-east-1');
    expect(missing.stderr).toContain('/lakeferry/lakeferry');
    expect(lastLine(missing.stderr)).toContain('npx cdk deploy');
    deployed.parameters.set(
      '/lakeferry/lakeferry',
      JSON.stringify({ ...deployed.deployment, name: 'lakeferry' }),
    );
    expect((await cli.run('run', 'fruit')).code).toBe(0);
    deployed.parameters.delete('/lakeferry/lakeferry');
  });
});

describe('status', () => {
  it('shows the deployed syncs, by the secrets that lakeferry.yaml names', async () => {
    const { code, answer } = await json('status', 'fruit');
    expect(code).toBe(0);
    expect(answer).toMatchObject({ syncs: [{ sync: 'fruit', state: 'idle', through: '0', latest: '0' }] });
  });

  it('shows unknown for what it has no way into, says where it looked, and exits with 1', async () => {
    deployed.secrets.delete('prod/neon');
    const { code, answer } = await json('status', 'fruit');
    expect(code).toBe(1);
    expect(answer).toMatchObject({
      syncs: [
        {
          state: 'idle',
          through: 'unknown',
          latest: '0',
          rejectedKeys: 'unknown',
          lastError: {
            kind: 'environment_invalid',
            message: expect.stringContaining(
              'NEON_URL: not in the environment, and secret prod/neon of lakeferry.yaml: not found in Secrets Manager in us-east-1',
            ),
          },
        },
      ],
    });
  });
});

describe('a lakeferry.yaml that is not the deployed one', () => {
  it('is told of on stderr, and stops nothing', async () => {
    const { code, stderr } = await run('status', 'fruit', '--json');
    expect(code).toBe(0);
    expect(stderr).toBe(
      '! What is deployed was made from another lakeferry.yaml than this one: npx cdk deploy -c name=prod\n',
    );
    const digest = configDigest(await readFile(join(cli.folder, 'lakeferry.yaml'), 'utf8'));
    deployed.parameters.set(
      `/lakeferry/${NAME}`,
      JSON.stringify({ ...deployed.deployment, configDigest: digest }),
    );
    expect((await run('status', 'fruit', '--json')).stderr).toBe('');
    deployed.parameters.set(`/lakeferry/${NAME}`, JSON.stringify(deployed.deployment));
  });
});

describe('pause and resume', () => {
  it('need neither database nor secret', async () => {
    deployed.secrets.clear();
    expect(await json('pause', 'fruit', '--reason', 'index build')).toMatchObject({
      code: 0,
      answer: { syncs: [{ sync: 'fruit', changed: true, state: 'paused' }] },
    });
    expect(await json('run', 'fruit')).toMatchObject({
      code: 0,
      answer: { syncs: [{ state: 'paused', through: 'unknown' }] },
    });
    expect(await json('resume', 'fruit')).toMatchObject({
      code: 0,
      answer: { syncs: [{ changed: true, state: 'idle' }] },
    });
    expect(deployed.calls.filter((call) => call.includes('GetSecretValue'))).toEqual(
      // "run" asks the target what it shows, and shows unknown when it cannot.
      ['secretsmanager.GetSecretValue'],
    );
  });
});

describe('rejected', () => {
  it('lists the rows that stand aside, and tries them again by the deployed planner', async () => {
    expect((await run('run', 'nuts')).code).toBe(0);
    await postgres.query('alter table shop.nuts add constraint short check (length(name) < 4)');
    await cli.run('local', 'sql', "insert into main.shop.nuts values (2, 'hazel')");
    expect((await json('run', 'nuts', '--until-idle')).answer).toMatchObject({
      syncs: [{ state: 'idle', rows: { upserted: 0, rejected: 1 } }],
    });
    expect((await json('rejected', 'nuts')).answer).toMatchObject({ keys: expect.anything() });
    await postgres.query('alter table shop.nuts drop constraint short');
    const retried = await json('rejected', 'nuts', '--retry');
    expect(retried.answer).toMatchObject({
      sync: 'nuts',
      before: 1,
      after: 0,
      retried: 1,
      state: 'idle',
    });
    expect((await postgres.query('select name from shop.nuts order by id')).rows).toEqual([
      { name: 'oak' },
      { name: 'hazel' },
    ]);
  });

  it('says every place that it looked in for Neon', async () => {
    deployed.secrets.clear();
    const refused = await run('rejected', 'nuts');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('NEON_URL');
    expect(refused.stderr).toContain('secret prod/neon of lakeferry.yaml');
  });
});

describe('redrive', () => {
  it('asks the dead-letter queue of the deployment', async () => {
    expect(await json('redrive', '--dry-run')).toMatchObject({
      code: 0,
      answer: { move: 0, complete: true },
    });
    expect((await run('redrive', 'fruit')).stdout).toContain('There are no dead letters of fruit');
  });
});

describe('approve', () => {
  it('says that nothing waits', async () => {
    expect((await run('approve', 'fruit')).stdout).toContain('fruit does not wait for an approval.');
  });
});

describe('status --watch', () => {
  it('prints one document per line until it is stopped, and ends with 130', async () => {
    const watching = start('status', 'fruit', '--watch', '--json');
    await watching.until((stdout) => stdout.split('\n').length > 2);
    expect(await watching.stop()).toBe(130);
    for (const line of watching.stdout().trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ schemaVersion: 1, syncs: [{ sync: 'fruit', state: 'idle' }] });
    }
  });
});

describe('logs', () => {
  const now = Date.now();
  const entry = (from: 'planner' | 'writer', ageMs: number, fields: object) => ({
    group: `/lakeferry/${NAME}/${from}`,
    timestamp: now - ageMs,
    message: JSON.stringify({ level: 'INFO', service: NAME, cold_start: true, ...fields }),
  });

  beforeEach(() => {
    deployed.logEvents.splice(
      0,
      Number.POSITIVE_INFINITY,
      entry('planner', 7_200_000, { message: 'chunks sent', sync: 'fruit', planId: 'old' }),
      entry('planner', 5_000, { message: 'chunks sent', sync: 'fruit', chunks: 1 }),
      entry('planner', 4_000, { message: 'chunks sent', sync: 'nuts', chunks: 1 }),
      {
        group: `/lakeferry/${NAME}/planner`,
        timestamp: now - 3_500,
        message: 'START RequestId: 1 Version: $LATEST',
      },
      {
        group: `/lakeferry/${NAME}/writer`,
        timestamp: now - 3_000,
        message: '{"_aws":{},"RowsUpserted":3,"sync":"fruit"}',
      },
      entry('writer', 2_000, { message: 'chunk done', sync: 'fruit' }),
      entry('planner', 1_000, { message: 'plan finished', sync: 'fruit' }),
      {
        group: `/lakeferry/${NAME}/writer`,
        timestamp: now - 500,
        message: '1 Task timed out after 600.00 seconds',
      },
    );
  });
  const messages = (answer: unknown) =>
    (answer as { entries: { message: string; function: string }[] }).entries.map(
      ({ function: from, message }) => `${from}: ${message}`,
    );

  it('prints the entries of one sync from both functions, oldest first, and no metrics', async () => {
    const { code, answer } = await json('logs', 'fruit');
    expect(code).toBe(0);
    expect(messages(answer)).toEqual([
      'planner: chunks sent',
      'writer: chunk done',
      'planner: plan finished',
    ]);
    expect((await run('logs', 'fruit')).stdout).toMatch(
      /planner {2}info {3}chunks sent {2}sync=fruit chunks=1\n/,
    );
  });

  it('prints those of all syncs, with what ended a function from outside, and as far back as asked', async () => {
    const { answer } = await json('logs', '--since', '3h');
    expect(messages(answer)).toEqual([
      'planner: chunks sent',
      'planner: chunks sent',
      'planner: chunks sent',
      'writer: chunk done',
      'planner: plan finished',
      'writer: 1 Task timed out after 600.00 seconds',
    ]);
  });

  it('follows: each entry once, those that come late too, until it is stopped', async () => {
    const following = start('logs', 'fruit', '--follow', '--json');
    await following.until((stdout) => stdout.includes('plan finished'));
    deployed.logEvents.push(entry('writer', 1_500, { message: 'came late', sync: 'fruit' }));
    await following.until((stdout) => stdout.includes('came late'));
    expect(await following.stop()).toBe(130);
    const lines = following.stdout().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      'chunks sent',
      'chunk done',
      'plan finished',
      'came late',
    ]);
  });

  it('shows the newest up to the limit, says how many are left out and how to see them', async () => {
    const { code, stdout, stderr } = await run('logs', 'fruit', '--limit', '2', '--since', '3h');
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('  ')[3]?.trim()),
    ).toEqual(['chunk done', 'plan finished']);
    expect(lastLine(stderr)).toBe(
      `2 older entries left out; to see them: lakeferry logs fruit --since 3h --deployment ${NAME} --limit 4`,
    );
    expect((await json('logs', 'fruit', '--limit', '2')).answer).toMatchObject({ leftOut: 1 });
    expect((await json('logs', 'fruit')).answer).toMatchObject({ leftOut: 0 });
  });

  it('follows from the newest up to the limit, and never brings what it left out', async () => {
    const following = start('logs', 'fruit', '--follow', '--json', '--limit', '2');
    await following.until((stdout) => stdout.includes('plan finished'));
    deployed.logEvents.push(entry('writer', 0, { message: 'came later', sync: 'fruit' }));
    await following.until((stdout) => stdout.includes('came later'));
    await following.stop();
    const lines = following.stdout().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      'chunk done',
      'plan finished',
      'came later',
    ]);
  });

  it('says when there is nothing, and where a sync is not one', async () => {
    deployed.logEvents.length = 0;
    expect(await run('logs', 'fruit')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('Nothing'),
    });
    expect((await run('logs', 'fruits')).code).toBe(2);
  });
});
