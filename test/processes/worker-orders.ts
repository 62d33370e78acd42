import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Connections } from '../../src/config/connections.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';

/** What a worker is started with. */
export interface WorkerOrders {
  readonly connections: Connections;
  readonly syncs: readonly SyncConfig[];
  /** How far its clock is ahead, so that the leases of those killed before it have run out. */
  readonly aheadMs: number;
}

export interface Worker {
  /** Resolves when the process has said `what`, `planned` or `written`, so many times. */
  said(what: 'planned' | 'written', times: number): Promise<void>;
  /** With SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

export function startWorker(orders: WorkerOrders): Worker {
  const file = fileURLToPath(new URL('worker.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [file, JSON.stringify(orders)], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const said = { planned: 0, written: 0 };
  const waiting = new Set<() => void>();
  if (child.stdout === null) throw new Error('the worker has no stdout');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'planned' || line === 'written') said[line] += 1;
    for (const look of waiting) look();
  });
  return {
    async said(what, times) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = () => {
        if (said[what] >= times) resolve();
      };
      waiting.add(look);
      look();
      const ended = gone.then(([code]) => {
        throw new Error(`the worker ended by itself, with code ${code}`);
      });
      await Promise.race([promise, ended]).finally(() => {
        waiting.delete(look);
        ended.catch(() => undefined);
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
