import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const run = promisify(execFile);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakeferry-tab-'));
  await writeFile(
    join(folder, 'lakeferry.yaml'),
    'syncs: { orders: { source: main.gold.orders, target: gold.orders, primaryKey: id } }\n',
  );
  await writeFile(join(folder, 'loaded.mjs'), LOADED);
  await writeFile(join(folder, 'tab.bash'), BASH);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

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

/** What bash does at a tab, with the one function that the package bash-completion gives. */
const BASH = `
_get_comp_words_by_ref() { words=("\${COMP_WORDS[@]}"); cur=\${COMP_WORDS[COMP_CWORD]}; prev=\${COMP_WORDS[COMP_CWORD-1]}; }
compopt() { :; }
lakeferry() { "$NODE" "$MAIN" "$@"; }
source <(lakeferry completion bash)
source <(lakeferry completion bash)
COMP_WORDS=(lakeferry "$@"); COMP_CWORD=$#
$(complete -p lakeferry | sed 's/.*-F \\([^ ]*\\).*/\\1/')
echo "\${COMPREPLY[*]}"
`;

describe('completion as a process', () => {
  it('loads no driver and no SDK, and answers as soon as it is asked', async () => {
    const args = ['--import', join(folder, 'loaded.mjs'), MAIN, 'complete', '--', 'status', ''];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder });
    expect(stdout).toBe('orders\t\n:4\n');
    const packages: string[] = JSON.parse(stderr);
    expect(packages).toEqual(expect.arrayContaining(['@bomb.sh/tab', 'commander', 'yaml', 'zod']));
    expect(
      packages.filter((name) => /aws|databricks|neon|pg|duckdb|powertools|middy|smithy|ws/.test(name)),
    ).toEqual([]);
  });

  it.each([
    [['sta'], 'status'],
    [['status', 'o'], 'orders'],
    [['status', ''], 'orders'],
    [['local', 'up', '--engine', ''], 'duckdb\nspark'],
    [['status', '--wat'], '--watch'],
  ])('bash completes %j by the script, also when it read it twice', async (words, completed) => {
    const env = { PATH: process.env['PATH'], NODE: process.execPath, MAIN };
    const { stdout, stderr } = await run('bash', ['tab.bash', ...words], { cwd: folder, env });
    expect(stderr).toBe('');
    expect(stdout.trim().split(/\s+/)).toEqual(completed.split('\n'));
  });
});
