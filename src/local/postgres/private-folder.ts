import { lstat, mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SyncError } from '../../error/sync-error.ts';
import { type Account, runAs } from './account.ts';

/** Where to look for a place that every user can enter, best first. */
export function temporaryRoots(): string[] {
  return [...new Set([os.tmpdir(), '/tmp', '/var/tmp'])];
}

/**
 * A folder of ours below a temporary root that the account can enter; made when missing. Its name can be
 * guessed by others, so it is used only if it is ours and nobody else may write to it.
 */
export async function ensurePrivateFolder(
  account: Account,
  roots: readonly string[] = temporaryRoots(),
): Promise<string> {
  const problems: string[] = [];
  for (const root of roots) {
    const folder = path.join(root, `lakeferry-${process.getuid?.() ?? 0}`);
    const problem = await tryFolder(account, folder);
    if (problem === undefined) return folder;
    problems.push(`${folder} ${problem}`);
  }
  throw new SyncError(
    'local_failed',
    `No folder for the local Postgres that ${account.name} can enter: ${problems.join('; ')}. Set TMPDIR to one that everybody can enter.`,
  );
}

async function tryFolder(account: Account, folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const found = await lstat(folder);
    if (!found.isDirectory() || found.uid !== process.getuid?.()) return 'belongs to somebody else';
    if ((found.mode & 0o022) !== 0) return 'can be written by others';
  } catch {
    return 'cannot be made';
  }
  const entered = await runAs(account, '/bin/sh', ['-c', 'test -x "$1"', 'sh', folder]);
  return entered.ok ? undefined : 'cannot be entered';
}
