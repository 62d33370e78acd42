import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../../src/local/free-port.ts';
import { resolveAccount } from '../../../src/local/postgres/account.ts';
import { ensureInstalled, run } from '../installed.ts';
import { startProgram } from '../server-program.ts';

/** Debian's packages: of those that PgBouncer depends on, the ones that no Debian has anyway. */
const PACKAGES = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'];

export interface PgBouncer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

interface Installed {
  readonly program: string;
  readonly libraries: string;
}

/**
 * PgBouncer from the packages of the Debian that runs here, unpacked and not installed; no rights are needed. The
 * release is Debian's: its archive keeps one of each.
 */
export async function ensurePgBouncer(): Promise<Installed> {
  const folder = await ensureInstalled('pgbouncer', PACKAGES.join('\n'), async (fresh) => {
    await run('apt-get', ['download', '--quiet', ...PACKAGES], fresh);
    for (const file of await readdir(fresh)) await run('dpkg-deb', ['-x', file, '.'], fresh);
  });
  const found = await readdir(path.join(folder, 'usr', 'lib'), { recursive: true });
  const library = found.find((file) => path.basename(file).startsWith('libevent-')) ?? '';
  return {
    program: path.join(folder, 'usr', 'sbin', 'pgbouncer'),
    libraries: path.join(folder, 'usr', 'lib', path.dirname(library)),
  };
}

export interface PgBouncerOptions {
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    /** A superuser: what the other roles' passwords are is asked of the server in its name. */
    readonly user: string;
    readonly password: string;
  };
  /** Server connections for each role and database. */
  readonly poolSize: number;
}

/** PgBouncer in transaction mode on the loopback interface, for every database and role of the server. */
export async function startPgBouncer({ postgres, poolSize }: PgBouncerOptions): Promise<PgBouncer> {
  const { program, libraries } = await ensurePgBouncer();
  const account = await resolveAccount();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-pgbouncer-'));
  const settings = path.join(directory, 'pgbouncer.ini');
  const users = path.join(directory, 'users.txt');
  const port = await findFreePort(undefined, 'PgBouncer');
  await writeFile(users, `"${postgres.user}" "${postgres.password}"\n`, { mode: 0o600 });
  await writeFile(
    settings,
    `
[databases]
* = host=${postgres.host} port=${postgres.port} auth_user=${postgres.user}

[pgbouncer]
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
auth_query = select usename, passwd from pg_catalog.pg_shadow where usename = $1
`,
    { mode: 0o600 },
  );
  const { ids, name } = account;
  if (ids !== undefined) {
    for (const file of [directory, settings, users]) await chown(file, ids.uid, ids.gid);
  }
  const command = [program, ...(ids === undefined ? [] : ['-u', name]), settings];
  const server = await startProgram(command, /process up/, { LD_LIBRARY_PATH: libraries });
  return {
    host: '127.0.0.1',
    port,
    async close() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
