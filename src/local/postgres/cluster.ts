import { createHash, randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SyncError } from '../../error/sync-error.ts';
import { type Account, canUse, runAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { ensurePrivateFolder } from './private-folder.ts';
import { stopLeftover } from './server-process.ts';

/** A data directory and the password of its superuser; kept in `<directory>/cluster.json`. */
export interface Cluster {
  readonly data: string;
  readonly password: string;
}

export const SUPERUSER = 'lakeferry';

const INITDB = [
  `--username=${SUPERUSER}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-sync',
];

/**
 * The cluster of a directory, made when it is missing, with no server running on it. Its data lie below the
 * directory where the account can go there, else in a temporary folder that belongs to the directory; those of
 * a directory that was removed since are dropped.
 */
export async function ensureCluster(
  directory: string,
  account: Account,
  binaries: Binaries,
): Promise<Cluster> {
  await mkdir(directory, { recursive: true });
  const record = path.join(directory, 'cluster.json');
  const known = await readRecord(record);
  if (
    known !== undefined &&
    (await readFile(path.join(known.data, 'PG_VERSION')).then(Boolean, () => false))
  ) {
    await stopLeftover(known.data);
    return known;
  }

  const home = await chooseHome(directory, account);
  const data = path.join(home, 'data');
  await stopLeftover(data);
  await rm(data, { recursive: true, force: true });
  const cluster = { data, password: randomBytes(18).toString('base64url') };
  await initialise(home, cluster, account, binaries);
  await writeFile(`${record}.new`, `${JSON.stringify(cluster)}\n`, { mode: 0o600 });
  await rename(`${record}.new`, record);
  return cluster;
}

async function readRecord(record: string): Promise<Cluster | undefined> {
  try {
    return JSON.parse(await readFile(record, 'utf8')) as Cluster;
  } catch {
    return undefined;
  }
}

/** A folder of the account's own that it can enter. */
async function chooseHome(directory: string, account: Account): Promise<string> {
  const near = path.join(directory, 'cluster');
  await makeHome(near, account);
  if (await canUse(account, near)) return near;
  await rm(near, { recursive: true });
  const folder = await ensurePrivateFolder(account);
  await dropOrphans(folder);
  const owner = path.resolve(directory);
  const far = path.join(folder, `data-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`);
  await makeHome(far, account);
  await writeFile(path.join(far, OWNER_FILE), owner);
  return far;
}

/** Names, beside data in a temporary folder, the directory that they belong to. */
const OWNER_FILE = 'belongs-to';
const ORPHAN_AGE_MS = 600_000;

/** Removes the data whose directory is gone. Young ones are left alone: theirs may be in the making. */
async function dropOrphans(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('data-'));
  for (const home of names.map((name) => path.join(folder, name))) {
    try {
      const owner = await readFile(path.join(home, OWNER_FILE), 'utf8');
      const known = await readRecord(path.join(owner, 'cluster.json'));
      const { mtimeMs } = await stat(path.join(home, OWNER_FILE));
      if (known !== undefined || Date.now() - mtimeMs < ORPHAN_AGE_MS) continue;
      await stopLeftover(path.join(home, 'data'));
      await rm(home, { recursive: true, force: true });
    } catch {
      // In use, or not ours to remove: it stays.
    }
  }
}

async function makeHome(home: string, account: Account): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (account.ids !== undefined) await chown(home, account.ids.uid, account.ids.gid);
}

/** Makes the cluster beside its place and moves it there, so that a broken attempt is never taken for one. */
async function initialise(
  home: string,
  cluster: Cluster,
  account: Account,
  binaries: Binaries,
): Promise<void> {
  const fresh = await mkdtemp(path.join(home, 'new-'));
  const passwordFile = path.join(fresh, 'password');
  try {
    await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
    if (account.ids !== undefined) {
      for (const file of [fresh, passwordFile]) await chown(file, account.ids.uid, account.ids.gid);
    }
    const data = path.join(fresh, 'data');
    const run = await runAs(account, binaries.initdb, [
      ...INITDB,
      `--pwfile=${passwordFile}`,
      `--pgdata=${data}`,
    ]);
    if (!run.ok) {
      throw new SyncError(
        'local_failed',
        `The local Postgres could not make its data folder: ${run.lastLine}`,
        {
          home,
        },
      );
    }
    await rename(data, cluster.data);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
