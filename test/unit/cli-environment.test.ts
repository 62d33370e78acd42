import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lakeferry-environment-'));
  const sync = 'orders: { source: main.gold.orders, target: app.orders, primaryKey: id }';
  writeFileSync(join(folder, 'lakeferry.yaml'), `connections: {}\nsyncs:\n  ${sync}\n`);
  writeFileSync(join(folder, '.env'), 'LAKEFERRY_DEPLOYMENT="from the file"\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a command says of a deployment's name that cannot be one: it asks nobody. */
function pause(env: Record<string, string>, ...flags: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'pause', 'orders', ...flags], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, said: stderr.split('\n')[0] };
}

it('takes from a file .env what the environment does not say, and a flag before both', () => {
  const name = (text: string) => ({
    status: 2,
    said: expect.stringContaining(`"${text}" is no name of a deployment`),
  });
  expect(pause({})).toEqual(name('from the file'));
  expect(pause({ LAKEFERRY_DEPLOYMENT: 'from the environment' })).toEqual(name('from the environment'));
  expect(pause({ LAKEFERRY_DEPLOYMENT: 'from the environment' }, '--deployment', 'a flag')).toEqual(
    name('a flag'),
  );
});
