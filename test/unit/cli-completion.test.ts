import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';

const CONFIG = `syncs:
  orders: { source: main.gold.orders, target: gold.orders, primaryKey: id }
  order_items: { source: main.gold.items, target: gold.items, primaryKey: id }
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakeferry-tab-'));
  await writeFile(join(folder, 'lakeferry.yaml'), CONFIG);
  await writeFile(join(folder, 'broken.yaml'), `${CONFIG}  : [`);
  await writeFile(join(folder, 'invalid.yaml'), CONFIG.replace('primaryKey', 'key'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]) {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await runCli(args, {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: {},
    cwd: folder,
    clock: { now: () => 0 },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

/** What is offered in the place of the last word. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run('complete', '--', ...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0] ?? '');
}

describe('a tab', () => {
  it('completes commands, with what they do, and those below them', async () => {
    expect(await offered('re')).toEqual(['redrive', 'rejected', 'resume']);
    expect((await run('complete', '--', 'redr')).stdout).toBe('redrive\tsend failed chunks again\n');
    expect(await offered('local', '')).toEqual(['up', 'sql', 'load', 'attach']);
    expect(await offered('')).not.toContain('complete');
  });

  it('completes options and their values', async () => {
    expect(await offered('status', '--')).toEqual(expect.arrayContaining(['--watch', '--local', '--json']));
    expect(await offered('status', '--wa')).toEqual(['--watch']);
    expect(await offered('local', 'up', '--engine', '')).toEqual(['duckdb', 'spark']);
    expect(await offered('local', 'up', '--engine', 's')).toEqual(['spark']);
    expect(await offered('local', 'up', '--engine=', '')).toEqual([]);
    expect(await offered('local', 'up', '--engine=s')).toEqual(['--engine=spark']);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish', 'powershell']);
  });

  it.each(['status', 'run', 'pause', 'resume', 'approve', 'rejected', 'redrive', 'logs'])(
    'completes names of syncs behind %s',
    async (command) => {
      expect(await offered(command, 'ord')).toEqual(['orders', 'order_items']);
    },
  );

  it('completes names of syncs between options, and more than one where more may stand', async () => {
    expect(await offered('status', '--local', 'orders', 'order_')).toEqual(['order_items']);
    expect(await offered('rejected', 'orders', '')).toEqual([]);
    expect(await offered('explain', '')).toEqual([]);
  });

  it.each(['broken.yaml', 'invalid.yaml', 'missing.yaml'])(
    'completes no sync and is silent with %s',
    async (file) => {
      expect(await offered('status', '-c', file, '')).toEqual([]);
      expect(await offered('status', `--config=${file}`, '')).toEqual([]);
      expect(await offered('status', '-c', file, '--wa')).toEqual(['--watch']);
    },
  );

  it('leaves the name of a file to the shell', async () => {
    expect(await offered('status', '-c', 'lake')).toEqual([':files']);
    expect(await offered('status', '--config=lake')).toEqual([':files']);
    expect(await offered('local', 'load', 'ord')).toEqual([':files']);
    expect(await offered('local', 'load', 'orders.csv', '')).toEqual([]);
  });

  it('takes a space for a word not begun', async () => {
    expect(await offered('status', ' ')).toEqual(['orders', 'order_items']);
  });

  it('is silent about a line that makes no sense', async () => {
    expect(await offered('zebra', '--x', '--', 'y')).toEqual([]);
    expect(await offered()).toEqual(await offered(''));
  });
});

describe('completion', () => {
  it.each([
    ['bash', 'complete -o default -F _lakeferry lakeferry'],
    ['zsh', 'compdef _lakeferry lakeferry'],
    ['fish', 'complete -c lakeferry'],
    ['powershell', 'Register-ArgumentCompleter -Native -CommandName lakeferry'],
  ])('prints the script for %s, which asks lakeferry itself', async (shell, line) => {
    const { code, stdout } = await run('completion', shell);
    expect(code).toBe(0);
    expect(stdout).toContain(line);
    expect(stdout).not.toMatch(/eval |Invoke-Expression|compgen -W/);
  });

  it('knows four shells, and says which', async () => {
    const { code, stderr } = await run('completion', 'ksh');
    expect(code).toBe(2);
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain('bash, zsh, fish, powershell');
    expect((await run('completion', '--help')).stdout).toContain('~/.config/fish/completions/lakeferry.fish');
  });

  it('is a command that people see, and the one that shells call is not', async () => {
    const { stdout } = await run();
    expect(stdout).toMatch(/completion {2}completion in the shell/);
    expect(stdout).not.toMatch(/complete /);
  });
});
