import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { STACK_FOLDER, stackFile } from '../../src/local/stack-info.ts';
import { decodePlan, encodeMessage } from '../../src/plan/codec.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { AwsFaults, startAwsFront } from '../support/aws-front.ts';
import { type Cli, openCli } from '../support/cli.ts';

const CONFIG = `
connections: {}
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
  herbs: { source: main.shop.herbs, target: shop.herbs, primaryKey: id }
  trees: { source: main.shop.trees, target: shop.trees, primaryKey: id }
  nuts:
    source: main.shop.nuts
    target: shop.nuts
    primaryKey: id
    columns: { types: { name: varchar(3) } }
    rejectedRows: quarantine
`;

let cli: Cli;
let postgres: pg.Client;
let sqs: SQSClient;

beforeAll(async () => {
  cli = await openCli();
  await writeFile(join(cli.folder, 'lakeferry.yaml'), CONFIG);
  await writeFile(join(cli.folder, 'fruit.csv'), 'id,name\n1,apple\n2,pear\n');
  await writeFile(join(cli.folder, 'nuts.csv'), 'id,name\n1,oak\n2,hazel\n3,walnut\n');
  const { info } = cli.stack;
  postgres = new pg.Client({ connectionString: info.postgres });
  await postgres.connect();
  const { sqs: endpoint, region } = info.aws;
  sqs = new SQSClient({ endpoint, region, credentials: LOCAL_AWS_CREDENTIALS });
  for (const table of ['fruit', 'nuts']) {
    expect((await cli.run('local', 'load', `${table}.csv`, 'as', `main.shop.${table}`)).code).toBe(0);
  }
  expect((await run('fruit', 'nuts')).code).toBe(0);
});
afterAll(async () => {
  sqs?.destroy();
  await postgres?.end();
  await cli?.close();
});

const run = (...syncs: string[]) => cli.json('run', ...syncs, '--local', '--until-idle');
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

async function statusOf(sync: string): Promise<unknown> {
  const { answer } = await cli.json('status', sync, '--local');
  return (answer as { syncs?: unknown[] }).syncs?.[0];
}

async function rows(table: string): Promise<unknown[]> {
  return (await postgres.query(`select * from shop.${table} order by id`)).rows;
}

/** What is left of the plan that the sync finished last, as a dead letter. */
async function leaveDeadLetter(sync: string): Promise<void> {
  const { rows: found } = await postgres.query('select plan from lakeferry.syncs where sync = $1', [sync]);
  const MessageBody = encodeMessage({ plan: decodePlan(found[0].plan), slice: 0, of: 1 });
  await sqs.send(new SendMessageCommand({ QueueUrl: cli.stack.info.aws.deadLetterQueueUrl, MessageBody }));
}

describe('status on a terminal', () => {
  /** Runs until it ends or has written a number of screens; gives what was written, in order, each by its stream. */
  async function written(screens: number, ...args: string[]) {
    const stop = new AbortController();
    const writes: { readonly stream: 'stdout' | 'stderr'; readonly text: string }[] = [];
    const output = (stream: 'stdout' | 'stderr') => ({
      isTTY: true,
      columns: 100,
      write: (text: string) => {
        writes.push({ stream, text });
        if (writes.filter((each) => each.stream === 'stdout').length === screens) stop.abort();
      },
    });
    const [stdout, stderr] = [output('stdout'), output('stderr')];
    const env = { LANG: 'C.UTF-8' };
    const io = { stdout, stderr, env, cwd: cli.folder, clock: systemClock, signal: stop.signal };
    await runCli(['status', 'fruit', 'nuts', '--local', ...args], io);
    return writes;
  }
  const ERASE = '\r\u001b[2K';
  const SAYS_SO = [
    { stream: 'stderr', text: `${ERASE}looking at fruit, nuts` },
    { stream: 'stderr', text: ERASE },
  ];
  const SCREEN = { stream: 'stdout', text: expect.stringContaining('LOOKED') };

  it('says at once what it looks at, and takes that away before the table', async () => {
    expect(await written(2)).toEqual([...SAYS_SO, SCREEN]);
  });

  it('says so before the first screen that is watched, and leaves the others in their place', async () => {
    expect(await written(3, '--watch')).toEqual([...SAYS_SO, SCREEN, SCREEN, SCREEN]);
  });

  it('prints nothing beside a document', async () => {
    expect(await written(2, '--json')).toMatchObject([{ stream: 'stdout' }]);
  });
});

it('pauses a sync, which then plans nothing, and resumes it where it was', async () => {
  const dry = await cli.json('pause', 'fruit', '--local', '--dry-run');
  expect(dry).toMatchObject({
    code: 0,
    answer: { dryRun: true, syncs: [{ sync: 'fruit', changed: true, state: 'paused' }] },
  });
  expect(await statusOf('fruit')).toMatchObject({ state: 'idle', paused: null });

  const paused = await cli.run('pause', 'fruit', '--local', '--reason', 'index build');
  expect(paused).toMatchObject({ code: 0, stderr: '' });
  expect(lastLine(paused.stdout)).toBe('  lakeferry resume fruit --local');
  expect(await statusOf('fruit')).toMatchObject({
    state: 'paused',
    paused: { by: 'ana', reason: 'index build' },
  });
  const again = await cli.json('pause', 'fruit', '--local', '--reason', 'another');
  expect(again).toMatchObject({
    code: 0,
    answer: { dryRun: false, syncs: [{ changed: false, paused: { reason: 'index build' } }] },
  });

  await cli.run('local', 'sql', "update main.shop.fruit set name = 'fig' where id = 1");
  expect((await run('fruit')).answer).toMatchObject({ syncs: [{ state: 'paused', through: '0' }] });
  const resumed = await cli.json('resume', 'fruit', '--local');
  expect(resumed).toMatchObject({
    code: 0,
    answer: { syncs: [{ sync: 'fruit', changed: true, state: 'idle', paused: null, halt: null }] },
  });
  expect((await run('fruit')).answer).toMatchObject({ syncs: [{ state: 'idle', through: '1' }] });
  expect((await cli.json('resume', 'fruit', '--local')).answer).toMatchObject({
    syncs: [{ changed: false, state: 'idle' }],
  });
});

it('says what became of each sync where a pause fails halfway, and leaves the rest to whoever typed it', async () => {
  const faults = new AwsFaults();
  const { info } = cli.stack;
  const front = await startAwsFront(info.aws.dynamodb, faults);
  const tell = (dynamodb: string) =>
    writeFile(
      stackFile(join(cli.folder, STACK_FOLDER)),
      JSON.stringify({ ...info, aws: { ...info.aws, dynamodb } }),
    );
  onTestFinished(async () => {
    await tell(info.aws.dynamodb);
    await front.close();
  });
  await tell(front.endpoint);
  faults.add({ action: 'PutItem', skip: 1, times: 1_000, fault: 'answerLost' });
  const failed = await cli.run('pause', 'fruit', 'herbs', 'nuts', '--local');
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(failed.stderr.replaceAll(/\s+/g, ' ')).toContain(
    'Paused: fruit. Not certain: herbs. Not paused: nuts.',
  );
  expect(failed.stderr).toMatch(/\n {2}where +sync herbs, /);
  expect(lastLine(failed.stderr)).toMatch(/^ {2}remedy .*, and run the command again\.$/);

  faults.clear();
  const states = (await cli.json('pause', 'fruit', 'herbs', 'nuts', '--local')).answer;
  expect(states).toMatchObject({ syncs: [{ changed: false }, { changed: false }, { changed: true }] });
  faults.add({ action: 'PutItem', times: 1_000, fault: 'refused' });
  const resumed = await cli.json('resume', 'fruit', 'herbs', 'nuts', '--local');
  expect(resumed).toMatchObject({
    code: 1,
    answer: {
      error: {
        sync: 'fruit',
        message: expect.stringMatching(/ Not certain: fruit\. Not resumed: herbs, nuts\.$/),
      },
    },
  });
  faults.clear();
  expect((await cli.run('resume', 'fruit', 'herbs', 'nuts', '--local')).code).toBe(0);
});

it('shows on stderr what planner and writer do, where "logs" on the local stack says', async () => {
  await cli.run('local', 'sql', "update main.shop.fruit set name = 'date' where id = 1");
  const refused = await cli.run('logs', 'fruit', '--local');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  const [, words = ''] = /remedy +lakeferry (.*)\n$/.exec(refused.stderr) ?? [];
  const followed = await cli.run(...words.split(' '));
  expect(followed.code).toBe(0);
  expect(followed.stderr).toMatch(/^\d\d:\d\d:\d\d info .* sync=fruit /m);
  await cli.run('local', 'sql', "update main.shop.fruit set name = 'fig' where id = 1");
  expect((await cli.run('run', 'fruit', '--local')).stderr).not.toContain('sync=fruit');
});

it('does not take a halt for a pause: it tells the cause and what ends it, and exits with 3', async () => {
  expect((await run('trees')).code).toBe(3);
  const resumed = await cli.run('resume', 'trees', '--local');
  expect(resumed.code).toBe(3);
  expect(resumed.stdout).toContain('trees is not paused but halted: source_table_missing');
  expect(lastLine(resumed.stdout)).toContain('run "lakeferry run trees --local"');

  expect((await cli.json('pause', 'trees', '--local')).answer).toMatchObject({
    syncs: [{ state: 'paused', halt: { kind: 'source_table_missing' } }],
  });
  expect(await cli.json('resume', 'trees', '--local')).toMatchObject({
    code: 3,
    answer: { syncs: [{ changed: true, state: 'halted', halt: { kind: 'source_table_missing' } }] },
  });
});

it('moves the dead letters of one sync or of all, and old ones change nothing', async () => {
  const nothing = await cli.run('redrive', '--local', '--dry-run');
  expect(nothing).toMatchObject({ code: 0, stdout: 'There are no dead letters.\n' });

  await leaveDeadLetter('fruit');
  await leaveDeadLetter('nuts');
  const found = {
    unreadable: 0,
    complete: true,
    syncs: [
      { sync: 'fruit', messages: 1, ofOpenPlan: 0 },
      { sync: 'nuts', messages: 1, ofOpenPlan: 0 },
    ],
  };
  expect((await cli.json('redrive', '--local', '--dry-run')).answer).toMatchObject({ move: 2, ...found });
  expect((await cli.json('redrive', 'nuts', '--local', '--dry-run')).answer).toMatchObject({
    move: 1,
    stay: 1,
    ...found,
  });

  const before = [await rows('fruit'), await rows('nuts'), await statusOf('fruit')];
  expect((await cli.json('redrive', 'fruit', '--local')).answer).toEqual({
    schemaVersion: 1,
    dryRun: false,
    sync: 'fruit',
    moved: 1,
    stay: 1,
    complete: true,
  });
  expect((await cli.run('redrive', '--local')).stdout).toMatch(
    /^✓ Moved 1 message back to the chunk queue\.$/m,
  );
  expect((await run('fruit', 'nuts')).code).toBe(0);
  expect([await rows('fruit'), await rows('nuts')]).toEqual(before.slice(0, 2));
  expect((await cli.run('redrive', '--local', '--dry-run')).stdout).toBe('There are no dead letters.\n');
});

it('halts before a window that empties the target, until a person approves of that window', async () => {
  const many = Array.from({ length: 1_200 }, (_, id) => `${id},herb`);
  await writeFile(join(cli.folder, 'herbs.csv'), `id,name\n${many.join('\n')}\n`);
  await cli.run('local', 'load', 'herbs.csv', 'as', 'main.shop.herbs');
  expect((await run('herbs')).code).toBe(0);
  const none = await cli.run('approve', 'herbs', '--local', '--yes');
  expect(none).toMatchObject({ code: 0, stdout: '✓ herbs does not wait for an approval.\n' });

  await cli.run('local', 'sql', 'delete from main.shop.herbs where id > 9');
  expect((await run('herbs')).code).toBe(3);
  expect(await rows('herbs')).toHaveLength(1_200);
  expect(await statusOf('herbs')).toMatchObject({ state: 'halted', lastError: { kind: 'mass_delete' } });

  const dry = await cli.run('approve', 'herbs', '--local', '--dry-run');
  expect(dry.stdout).toContain('about 1190 of 1200 rows of shop.herbs (99 %)');
  expect(await cli.run('approve', 'herbs', '--local')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('lakeferry approve herbs --local --yes'),
  });
  const refused = await run('herbs');
  expect(refused, JSON.stringify(refused.answer)).toMatchObject({ code: 3 });

  const approved = await cli.run('approve', 'herbs', '--local', '--yes');
  expect(approved).toMatchObject({ code: 0, stderr: '' });
  expect(lastLine(approved.stdout)).toBe('  At once: lakeferry run herbs --local');
  expect((await run('herbs')).code).toBe(0);
  expect(await rows('herbs')).toHaveLength(10);
});

it('approves of nothing where a sync is halted for another reason', async () => {
  expect((await run('trees')).code).toBe(3);
  const { code, stdout } = await cli.run('approve', 'trees', '--local', '--yes');
  expect(code).toBe(3);
  expect(stdout).toContain('trees is halted for another reason: source_table_missing.');
});

it('lists the rejected rows of a sync, so many of them, with the totals of all', async () => {
  expect(await rows('nuts')).toEqual([{ id: '1', name: 'oak' }]);
  const { answer } = await cli.json('rejected', 'nuts', '--local', '--limit', '1');
  expect(answer).toMatchObject({ sync: 'nuts', keys: 2, changes: 2 });
  const [shown, ...others] = (answer as { rows?: unknown[] }).rows ?? [];
  expect(shown).toMatchObject({
    key: [expect.stringMatching(/^[23]$/)],
    reason: 'too_long',
    column: 'name',
    sqlState: null,
    constraint: null,
    version: '0',
    changes: 1,
  });
  expect(others).toEqual([]);

  await cli.run('local', 'sql', "update main.shop.nuts set name = 'nut' where id = 2");
  expect((await run('nuts')).code).toBe(0);
  const left = await cli.run('rejected', 'nuts', '--local');
  expect(left.stdout).toMatch(/^3\ttoo_long\tname\t\t\t0\t1\t/m);
  expect(await statusOf('nuts')).toMatchObject({ rejectedKeys: 1, rows: { rejected: 2 } });
  expect(left.stdout).toContain('1 key of nuts is rejected, in 1 change.');
  await postgres.query('alter table shop.nuts alter column name type varchar(9)');
  const dry = await cli.run('rejected', 'nuts', '--local', '--retry', '--dry-run');
  expect(dry.stdout).toBe('! 1 row of nuts would be tried again.\n');
  expect(await cli.run('rejected', 'nuts', '--local', '--dry-run')).toMatchObject({ code: 2 });
  const widened = CONFIG.replace('varchar(3)', 'varchar(9)');
  await writeFile(join(cli.folder, 'lakeferry.yaml'), widened);
  const retried = await cli.run('rejected', 'nuts', '--local', '--retry');
  expect(retried).toMatchObject({
    code: 0,
    stdout: '✓ 1 row of nuts applied; none is rejected any more.\n',
  });
  expect((await rows('nuts')).map((row) => (row as { name: string }).name)).toEqual(['oak', 'nut', 'walnut']);
  const none = await cli.run('rejected', 'fruit', '--local');
  expect(none).toMatchObject({ code: 0, stdout: '✓ No row of fruit is rejected.\n' });
});
