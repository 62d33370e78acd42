import { createHash, randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
  const key = createHash('sha256').update(path.resolve(directory)).digest('hex').slice(0, 16);
  const far = path.join(await ensurePrivateFolder(account), `data-${key}`);
  await makeHome(far, account);
  return far;
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
