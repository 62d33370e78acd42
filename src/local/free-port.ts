import { once } from 'node:events';
import { createServer } from 'node:net';
import { SyncError } from '../error/sync-error.ts';

/**
 * A loopback port that nobody listens on: `wanted`, or any. For servers that cannot be given port 0; another
 * process may take the port before they bind it.
 */
export async function findFreePort(wanted: number | undefined, forWhat: string): Promise<number> {
  const probe = createServer().listen(wanted ?? 0, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (cause) {
    throw new SyncError(
      'local_failed',
      `Port ${wanted} is taken: stop what listens there, or choose another port for ${forWhat}.`,
      { port: wanted },
      { cause },
    );
  }
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') {
    throw new SyncError('local_failed', `No free port was found for ${forWhat}.`);
  }
  return address.port;
}
