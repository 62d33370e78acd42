import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '../../src/local/postgres/server.ts';

/** A Postgres server of one's own, which can go away and come back on its port. */
export interface RestartablePostgres {
  readonly host: string;
  readonly port: number;
  url(database: string): string;
  createDatabase(name: string): Promise<void>;
  /** An orderly shutdown, open transactions rolled back, and a new start. */
  restart(): Promise<void>;
  /** Kills the server's first process with SIGKILL; the others follow it. Then a new start, with recovery. */
  crash(): Promise<void>;
  /** Stops the server and removes its data. */
  close(): Promise<void>;
}

const START_ATTEMPTS = 100;
const BETWEEN_ATTEMPTS_MS = 50;

export async function startRestartablePostgres(): Promise<RestartablePostgres> {
  const directory = await mkdtemp(path.join(tmpdir(), 'lakeferry-postgres-'));
  // Postgres runs as another user where we are root, and must be able to enter.
  await chmod(directory, 0o755);
  let server: PostgresServer = await startPostgres({ directory });
  const { host, port } = server;

  async function start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        server = await startPostgres({ directory, port });
        return;
      } catch (thrown) {
        // The memory that a killed server shared with its processes stays until the last of them has noticed.
        if (attempt === START_ATTEMPTS) throw thrown;
        await wait(BETWEEN_ATTEMPTS_MS);
      }
    }
  }

  return {
    host,
    port,
    url: (database) => server.url(database),
    createDatabase: (name) => server.createDatabase(name),
    async restart() {
      await server.stop();
      await start();
    },
    async crash() {
      process.kill(await readServerPid(directory), 'SIGKILL');
      await server.stop();
      await start();
    },
    async close() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function readServerPid(directory: string): Promise<number> {
  const { data } = JSON.parse(await readFile(path.join(directory, 'cluster.json'), 'utf8')) as {
    readonly data: string;
  };
  return Number((await readFile(path.join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}
