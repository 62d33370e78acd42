import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../src/local/postgres/server.ts';
import { ensureMoto } from '../doubles/aws/moto.ts';
import { type PgBouncer, startPgBouncer } from '../doubles/pgbouncer/pgbouncer.ts';
import { startPostgresVersion } from '../doubles/postgres/versions.ts';
import { readDoubleSettings } from '../doubles/settings.ts';

/** What a test file needs to reach the server of the run. */
export interface SharedPostgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where a pooler in front of the server listens; absent where tests connect to the server itself. */
  readonly pooler?: { readonly host: string; readonly port: number };
}

/** As many as Neon's poolers have for a small compute. */
const POOL_SIZE = 20;

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with SharedPostgres; the first request starts the server. */
    readonly sharedPostgresUrl: string;
  }
}

/**
 * vitest's global set-up: one Postgres for each project of the run, started by the first test file that asks for it, so
 * that a run without such a file does not pay for it. Returns what clears it away.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const settings = readDoubleSettings();
  // Here once, and not in each of the suites that run side by side.
  if (settings.aws === 'moto') await ensureMoto();

  let running: Promise<SharedPostgres> | undefined;
  let directory: string | undefined;
  let stopServer: (() => Promise<void>) | undefined;
  let pooler: PgBouncer | undefined;
  async function start(): Promise<SharedPostgres> {
    directory = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-test-'));
    // Postgres runs as another user where we are root, and must be able to enter.
    await chmod(directory, 0o755);
    const server = await (settings.postgres === undefined
      ? startPostgres({ directory })
      : startPostgresVersion(settings.postgres, directory));
    stopServer = () => server.stop();
    const { host, port, user, password } = server;
    const shared = { host, port, user, password };
    if (!settings.pooler) return shared;
    pooler = await startPgBouncer({ postgres: shared, poolSize: POOL_SIZE });
    return { ...shared, pooler: { host: pooler.host, port: pooler.port } };
  }

  const starter = createServer(async (_request, response) => {
    try {
      running ??= start();
      response.end(JSON.stringify(await running));
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
    await running?.catch(() => undefined);
    await pooler?.close();
    await stopServer?.();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  };
}
