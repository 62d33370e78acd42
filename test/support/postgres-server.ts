import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgres } from '../../src/local/postgres/server.ts';

/** What a test file needs to reach the server of the run. */
export interface SharedPostgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with SharedPostgres; the first request starts the server. */
    readonly sharedPostgresUrl: string;
  }
}

/**
 * vitest's global set-up: one Postgres for the whole run, started by the first test file that asks for it, so that
 * a run without such a file does not pay for it. Returns what clears it away.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let running: Promise<PostgresServer> | undefined;
  let directory: string | undefined;
  async function start(): Promise<PostgresServer> {
    directory = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-test-'));
    // Postgres runs as another user where we are root, and must be able to enter.
    await chmod(directory, 0o755);
    return startPostgres({ directory });
  }

  const starter = createServer(async (_request, response) => {
    try {
      running ??= start();
      const { host, port, user, password } = await running;
      response.end(JSON.stringify({ host, port, user, password } satisfies SharedPostgres));
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error));
    }
  });
  starter.listen(0, '127.0.0.1');
  await once(starter, 'listening');
  const address = starter.address();
  if (address === null || typeof address === 'string') throw new Error('The set-up has no port.');
  project.provide('sharedPostgresUrl', `http://127.0.0.1:${address.port}/`);

  return async () => {
    await new Promise((resolve) => {
      starter.close(resolve);
      starter.closeAllConnections();
    });
    await (await running)?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  };
}
