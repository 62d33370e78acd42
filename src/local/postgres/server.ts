import pg from 'pg';
import { type Log, silentLog } from '../../telemetry/log.ts';
import { findFreePort } from '../free-port.ts';
import { resolveAccount } from './account.ts';
import { resolveBinaries } from './binaries.ts';
import { ensureCluster, SUPERUSER } from './cluster.ts';
import { type ServerProcess, type SpawnOptions, spawnServer } from './server-process.ts';

export interface PostgresOptions {
  /** Keeps the cluster; made when missing. A later start on the same directory finds the same databases. */
  readonly directory: string;
  /** Any free port when absent. */
  readonly port?: number;
  readonly log?: Log;
}

/** A running PostgreSQL 18 on the loopback interface. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** A superuser. */
  readonly user: string;
  readonly password: string;
  url(database: string): string;
  /** Makes the database unless it exists, as a copy of `template` where one is named. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Drops the database if it exists, with whoever is connected to it. */
  dropDatabase(name: string): Promise<void>;
  /** Fast shutdown. The data stay. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

/**
 * Starts the embedded Postgres on a directory. Works for root (the server then runs as an unprivileged user) and
 * for everybody else, wherever the checkout lies. What a killed run left behind is cleared first; the server
 * stops with our process. Failures are `local_failed`.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { directory, log = silentLog } = options;
  const account = await resolveAccount();
  const binaries = await resolveBinaries(account);
  const { data, password } = await ensureCluster(directory, account, binaries);
  const server = await spawnOnFreePort({ account, postgres: binaries.postgres, data, log }, options.port);
  const url = (database: string) =>
    `postgresql://${SUPERUSER}:${password}@${HOST}:${server.port}/${encodeURIComponent(database)}`;

  async function administer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url('postgres') });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  return {
    host: HOST,
    port: server.port,
    user: SUPERUSER,
    password,
    url,
    createDatabase: (name, template = 'template1') =>
      administer(async (client) => {
        const found = await client.query('select from pg_database where datname = $1', [name]);
        if (found.rowCount === 1) return;
        const quoted = [name, template].map(pg.escapeIdentifier);
        await client.query(`create database ${quoted[0]} template ${quoted[1]}`);
      }),
    dropDatabase: (name) =>
      administer(async (client) => {
        await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
      }),
    stop: () => server.stop(),
  };
}

/** Another process may take a port between our look and the server's; a port of our choice is then chosen anew. */
async function spawnOnFreePort(
  options: Omit<SpawnOptions, 'port'>,
  wanted: number | undefined,
): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort(wanted, 'Postgres');
    try {
      return await spawnServer({ ...options, port });
    } catch (error) {
      const taken =
        wanted === undefined && error instanceof Error && /could not (bind|create)/.test(error.message);
      if (!taken || attempt === 3) throw error;
    }
  }
}
