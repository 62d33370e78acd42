import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SyncError } from '../../error/sync-error.ts';

const execute = promisify(execFile);

/** The operating-system user that Postgres runs as. `ids` is absent where that is ourselves. */
export interface Account {
  readonly name: string;
  readonly ids?: { readonly uid: number; readonly gid: number };
}

/** Postgres refuses to run as root: root lends it the first of these users that exists. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/** Ourselves, or an unprivileged user where we are root. */
export async function resolveAccount(): Promise<Account> {
  if (process.platform === 'win32') {
    throw new SyncError(
      'local_failed',
      'The local Postgres runs on Linux and macOS only; on Windows, use the Windows Subsystem for Linux.',
    );
  }
  if (process.getuid?.() !== 0) return { name: 'the current user' };
  for (const name of UNPRIVILEGED) {
    const ids = await readIds(name);
    if (ids !== undefined) return { name, ids };
  }
  throw new SyncError(
    'local_failed',
    `Postgres does not run as root, and neither user "${UNPRIVILEGED.join('" nor "')}" exists here: create one, or run Lakeferry as an ordinary user.`,
  );
}

async function readIds(name: string): Promise<Account['ids']> {
  try {
    const [uid, gid] = await Promise.all([execute('id', ['-u', name]), execute('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

export interface Run {
  readonly ok: boolean;
  /** The last line that the program wrote. */
  readonly lastLine: string;
}

/** What every program of ours starts with: nothing of the caller's PG* variables, messages in English. */
export const PLAIN_ENVIRONMENT = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Runs a program as the account, from `/`, which every account can enter. */
export async function runAs(account: Account, program: string, args: readonly string[]): Promise<Run> {
  try {
    await execute(program, args, { cwd: '/', env: PLAIN_ENVIRONMENT, ...account.ids });
    return { ok: true, lastLine: '' };
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const text = output === '' && error instanceof Error ? error.message : output;
    return { ok: false, lastLine: text.split('\n').at(-1) ?? '' };
  }
}

/** Whether the account may make and read files in an existing folder, every folder above included. */
export async function canUse(account: Account, folder: string): Promise<boolean> {
  const script = 'test -r "$1" && test -w "$1" && test -x "$1"';
  return (await runAs(account, '/bin/sh', ['-c', script, 'sh', folder])).ok;
}
