import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Log, silentLog } from '../../telemetry/log.ts';
import type { Certificate } from './certificate.ts';
import type { WarehouseEngine } from './engine.ts';
import { Faults } from './faults.ts';
import { BrokenCall } from './refused-call.ts';
import { Sessions } from './session.ts';
import { answerThrift } from './thrift-answer.ts';
import { ThriftService } from './thrift-service.ts';

const PATH = '/sql/1.0/warehouses/local';
const DEFAULT_WAIT_MS = 250;

/** Longer than any pause of a client: a socket that closes under a request fails calls the driver never repeats. */
const KEEP_ALIVE_MS = 3_600_000;

export interface WarehouseOptions {
  /** Stays the caller's: close it after the warehouse. */
  readonly engine: WarehouseEngine;
  readonly host?: '127.0.0.1';
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly token: string;
  readonly certificate: Certificate;
  readonly faults?: Faults;
  readonly log?: Log;
  /** How long a call waits for its statement before it answers that the statement still runs. */
  readonly waitMs?: number;
}

export interface Warehouse {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** PEM text, the client's `customCaCert`. */
  readonly caCert: string;
  /** The statements under way: those that run, and those whose rows were not all read. */
  statements(): readonly string[];
  /** Cuts every connection, stops every statement and closes the engine's sessions. */
  close(): Promise<void>;
}

/**
 * Serves an engine as a Databricks SQL warehouse: Thrift over HTTPS on loopback, for the unmodified
 * `@databricks/sql` driver with a personal access token.
 */
export async function startWarehouse(options: WarehouseOptions): Promise<Warehouse> {
  const { engine, host = '127.0.0.1', port = 0, certificate, log = silentLog } = options;
  const stopping = new AbortController();
  const sessions = new Sessions(engine, log);
  const service = new ThriftService({
    sessions,
    faults: options.faults ?? new Faults(),
    log,
    waitMs: options.waitMs ?? DEFAULT_WAIT_MS,
    stopping: stopping.signal,
  });
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
    void answer(request, response, { token: options.token, service, log });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, host);
  await once(server, 'listening');
  return {
    host,
    port: (server.address() as AddressInfo).port,
    path: PATH,
    caCert: certificate.cert,
    statements: () => sessions.statements(),
    async close() {
      stopping.abort();
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      server.closeAllConnections();
      await sessions.closeAll();
      await closed;
    },
  };
}

interface AnswerOptions {
  readonly token: string;
  readonly service: ThriftService;
  readonly log: Log;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { token, service, log }: AnswerOptions,
): Promise<void> {
  try {
    if (request.method !== 'POST' || request.url !== PATH) {
      sendError(response, 404, 'ENDPOINT_NOT_FOUND', `There is no warehouse here; its path is ${PATH}.`);
      return;
    }
    const { authorization } = request.headers;
    if (authorization === undefined) {
      sendError(response, 401, '401', 'Credential was not sent or was of an unsupported type for this API.');
      return;
    }
    if (authorization !== `Bearer ${token}`) {
      sendError(response, 403, '403', 'Invalid access token.');
      return;
    }
    const parts = await answerThrift(await buffer(request), service, log);
    response.writeHead(200, {
      'content-type': 'application/x-thrift',
      'content-length': parts.reduce((bytes, part) => bytes + part.length, 0),
    });
    for (const part of parts) response.write(part);
    response.end();
  } catch (thrown) {
    if (thrown instanceof BrokenCall) {
      breakOff(response, thrown);
      return;
    }
    log.warn('A request could not be answered.', {
      thrown: thrown instanceof Error ? thrown.name : typeof thrown,
    });
    sendError(response, 400, 'BAD_REQUEST', 'The request is not a Thrift message.');
  }
}

function breakOff(response: ServerResponse, { how }: BrokenCall): void {
  if (how.kind === 'dropConnection') {
    response.destroy();
    return;
  }
  if (how.body !== undefined) {
    response.writeHead(how.status, { 'content-type': 'text/plain' });
    response.end(how.body);
    return;
  }
  const starting = how.status === 503;
  sendError(
    response,
    how.status,
    starting ? 'TEMPORARILY_UNAVAILABLE' : String(how.status),
    starting ? 'The warehouse is starting.' : 'A scripted fault of the local SQL warehouse.',
  );
}

/** The body of an error of Databricks' REST endpoints; the Thrift endpoint repeats its text in a header. */
function sendError(response: ServerResponse, status: number, errorCode: string, message: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-thriftserver-error-message': `${errorCode}: ${message}`,
  });
  response.end(JSON.stringify({ error_code: errorCode, message }));
}
