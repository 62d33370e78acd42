import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DEMO_CONFIG, SYNC } from '../../src/cli/demo/customer-profiles.ts';
import { readConfigFile } from '../../src/config/config-file.ts';
import { WebSocketStream } from '../../src/local/neon-proxy/web-socket.ts';
import { STACK_FOLDER, stackFile } from '../../src/local/stack-info.ts';
import { DeltaDirectory, metadata, protocol, removal } from '../support/delta-directory.ts';
import { blocksOf, readPage } from '../support/docs.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(REPOSITORY, 'src/cli/main.ts');

const CONFIG = `
connections: {}
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
  trees: { source: main.shop.trees, target: shop.trees, primaryKey: id }
  nuts: { source: main.shop.nuts, target: shop.nuts, primaryKey: id }
`;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = '';

function launch(
  command: string,
  args: readonly string[],
  cwd: string,
): ChildProcess & { readonly ended: Promise<Ended> } {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]) => ({ code, stdout, stderr }),
  );
  return Object.assign(child, { ended });
}

const start = (args: readonly string[], cwd = folder) => launch(process.execPath, [MAIN, ...args], cwd);
const lakeferry = (...args: string[]) => start(args).ended;

async function json(...args: string[]): Promise<{ code: number; answer: Record<string, never> }> {
  const { code, stdout } = await lakeferry(...args, '--json');
  return { code, answer: JSON.parse(stdout) };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakeferry-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the command line on a local stack', () => {
  let stack: ReturnType<typeof start>;

  beforeAll(async () => {
    await writeFile(join(folder, 'lakeferry.yaml'), CONFIG);
    await writeFile(join(folder, 'fruit.csv'), 'id,name\n1,apple\n2,"pear, green"\n');
    stack = start(['local', 'up', '--json']);
    await once(stack.stdout as NodeJS.ReadableStream, 'data');
  });
  afterAll(async () => {
    stack.kill('SIGINT');
    await stack.ended;
  });

  it('loads a file, syncs it, follows a change and says where everything stands', async () => {
    expect(await lakeferry('local', 'load', 'fruit.csv', 'as', 'main.shop.fruit')).toMatchObject({
      code: 0,
      stdout: 'Loaded 2 rows into main.shop.fruit, version 0.\n',
    });
    expect(await json('run', 'fruit', '--local', '--until-idle')).toEqual({
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

    expect(
      (await lakeferry('local', 'sql', "update main.shop.fruit set name = 'fig' where id = 1")).code,
    ).toBe(0);
    expect((await lakeferry('local', 'sql', 'delete from main.shop.fruit where id = 2')).code).toBe(0);
    const behind = await json('status', 'fruit', '--local');
    expect(behind.answer).toMatchObject({
      syncs: [{ state: 'idle', through: '0', latest: '2', lag: { versions: '2' }, lastError: null }],
    });
    const caughtUp = await json('run', 'fruit', '--local', '--until-idle');
    expect(caughtUp.answer).toMatchObject({
      syncs: [{ through: '2', rows: { upserted: 1, deleted: 1, rejected: 0 } }],
    });
    const rows = await json('local', 'sql', 'select * from main.shop.fruit');
    expect(rows.answer).toEqual({
      schemaVersion: 1,
      columns: ['id', 'name'],
      rows: [{ id: '1', name: 'fig' }],
    });
  });

  it('ends an interrupted command although Neon is silent', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const file = stackFile(join(folder, STACK_FOLDER));
    const info = await readFile(file, 'utf8');
    try {
      const neon = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
      await writeFile(file, JSON.stringify({ ...JSON.parse(info), neon }));
      const command = start(['rejected', 'fruit', '--local']);
      onTestFinished(() => void command.kill('SIGKILL'));
      const [request, stream] = await once(silent, 'upgrade');
      WebSocketStream.accept(request, stream);
      const [login] = await once(stream, 'data');
      expect(login.length).toBeGreaterThan(0);
      command.kill('SIGINT');
      expect((await command.ended).code).toBe(130);
    } finally {
      await writeFile(file, info);
      silent.close();
    }
  });

  it('attaches a Delta table of another writer, syncs it and follows its commits', async () => {
    const others = await DeltaDirectory.create();
    try {
      const fields = [
        { name: 'id', type: 'integer' },
        { name: 'name', type: 'string' },
      ];
      const row = await others.add("select 1 as id, 'oak' as name");
      await others.commit(0, [protocol(), metadata(fields), row]);
      const path = relative(folder, others.path);
      expect(await lakeferry('local', 'attach', path, 'as', 'main.shop.trees')).toMatchObject({
        code: 0,
        stdout: `Attached ${path} as main.shop.trees, read-only, at version 0.\n`,
      });
      expect((await json('run', 'trees', '--local', '--until-idle')).answer).toMatchObject({
        syncs: [{ through: '0', rows: { upserted: 1, deleted: 0, rejected: 0 } }],
      });
      await others.commit(1, [removal(row), await others.add("select 2 as id, 'elm' as name")]);
      expect((await json('run', 'trees', '--local', '--until-idle')).answer).toMatchObject({
        syncs: [{ through: '1', rows: { upserted: 1, deleted: 1, rejected: 0 } }],
      });
      expect(await json('local', 'attach', path, 'as', 'main.shop.trees')).toEqual({
        code: 0,
        answer: { schemaVersion: 1, table: 'main.shop.trees', version: '1' },
      });
      const written = await lakeferry('local', 'sql', 'delete from main.shop.trees');
      expect(written.code).toBe(2);
      expect(written.stderr).toContain('read-only');
    } finally {
      await others.remove();
    }
  });

  it('does not attach what is no Delta table, or under no full name', async () => {
    const attach = (...args: string[]) => lakeferry('local', 'attach', '.', ...args);
    const missing = await attach('as', 'main.shop.none');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('DELTA_MISSING_DELTA_TABLE');
    const [unnamed, wordless] = [await attach('as', 'none'), await attach('to', 'main.shop.none')];
    expect([unnamed.code, wordless.code]).toEqual([2, 2]);
    expect(unnamed.stderr).toContain('lakeferry local attach . as main.default.none');
    expect(wordless.stderr).toContain('Expected the word "as", not "to".');
    expect((await lakeferry('local', 'attach', '--help')).stdout).toContain(
      'lakeferry local attach ./spark-warehouse/orders as main.gold.orders',
    );
  });

  it('halts a sync that needs somebody, with its remedy, and ends with 3', async () => {
    const run = await json('run', 'nuts', '--local', '--until-idle');
    expect(run).toMatchObject({
      code: 3,
      answer: { syncs: [{ state: 'halted', error: { kind: 'source_table_missing' } }] },
    });
    const shown = await lakeferry('status', 'nuts', '--local');
    expect(shown.code).toBe(3);
    expect(shown.stdout).toMatch(/^nuts\t✗ halted\tnone\tunknown\tunknown\t/m);
    expect(shown.stdout.trimEnd().split('\n').at(-1)).toContain('then run "lakeferry run nuts --local"');
  });

  it('says what the warehouse has against a statement', async () => {
    const { code, stderr } = await lakeferry('local', 'sql', 'selct 1');
    expect(code).toBe(2);
    expect(stderr).toContain('PARSE_SYNTAX_ERROR');
  });

  it('does not start a second stack over the first', async () => {
    const { code, stderr } = await lakeferry('local', 'up');
    expect(code).toBe(2);
    expect(stderr).toContain('runs here already');
  });

  it('stops at Ctrl-C, keeps its data, and commands say then that nothing runs', async () => {
    stack.kill('SIGINT');
    expect((await stack.ended).code).toBe(0);
    const { code, stderr } = await lakeferry('status', '--local');
    expect(code).toBe(2);
    expect(stderr).toContain('No local stack is running here.');

    stack = start(['local', 'up', '--json']);
    await once(stack.stdout as NodeJS.ReadableStream, 'data');
    expect((await json('run', 'fruit', '--local')).answer).toMatchObject({
      syncs: [{ state: 'idle', through: '2', rows: { upserted: 0 } }],
    });
  });
});

it('suggests commands that work on a stack without data, in the order in which they are typed', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'lakeferry-fresh-'));
  onTestFinished(() => rm(fresh, { recursive: true, force: true }));
  await copyFile(join(REPOSITORY, 'lakeferry.yaml'), join(fresh, 'lakeferry.yaml'));
  const stack = start(['local', 'up'], fresh);
  onTestFinished(async () => {
    stack.kill('SIGINT');
    await stack.ended;
  });
  const [screen] = await once(stack.stdout as NodeJS.ReadableStream, 'data');
  const suggested = String(screen).match(/(?<=^ {2}npm run -s lakeferry -- ).*/gm) ?? [];
  expect(suggested.length).toBeGreaterThan(2);
  const answers: string[] = [];
  for (const words of suggested) {
    const script = `'${process.execPath}' '${MAIN}' ${words}`;
    const { code, stdout, stderr } = await launch('sh', ['-c', script], fresh).ended;
    expect(code, `${words}\n${stderr}`).toBe(0);
    answers.push(stdout);
  }
  expect(answers.at(-1)).toMatch(/^people\t✓ idle\t0\t0\tnone\t/m);
});

describe('the demo', () => {
  let demo: Ended;

  beforeAll(async () => {
    demo = await lakeferry('demo');
  });

  it("shows the guide's table before and after, proves it equal, and says passed in its last line", () => {
    const { code, stdout } = demo;
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^Lakeferry demo passed: Neon equals Delta at version 6, 6 rows/,
    );
    expect(stdout).toMatch(/^ {4}~ {2}cust_002 .* Loyal Customer +170\.20/m);
    expect(stdout).toMatch(/^ {4}- {2}cust_005 /m);
    expect(stdout).toMatch(/^ {4}\+ {2}cust_303 +Charlie Chaplin/m);
    expect(code).toBe(0);
  });

  it('prints the screen of docs/start/demo.md, and the lines of README.md, in other times', () => {
    // Also what took over a minute: "1 min 5 s".
    const timeless = (text: string) => text.trimEnd().replaceAll(/\b(?:\d+ min )?[\d.]+ m?s\b/g, '… s');
    const screen = blocksOf(readPage('docs/start/demo.md')).find(({ text }) =>
      text.startsWith('Lakeferry demo'),
    );
    expect(timeless(demo.stdout)).toBe(timeless(screen?.text ?? ''));
    const lines = blocksOf(readPage('README.md'))
      .find(({ text }) => text.startsWith('  ✓ stack'))
      ?.text.split('\n');
    expect(lines?.length).toBeGreaterThan(5);
    for (const line of lines ?? []) expect(timeless(demo.stdout).split('\n')).toContain(timeless(line));
  });

  it('syncs the table that lakeferry.yaml ships with', async () => {
    const shipped = (await readConfigFile(join(REPOSITORY, 'lakeferry.yaml'))).syncs.get(SYNC);
    const shown = DEMO_CONFIG.syncs.get(SYNC);
    expect({ ...shown, maxChunkRows: 0, maxWriters: 0 }).toEqual({
      ...shipped,
      maxChunkRows: 0,
      maxWriters: 0,
    });
  });
});
