import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SyncError } from '../../error/sync-error.ts';
import type { Log } from '../../telemetry/log.ts';
import { type Account, PLAIN_ENVIRONMENT } from './account.ts';

/** Built for tests and demos: nothing needs to survive a power cut. Errors of statements stay out of the log. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  fsync: 'off',
  full_page_writes: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_checkpoints: 'off',
};

/** Names the process that started a server, on the server's own command line. */
const OWNER_SETTING = 'lakeferry.owner';

const START_TIMEOUT_MS = 60_000;
const FAST_STOP_MS = 10_000;

export interface ServerProcess {
  readonly port: number;
  /** Fast shutdown: open transactions are rolled back. Returns when the server is gone. */
  stop(): Promise<void>;
}

export interface SpawnOptions {
  readonly account: Account;
  readonly postgres: string;
  readonly data: string;
  readonly port: number;
  readonly log: Log;
}

/**
 * Starts a server and returns when it accepts connections. It leads a session of its own, so that Ctrl-C does
 * not reach it before us, and is stopped when our process ends, however that happens: a watcher sees the end of
 * a pipe that only we hold. It does not keep our process alive.
 */
export async function spawnServer(options: SpawnOptions): Promise<ServerProcess> {
  const { account, postgres, data, port, log } = options;
  const settings = Object.entries({ ...SETTINGS, port: String(port), [OWNER_SETTING]: String(process.pid) });
  const args = ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const child = spawn(postgres, args, {
    cwd: '/',
    env: PLAIN_ENVIRONMENT,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...account.ids,
  });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const watcher = watch(child);
  gone.then(() => watcher.kill('SIGKILL'));

  const failure = await readiness(child, gone, log);
  if (failure !== undefined) {
    child.kill('SIGQUIT');
    await gone;
    throw new SyncError('local_failed', `The local Postgres did not start: ${failure}`, { port });
  }
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return {
    port,
    async stop() {
      child.ref();
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGQUIT'), FAST_STOP_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Undefined once the server accepts connections; otherwise why it will not. */
async function readiness(child: ChildProcess, gone: Promise<void>, log: Log): Promise<string | undefined> {
  let last = 'it wrote nothing';
  const stderr = child.stderr;
  if (stderr === null) return last;
  const ready = new Promise<'ready'>((resolve) => {
    createInterface({ input: stderr }).on('line', (line) => {
      log.info('The local Postgres says', { line });
      if (/\b(FATAL|PANIC|LOG: {2}could not)/.test(line)) last = line.replace(/^.*?(FATAL|PANIC|LOG): +/, '');
      if (line.includes('database system is ready to accept connections')) resolve('ready');
    });
  });
  child.once('error', (error) => {
    last = error.message;
  });
  const timeout = new AbortController();
  const late = wait(START_TIMEOUT_MS, 'late' as const, { signal: timeout.signal }).catch(
    () => 'late' as const,
  );
  const drained = Promise.all([gone, once(stderr, 'close')]).then(() => 'gone' as const);
  const outcome = await Promise.race([ready, drained, late]);
  timeout.abort();
  if (outcome === 'ready') return undefined;
  return outcome === 'gone' ? last : `it was not ready after ${START_TIMEOUT_MS / 1000} seconds`;
}

function watch(server: ChildProcess): ChildProcess {
  const script = 'read -r _; kill -INT "$1"';
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(server.pid ?? '')], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.on('error', () => undefined);
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  return watcher;
}

/**
 * Stops a server that a killed run left on this data directory. Refuses where the process that started it is
 * alive. A stale pid file, even one that now names another program, is left for Postgres to overwrite.
 */
export async function stopLeftover(data: string): Promise<void> {
  const pid = await readPid(data);
  const found = pid === undefined ? undefined : await inspect(pid);
  if (pid === undefined || found === undefined || !found.command.includes(`-D ${data} `)) return;
  const owner = new RegExp(`${OWNER_SETTING}=(\\d+)`).exec(found.command)?.[1];
  if (owner !== undefined && Number(owner) === found.parent) {
    throw new SyncError(
      'local_failed',
      `Process ${owner} runs the local Postgres in this folder: stop it first, or use another folder.`,
      { data },
    );
  }
  for (const [signal, patienceMs] of [
    ['SIGINT', 5000],
    ['SIGQUIT', 3000],
  ] as const) {
    process.kill(pid, signal);
    if (await ended(pid, patienceMs)) return;
  }
  throw new SyncError(
    'local_failed',
    `A Postgres of an earlier run, process ${pid}, does not stop: end it by hand.`,
    { data },
  );
}

async function readPid(data: string): Promise<number | undefined> {
  try {
    const pid = Number((await readFile(path.join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Command line and parent of a live process. */
async function inspect(pid: number): Promise<{ command: string; parent: number } | undefined> {
  try {
    if (process.platform === 'linux') {
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return { command, parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) };
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'ppid=,command=', '-p', String(pid)]);
    const [, parent, command] = /^\s*(\d+)\s+(.*)$/m.exec(stdout) ?? [];
    return command === undefined ? undefined : { command: `${command} `, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

async function ended(pid: number, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    if ((await inspect(pid)) === undefined) return true;
    await wait(20);
  }
  return false;
}
