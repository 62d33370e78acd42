import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { findFreePort } from '../free-port.ts';
import { type DropWay, type ProxyConnection, pipe } from './connection.ts';
import { ProxyFaults } from './faults.ts';
import { WebSocketStream } from './web-socket.ts';

export interface NeonProxyOptions {
  /** The server behind the proxy, as `startPostgres` gives it: the only one that clients can reach. */
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    url(database: string): string;
  };
  /** In front of the same server, as Neon's pooled hosts are: for clients that ask for its address. */
  readonly pooler?: Address;
  /** Any free port when absent. */
  readonly port?: number;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface NeonProxy {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for `neonConfig.wsProxy = () => address + '/v2'`. */
  readonly address: string;
  readonly faults: ProxyFaults;
  /** Ends every open connection at once; returns how many. `cut` when absent. */
  dropAll(how?: DropWay): number;
  /**
   * Ends the backends of every open connection as a restart of Neon's compute does: their clients get 57P01.
   * Returns how many.
   */
  terminateBackends(): Promise<number>;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/**
 * Neon's WebSocket endpoint in front of a Postgres server, on the loopback interface: `/v2`, and `/v1` with the
 * server's own `address`. For `@neondatabase/serverless` with `useSecureWebSocket` and `pipelineConnect` off.
 */
export async function startNeonProxy({ postgres, pooler, port }: NeonProxyOptions): Promise<NeonProxy> {
  const faults = new ProxyFaults();
  const connections = new Set<ProxyConnection>();
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (request, stream, head) => {
    if (!isEndpoint(request, postgres)) return refuse(stream, '404 Not Found');
    if (faults.takeRefusal()) return refuse(stream, '503 Service Unavailable');
    const socket = WebSocketStream.accept(request, stream);
    if (socket === undefined) return refuse(stream, '400 Bad Request');
    const behind = pooler !== undefined && isAskedFor(request, pooler) ? pooler : postgres;
    const connection = pipe(socket, head, behind, faults, () => connections.delete(connection));
    connections.add(connection);
  });
  server.listen(await findFreePort(port, 'the Neon proxy'), HOST);
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : 0;

  return {
    host: HOST,
    port: bound,
    address: `${HOST}:${bound}`,
    faults,
    dropAll(how = 'cut') {
      const open = [...connections];
      for (const connection of open) connection.drop(how);
      return open.length;
    },
    async terminateBackends() {
      const client = new pg.Client({ connectionString: postgres.url('postgres') });
      await client.connect();
      try {
        const ports = [...connections].map(({ localPort }) => localPort);
        const { rowCount } = await client.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where client_port = any($1::int[])',
          [ports],
        );
        faults.fired.terminated += rowCount ?? 0;
        return rowCount ?? 0;
      } finally {
        await client.end();
      }
    },
    async close() {
      for (const connection of connections) connection.drop('cut');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isEndpoint(request: IncomingMessage, postgres: Address): boolean {
  const { pathname } = urlOf(request);
  return pathname === '/v2' || (pathname === '/v1' && isAskedFor(request, postgres));
}

function isAskedFor(request: IncomingMessage, { host, port }: Address): boolean {
  return urlOf(request).searchParams.get('address') === `${host}:${port}`;
}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? '/', `http://${HOST}`);
}

function refuse(stream: Duplex, status: string): void {
  stream.on('error', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
