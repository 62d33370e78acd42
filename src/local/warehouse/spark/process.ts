import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { SyncError } from '../../../error/sync-error.ts';
import { BRIDGE, type SparkInstallation } from './install.ts';

/** Where a running Spark is reached, and what it asks for. */
export interface SparkAddress {
  readonly port: number;
  readonly token: string;
}

export interface SparkProcess {
  readonly address: SparkAddress;
  /** Ends Spark; statements that run fail. */
  close(): Promise<void>;
}

const KEPT_ERROR_CHARACTERS = 4_000;

/**
 * Starts Spark with Delta in a process of its own, which ends with this one. It takes ten to twenty seconds and about
 * 1 GB of memory. `scratch` holds Spark's temporary files. Failures are `local_failed`.
 */
export async function startSpark(installation: SparkInstallation, scratch: string): Promise<SparkProcess> {
  await mkdir(scratch, { recursive: true });
  const token = randomBytes(24).toString('base64url');
  const child = spawn(
    installation.python,
    [path.join(BRIDGE, 'main.py'), path.resolve(scratch), installation.jars],
    {
      cwd: scratch,
      env: { ...process.env, LAKEFERRY_BRIDGE_TOKEN: token, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-KEPT_ERROR_CHARACTERS);
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(
    () => undefined,
    () => undefined,
  );
  const port = await Promise.race([firstLine(child.stdout), ended]);
  if (port === undefined) {
    child.kill('SIGKILL');
    await ended;
    const last = complaints.trim().split('\n').at(-1) ?? '';
    throw new SyncError('local_failed', `Spark did not start: ${last}`);
  }
  return {
    address: { port: (JSON.parse(port) as { port: number }).port, token },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string | undefined> {
  for await (const line of createInterface({ input: stream })) if (line.startsWith('{')) return line;
  return undefined;
}
