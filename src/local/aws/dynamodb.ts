import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import dynalite from 'dynalite';
import { findFreePort } from '../free-port.ts';
import type { LocalService, LocalServiceOptions } from './sqs.ts';

const HOST = '127.0.0.1';

/** DynamoDB on the loopback interface: dynalite. Tables are there as soon as they are made. */
export async function startDynamoDb({ directory, port }: LocalServiceOptions): Promise<LocalService> {
  if (directory !== undefined) await mkdir(directory, { recursive: true });
  const server = dynalite({
    ...(directory === undefined ? {} : { path: directory }),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  const bound = await findFreePort(port, 'DynamoDB');
  server.listen(bound, HOST);
  await once(server, 'listening');
  return {
    endpoint: `http://${HOST}:${bound}`,
    async close() {
      const closed = new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
