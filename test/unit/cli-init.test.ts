import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { replaceFile } from '../../src/config/write-config-file.ts';

const HOST = 'dbc-1.cloud.databricks.com';
const REACH = ['--host', HOST, '--http-path', '/sql/1.0/warehouses/1'];
const FILE = 'syncs:\n  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id } # ours\n';

let folder = '';
const file = () => join(folder, 'lakeferry.yaml');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakeferry-init-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface World {
  /** What a person types, by the first words of each question; an empty line where it is not named. */
  readonly typed?: Readonly<Record<string, string | readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
}

async function init(args: readonly string[], { typed, env = {} }: World = {}) {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const asked: string[] = [];
  const lines = new Map(Object.entries(typed ?? {}).map(([start, text]) => [start, [text].flat()]));
  const ask = async (question: string) => {
    asked.push(question);
    const answers = [...lines].find(([start]) => question.startsWith(start))?.[1];
    return answers?.shift() ?? '';
  };
  const code = await runCli(['init', ...args], {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { LANG: 'C.UTF-8', ...env },
    cwd: folder,
    clock: { now: () => 0 },
    signal: new AbortController().signal,
    ...(typed && { ask }),
  });
  return { code, asked, ...written };
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);
const config = async () => parseConfig(await readFile(file(), 'utf8'), 'lakeferry.yaml');

describe('init without a look', () => {
  it('writes a new file with one sync, and ends with the command that comes next', async () => {
    const done = await init(['main.gold.orders', '--key', 'tenant, order_id', '--no-look', ...REACH]);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(lastLine(done.stdout)).toBe('lakeferry doctor orders');
    const { connections, syncs } = await config();
    expect(connections).toEqual({
      databricks: { host: HOST, httpPath: '/sql/1.0/warehouses/1', secret: 'lakeferry/databricks' },
      neon: { secret: 'lakeferry/neon' },
      aws: {},
    });
    expect(syncs.get('orders')).toMatchObject({
      target: { schema: 'gold', table: 'orders' },
      primaryKey: ['tenant', 'order_id'],
      schedule: 'rate(5 minutes)',
    });
    expect(await readdir(folder)).toEqual(['lakeferry.yaml']);
  });

  it('takes a file of nothing but blanks for none', async () => {
    await writeFile(file(), ' \n\n');
    const done = await init(['main.gold.fruit', '--local', '--key', 'id', '--no-look', '--yes']);
    expect(done.code).toBe(0);
    expect((await config()).syncs.has('fruit')).toBe(true);
  });

  it('adds to a file that is there, which stays as it is, with its mode and behind its link', async () => {
    await writeFile(join(folder, 'real.yaml'), FILE);
    await chmod(join(folder, 'real.yaml'), 0o664);
    await symlink('real.yaml', file());
    const flags = ['--key', 'id', '--no-look', '--schedule', 'continuous', '--region', 'eu-central-1'];
    expect((await init(['main.gold.orders', ...flags, ...REACH])).code).toBe(0);
    const text = await readFile(file(), 'utf8');
    expect(text.startsWith(FILE)).toBe(true);
    expect((await config()).syncs.get('orders')?.schedule).toBe('continuous');
    expect((await config()).connections.aws).toEqual({ region: 'eu-central-1' });
    expect((await stat(file())).mode & 0o777).toBe(0o664);
    expect((await lstat(file())).isSymbolicLink()).toBe(true);
  });

  it('with --dry-run prints what it would write, and writes nothing', async () => {
    const flags = ['main.gold.orders', '--key', 'id', '--no-look', '--dry-run', ...REACH];
    const fresh = await init(flags);
    expect(fresh.stdout).toContain('nothing was written:\n\n# yaml-language-server');
    expect(await readdir(folder)).toEqual([]);
    await writeFile(file(), FILE);
    const more = await init(flags);
    expect(more.stdout).toMatch(/nothing was written:\n\nconnections:\n[\s\S]*\nsyncs:\n {2}orders:\n/);
    expect(more.stdout).not.toContain('fruit');
    expect(await readFile(file(), 'utf8')).toBe(FILE);
    const document = JSON.parse((await init([...flags, '--json'])).stdout);
    expect(document).toMatchObject({
      schemaVersion: 1,
      dryRun: true,
      created: false,
      sync: { name: 'orders', target: 'gold.orders', primaryKey: ['id'], schedule: null },
      columns: null,
      next: 'lakeferry doctor orders',
    });
    expect(parseConfig(document.text, 'f').syncs.size).toBe(2);
  });

  it.each([
    [[], 'lakeferry init --no-look <catalog.schema.table> --host <host> --http-path <path> --key <columns>'],
    [['--local', '--key', 'id'], 'lakeferry init --key id --local --no-look <catalog.schema.table>'],
    [
      ['main.gold.orders'],
      'lakeferry init main.gold.orders --no-look --host <host> --http-path <path> --key <columns>',
    ],
    [
      ['main.gold.orders', '--host', HOST],
      `lakeferry init main.gold.orders --host ${HOST} --no-look --http-path <path> --key <columns>`,
    ],
    [
      ['main.gold.orders', '--local', '-c', 'a b.yaml'],
      "lakeferry init main.gold.orders --config 'a b.yaml' --local --no-look --key <columns>",
    ],
    [
      ['main.gold.orders', '--yes'],
      'lakeferry init main.gold.orders --no-look --yes --host <host> --http-path <path> --key <columns>',
    ],
    [
      ['main.pg_x.orders', '--local'],
      'lakeferry init main.pg_x.orders --local --no-look --target <schema.table> --key <columns>',
    ],
    [['gold.orders'], 'lakeferry init --no-look <catalog.schema.table>'],
    [
      ['main.gold.orders', '--local', '--key', 'id', '--name', 'A b'],
      'lakeferry init main.gold.orders --key id --local --no-look --name <name>',
    ],
    [
      ['main.gold.orders', '--local', '--key', 'id', '--target', 'lakeferry.x'],
      'lakeferry init main.gold.orders --key id --local --no-look --target <schema.table>',
    ],
    [
      ['main.gold.orders', '--local', '--key', 'id,ID'],
      'lakeferry init main.gold.orders --local --no-look --key <columns>',
    ],
    [
      ['main.gold.orders', '--local', '--key', 'id', '--exclude', 'id'],
      'lakeferry init main.gold.orders --key id --local --no-look --exclude <columns>',
    ],
    [
      ['main.gold.orders', '--local', '--key', 'id', '--schedule', 'daily'],
      'lakeferry init main.gold.orders --key id --local --no-look --schedule <expression>',
    ],
    [
      ['main.gold.orders', '--region', 'Europe', ...REACH],
      `lakeferry init main.gold.orders --host ${HOST} --http-path /sql/1.0/warehouses/1 --no-look --region <region>`,
    ],
    [
      ['main.gold.orders', '--databricks-secret', 'our/lake', '--neon-secret', 'our/neon', ...REACH],
      `lakeferry init main.gold.orders --host ${HOST} --http-path /sql/1.0/warehouses/1 --databricks-secret our/lake --neon-secret our/neon --no-look --key <columns>`,
    ],
    [
      ['main.gold.orders', '--yes', '--dry-run', ...REACH],
      `lakeferry init main.gold.orders --host ${HOST} --http-path /sql/1.0/warehouses/1 --no-look --yes --dry-run --key <columns>`,
    ],
  ])('%j is a usage error that names the flag, and writes nothing', async (args, remedy) => {
    const refused = await init([...args, '--no-look']);
    expect(refused.code).toBe(2);
    expect(lastLine(refused.stderr)).toBe(`  remedy   ${remedy}`);
    const document = await init([...args, '--no-look', '--json']);
    expect(JSON.parse(document.stdout).error).toMatchObject({
      kind: 'usage',
      remedy: expect.stringContaining(' --json '),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says all that lacks at once, where the table is to be looked at, too', async () => {
    const refused = await init(['main.gold.orders'], { env: { DATABRICKS_HTTP_PATH: '/sql/1' } });
    expect(refused.code).toBe(2);
    expect(refused.stderr.split('\n').slice(0, 2)).toEqual([
      '✗ 2 things are needed, and nobody can be asked for them: Host of the Databricks workspace; Primary',
      '  key.',
    ]);
    expect(lastLine(refused.stderr)).toBe(
      '  remedy   lakeferry init main.gold.orders --host <host> --key <columns>',
    );
  });

  it('asks with --yes for no key that a look may propose', async () => {
    const refused = await init(['main.gold.orders', '--yes']);
    expect(lastLine(refused.stderr)).toBe(
      '  remedy   lakeferry init main.gold.orders --yes --host <host> --http-path <path>',
    );
  });

  it('takes every default with --yes, and asks nobody; a key has none that nobody saw', async () => {
    const refused = await init(['main.gold.orders', '--no-look', '--yes', ...REACH], { typed: {} });
    expect(refused).toMatchObject({ code: 2, asked: [] });
    const done = await init(['main.gold.orders', '--no-look', '--yes', '--key', 'id', ...REACH], {
      typed: {},
    });
    expect(done).toMatchObject({ code: 0, asked: [] });
  });

  it('refuses a sync and a target that are there already', async () => {
    await writeFile(file(), FILE);
    const sync = await init(['main.gold.fruit', '--local', '--key', 'id', '--no-look']);
    expect(sync).toMatchObject({ code: 2, stdout: '' });
    expect(sync.stderr).toContain('lakeferry.yaml has a sync "fruit" already.');
    const target = await init([
      'main.gold.pears',
      '--local',
      '--key',
      'id',
      '--no-look',
      '--target',
      '"shop".fruit',
    ]);
    expect(target.stderr).toContain('is the target of the sync fruit already');
    const host = await init(['main.gold.pears', '--key', 'id', '--no-look', ...REACH]);
    expect(host.code).toBe(0);
    const other = await init(['main.gold.nuts', '--key', 'id', '--no-look', '--host', 'another.example.com']);
    expect(other.stderr).toContain('lakeferry.yaml has another connections.databricks.host already');
    expect((await config()).syncs.size).toBe(2);
  });

  it('reports a file that is invalid, or that may not be read, and leaves it', async () => {
    await writeFile(file(), 'syncs:\n  fruit: { sauce: x }\n');
    const refused = await init(['main.gold.orders', '--key', 'id', '--local', '--no-look']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/lakeferry.yaml has \d problems/);
    const unreadable = await init(['main.gold.orders', '--key', 'id', '--local', '--no-look', '-c', '.']);
    expect(unreadable).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be read: EISDIR') });
  });

  it('never writes a file that would be invalid', async () => {
    const lag = `${FILE}defaults: { maxLag: 10 minutes }\n`;
    await writeFile(file(), lag);
    const refused = await init([
      'main.gold.orders',
      '--key',
      'id',
      '--local',
      '--no-look',
      '--schedule',
      'rate(1 hour)',
    ]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('syncs.orders.schedule');
    expect(await readFile(file(), 'utf8')).toBe(lag);
  });

  it('neither writes nor repeats what looks like a secret', async () => {
    const secret = 'postgresql://ana:hunter2@ep-1.neon.tech/app';
    for (const args of [
      ['main.gold.orders', '--key', 'id', ...REACH, '--neon-secret', secret],
      ['main.gold.orders', '--key', 'id', ...REACH, '--databricks-secret', 'dapi0123456789abcdef'],
      ['main.gold.orders', '--local', '--key', 'id', '--target', secret],
      [secret, '--local', '--key', 'id'],
      ['main.gold.orders', '--local', '--key', 'id', '--exclude', secret, '--schedule', 'x'],
    ]) {
      for (const json of [[], ['--json']]) {
        const { code, stdout, stderr } = await init([...args, '--no-look', ...json]);
        expect(code).toBe(2);
        expect(stdout + stderr).not.toMatch(/hunter2|dapi0123/);
        expect(stdout + stderr).toContain('looks like a secret');
      }
    }
    const { stderr } = await init([
      'main.gold.orders',
      '--local',
      '--target',
      'x',
      '--key',
      secret,
      '--no-look',
    ]);
    expect(stderr).toContain('"x" has one part');
    expect(stderr).not.toContain('hunter2');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('init at a terminal', () => {
  it('asks for what no flag, file or environment says, and again after a wrong answer', async () => {
    const done = await init(['--no-look'], {
      env: { DATABRICKS_HTTP_PATH: '/sql/1', AWS_REGION: 'eu-central-1' },
      typed: {
        'Source table': ['orders', 'main.gold.orders'],
        Host: HOST,
        'Name of the secret for Neon': ['napi npg_0123456789', 'prod/neon'],
        'Primary key': ['', 'id'],
      },
    });
    expect(done.code).toBe(0);
    expect(done.asked.map((question) => question.replace(/[([:].*/, '').trim())).toEqual([
      'Source table in Databricks',
      'Source table in Databricks',
      'Target table in Postgres',
      'Host of the Databricks workspace',
      'Name of the secret for Databricks in AWS Secrets Manager',
      'Name of the secret for Neon in AWS Secrets Manager',
      'Name of the secret for Neon in AWS Secrets Manager',
      'Primary key',
      'Primary key',
      'Schedule',
    ]);
    expect(done.asked).toContain('Target table in Postgres [gold.orders]: ');
    expect(done.stderr).toContain('"orders" has one part; write catalog.schema.table');
    expect(done.stderr).not.toContain('npg_0123456789');
    expect((await config()).connections).toEqual({
      databricks: { host: HOST, httpPath: '/sql/1', secret: 'lakeferry/databricks' },
      neon: { secret: 'prod/neon' },
      aws: {},
    });
  });

  it('asks for another name where the usual one is taken, and for none where it is free', async () => {
    await writeFile(file(), FILE);
    const done = await init(['main.gold.fruit', '--local', '--key', 'id', '--no-look'], {
      typed: { 'Name of the sync': 'gold_fruit' },
    });
    expect(done.asked[0]).toBe('Name of the sync, since there is a sync fruit already: ');
    expect((await config()).syncs.has('gold_fruit')).toBe(true);
    const given = await init(['main.gold.fruit', '--local', '--name', 'fruit', '--no-look'], { typed: {} });
    expect(given).toMatchObject({ code: 2, asked: [] });
    expect(given.stderr).toContain('Name of the sync: lakeferry.yaml has a sync "fruit" already.');
    const free = await init(['main.gold.pears', '--local', '--key', 'id', '--no-look'], { typed: {} });
    expect(free.asked.join('\n')).not.toContain('Name of the sync');
  });
});

describe('the file', () => {
  it('is not written over what somebody else wrote in the meantime', async () => {
    await writeFile(file(), 'theirs');
    expect(await replaceFile(file(), undefined, 'ours')).toBe('changed');
    expect(await replaceFile(file(), 'older', 'ours')).toBe('changed');
    expect(await readFile(file(), 'utf8')).toBe('theirs');
    expect(await replaceFile(file(), 'theirs', 'ours')).toBe('written');
    expect(await readdir(folder)).toEqual(['lakeferry.yaml']);
  });

  it('is left as it is when its folder takes no other', async () => {
    await expect(replaceFile(join(folder, 'none', 'lakeferry.yaml'), undefined, 'x')).rejects.toThrow(
      'ENOENT',
    );
    const refused = await init([
      'main.gold.orders',
      '--local',
      '--key',
      'id',
      '--no-look',
      '-c',
      'none/a.yaml',
    ]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written: ENOENT') });
  });
});
