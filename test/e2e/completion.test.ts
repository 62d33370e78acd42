import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const run = promisify(execFile);

const CLI_PAGE = new URL('../../docs/reference/cli.md', import.meta.url);
const INSTALLED = ['bash', 'zsh', 'fish'].filter((shell) => spawnSync(shell, ['--version']).status === 0);

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lakeferry-tab-'));
  await writeFile(join(home, 'lakeferry.yaml'), configOf('orders'));
  await writeFile(join(home, 'my file.yaml'), configOf('invoices'));
  await writeFile(join(home, 'lakeferry'), COMMAND);
  await chmod(join(home, 'lakeferry'), 0o755);
  const page = await readFile(CLI_PAGE, 'utf8');
  await Promise.all(INSTALLED.map((shell) => install(shell, page)));
});
afterAll(() => rm(home, { recursive: true, force: true }));

function configOf(sync: string): string {
  return `syncs: { ${sync}: { source: main.gold.orders, target: gold.orders, primaryKey: id } }\n`;
}

/** Writes down its words, and runs what completion consists of. */
const COMMAND = `#!/bin/sh
for word in "$@"; do printf '<%s>' "$word" >> "$CALLS"; done
echo >> "$CALLS"
case $1 in complete | completion) exec "$NODE" "$MAIN" "$@" ;; esac
`;

function world(more: NodeJS.ProcessEnv = {}) {
  const env = {
    PATH: `${home}:${process.env['PATH']}`,
    HOME: home,
    ZDOTDIR: home,
    TERM: 'dumb',
    LC_ALL: 'C',
    NODE: process.execPath,
    MAIN,
    CALLS: '/dev/null',
    ...more,
  };
  return { cwd: home, env, timeout: 120_000 };
}

/** Does what the page says of the shell. */
async function install(shell: string, page: string): Promise<void> {
  const [, lines] = new RegExp(`^${shell}\n((?: {2}.*\n)+)`, 'm').exec(page) ?? [];
  await run('sh', ['-ec', String(lines)], world());
}

/** What lakeferry is called with, a line for each call, while somebody types the keys into the shell. */
async function callsBehind(shell: string, keys: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const CALLS = join(await mkdtemp(join(home, 'calls-')), 'calls');
  const typing = run(shell, ARGUMENTS[shell]?.(keys) ?? [], world({ ...more, CALLS }));
  typing.child.stdin?.end(keys);
  await typing;
  return readFile(CALLS, 'utf8');
}

/** bash edits what comes through a pipe, too. */
const ARGUMENTS: Record<string, (keys: string) => readonly string[]> = {
  bash: () => ['-i'],
  zsh: (keys) => ['-fc', IN_A_TERMINAL, 'zsh', keys],
};

/** zsh wants a terminal, and has one to give. */
const IN_A_TERMINAL = `
zmodload zsh/zpty
zpty shell zsh -di
zpty -r shell prompt '*[%#] '
zpty -wn shell "$1"
while zpty -r shell written; do :; done
`;

/** Says on stderr at the end which packages were loaded. */
const LOADED = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    const name = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
    if (name) packages.add(name);
    return next(url, context);
  },
});
process.on('exit', () => console.error(JSON.stringify([...packages])));
`;

it('completion loads no driver and no SDK, and answers as soon as it is asked', async () => {
  await writeFile(join(home, 'loaded.mjs'), LOADED);
  const args = ['--import', join(home, 'loaded.mjs'), MAIN, 'complete', '--', 'status', ''];
  const { stdout, stderr } = await run(process.execPath, args, world());
  expect(stdout).toBe('orders\n');
  const packages: string[] = JSON.parse(stderr);
  expect(packages).toEqual(expect.arrayContaining(['commander', 'yaml', 'zod']));
  expect(
    packages.filter((name) => /aws|databricks|neon|pg|duckdb|powertools|middy|smithy|ws/.test(name)),
  ).toEqual([]);
});

/** Of these, a shell that evaluated one would leave a file. */
const EVIL = ['$(touch ran)', '`touch ran`', '"$(touch ran)"', `'a;touch ran'`, '*.yaml'];
const HANDED_ON = '<$(touch ran)><`touch ran`><$(touch ran)><a;touch ran><*.yaml>';

describe.concurrent.each(['bash', 'zsh'])('a tab in %s', (shell) => {
  it.skipIf(!INSTALLED.includes(shell))(
    `completes commands, files, and syncs of the file that is named (needs ${shell})`,
    async ({ expect }) => {
      const keys = 'lakeferry sta\t--config=my\t"inv\t\nlakeferry schema < my\t\nexit 0\n';
      expect((await callsBehind(shell, keys)).split('\n')).toEqual([
        '<complete><--><sta>',
        '<complete><--><status><--config=my>',
        '<complete><--><status><--config=my file.yaml><inv>',
        '<status><--config=my file.yaml><invoices>',
        '<schema>',
        '',
      ]);
    },
  );

  it.skipIf(!INSTALLED.includes(shell))(
    `evaluates nothing of what was typed (needs ${shell})`,
    async ({ expect }) => {
      const words = [...EVIL, '<(touch ran)', `\${x:=$(touch ran)}`];
      const keys = `false && lakeferry status ${words.join(' ')} \t\nexit 0\n`;
      const calls = await callsBehind(shell, keys, { NODE: 'true' });
      expect(calls).toContain(`<complete><--><status>${HANDED_ON}`);
      expect(calls).toContain(`<\${x:=$(touch ran)}><>\n`);
      expect(await readdir(home)).not.toContain('ran');
    },
  );
});

describe.concurrent('a tab in bash', () => {
  it('completes the value behind an equals sign, and no file where none may stand', async ({ expect }) => {
    const keys = 'lakeferry local up --engine=d\t\nlakeferry explain my\t\nexit 0\n';
    const calls = (await callsBehind('bash', keys)).split('\n');
    expect(calls.filter((call) => !call.startsWith('<complete>'))).toEqual([
      '<local><up><--engine=duckdb>',
      '<explain><my>',
      '',
    ]);
  });
});

describe.concurrent('a tab in fish', () => {
  /** A call for each line, and all that is offered. */
  async function offered(...lines: readonly string[]): Promise<readonly string[]> {
    const each = 'for line in $argv; complete -C $line; end';
    const { stdout } = await run('fish', ['-c', each, ...lines], world());
    return stdout.trimEnd().split('\n');
  }

  it.skipIf(!INSTALLED.includes('fish'))(
    'completes commands, files, and syncs of the file that is named (needs fish)',
    async ({ expect }) => {
      const lines = ['redr', 'status --config=my', 'status -c "my file.yaml" "inv'];
      expect(await offered(...lines.map((line) => `lakeferry ${line}`))).toEqual([
        'redrive\tsend failed chunks again',
        '--config=my file.yaml',
        'invoices',
      ]);
    },
  );

  it.skipIf(!INSTALLED.includes('fish'))(
    'evaluates nothing of what was typed (needs fish)',
    async ({ expect }) => {
      const line = `lakeferry status ${EVIL.filter((word) => !word.includes('`')).join(' ')} (touch ran) `;
      const CALLS = join(home, 'calls-of-fish');
      await run('fish', ['-c', 'complete -C $argv[1]', line], world({ NODE: 'true', CALLS }));
      const handedOn = HANDED_ON.replace('<`touch ran`>', '');
      expect(await readFile(CALLS, 'utf8')).toBe(`<complete><--><status>${handedOn}<(touch ran)><>\n`);
      expect(await readdir(home)).not.toContain('ran');
    },
  );
});
