import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@neondatabase/serverless';
import { type CopyFromStream, from as copyFrom } from 'pg-copy-streams';
import type { NeonConnection } from '../../config/connections.ts';
import { SyncError } from '../../error/sync-error.ts';
import { cancelled, fromDriver } from './errors.ts';

/** `pooled`: PgBouncer in transaction mode, for chunks. `direct`: for DDL. */
export type Host = 'pooled' | 'direct';

export interface Answer<Row> {
  readonly rows: readonly Row[];
  /** Rows that the statement wrote or returned. */
  readonly count: number;
  /** Columns of the result, with the server's types. */
  readonly fields: readonly {
    readonly name: string;
    readonly dataTypeID: number;
    readonly dataTypeModifier: number;
  }[];
}

/** One transaction on a connection of its own. Every failure is a SyncError. */
export interface Transaction {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Answer<Row>>;
  /** Runs a COPY … FROM STDIN on the buffers; returns the rows that the server counted. */
  copy(text: string, buffers: AsyncIterable<Buffer>): Promise<number>;
  /** Keeps what was done. After a lost answer it is unknown whether it was kept (`target_unavailable`). */
  commit(): Promise<void>;
}

export interface Database {
  /**
   * Runs the work in a transaction of READ COMMITTED. Only what `commit` was called for is kept. When the signal
   * aborts, the call ends at once with `cancelled`, and the server stops soon after.
   */
  transact<T>(host: Host, signal: AbortSignal, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Cancels what is under way. */
  close(): void;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** How long an orderly end may take before the connection is left to the server. */
const FAREWELL_MS = 2_000;
/** The driver buffers without limit; above this we wait. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const BUFFER_POLL_MS = 2;

/**
 * Settings of one transaction, never of the session: PgBouncer would hand those on. A chunk may take as long as
 * a Lambda; who waits for a lock gives up early, since everything here is safe to repeat. The connection check
 * stops a statement whose client has gone. Row security would hide rows without an error.
 */
const BEGIN = `
begin isolation level read committed, read write;
set local statement_timeout = '15min';
set local lock_timeout = '10s';
set local idle_in_transaction_session_timeout = '2min';
set local client_connection_check_interval = '2s';
set local row_security = off;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local jit = off;
set local search_path = pg_catalog, pg_temp`;

export function openDatabase(connection: NeonConnection, applicationName: string): Database {
  const closing = new AbortController();
  return {
    async transact(host, signal, work) {
      const stop = AbortSignal.any([signal, closing.signal]);
      if (stop.aborted) throw cancelled();
      const session = createSession(connection, host, applicationName, stop);
      try {
        await session.connect();
        await session.query(BEGIN);
        const value = await work(session);
        await session.rollback();
        return value;
      } catch (error) {
        await session.rollback().catch(() => undefined);
        throw error;
      } finally {
        await session.end();
      }
    },
    close: () => closing.abort(),
  };
}

interface Session extends Transaction {
  connect(): Promise<void>;
  /** Ends the transaction unless it was committed, or its connection is past use. */
  rollback(): Promise<void>;
  end(): Promise<void>;
}

function createSession(
  connection: NeonConnection,
  host: Host,
  applicationName: string,
  stop: AbortSignal,
): Session {
  const client = createClient(connection, host, applicationName);
  /** Driver calls without an answer yet: after an abort or a COPY cut short, the connection is past use. */
  let unanswered = 0;
  let open = false;
  let lost = false;
  client.once('end', () => {
    lost = true;
  });

  async function answer<T>(call: Promise<T>): Promise<T> {
    unanswered += 1;
    const settled = call.finally(() => {
      unanswered -= 1;
    });
    return unlessAborted(stop, settled).catch((thrown: unknown) => {
      throw fromDriver(thrown);
    });
  }

  async function query<Row>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> {
    const result = await answer(client.query(text, values && [...values]));
    return { rows: result.rows as Row[], count: result.rowCount ?? 0, fields: result.fields };
  }

  return {
    query,
    async connect() {
      await answer(client.connect());
      open = true;
    },
    async copy(text, buffers) {
      const stream = client.query(copyFrom(text));
      const finished = answer(
        new Promise<void>((resolve, reject) => {
          stream.once('finish', resolve);
          stream.on('error', reject);
        }),
      );
      await Promise.race([finished, send(client, stream, buffers, finished)]);
      await finished;
      return stream.rowCount;
    },
    async commit() {
      const { command } = await answer(client.query('commit'));
      open = false;
      if (command !== 'COMMIT') {
        throw new SyncError(
          'internal',
          'A transaction that had failed was committed; nothing of it was kept.',
        );
      }
    },
    async rollback() {
      if (!open || lost || unanswered > 0) return;
      open = false;
      await Promise.race([query('rollback'), farewell()]);
    },
    async end() {
      if (lost || unanswered > 0) client.connection.stream.destroy();
      else await Promise.race([client.end(), farewell()]);
    },
  };
}

function farewell(): Promise<void> {
  return sleep(FAREWELL_MS, undefined, { ref: false });
}

function createClient(connection: NeonConnection, host: Host, applicationName: string): Client {
  const connectionString = host === 'direct' ? (connection.directUrl ?? connection.url) : connection.url;
  let client: Client;
  try {
    client = new Client({
      connectionString,
      application_name: applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
  } catch {
    // The driver's error quotes the URL, password and all.
    throw new SyncError('config_invalid', 'The URL of the Neon connection cannot be read.');
  }
  if (connection.localProxy !== undefined) {
    const { localProxy } = connection;
    client.neonConfig.wsProxy = () => `${localProxy}/v2`;
    client.neonConfig.useSecureWebSocket = false;
    client.neonConfig.pipelineConnect = false;
  }
  // A connection that breaks while nothing runs says so here; the next statement on it fails anyway.
  client.on('error', () => undefined);
  return client;
}

/** Hands the buffers to the server, no faster than the socket takes them. Stops when `finished` rejects. */
async function send(
  client: Client,
  stream: CopyFromStream,
  buffers: AsyncIterable<Buffer>,
  finished: Promise<void>,
): Promise<void> {
  const socket: { readonly ws: { readonly bufferedAmount: number } | null } = client.connection.stream;
  // Joining the writes of a turn, as the driver does by default, would copy every buffer once more.
  client.neonConfig.coalesceWrites = false;
  for await (const buffer of buffers) {
    await Promise.race([new Promise((resolve) => stream.write(buffer, resolve)), finished]);
    await Promise.race([nextTurn(), finished]);
    while ((socket.ws?.bufferedAmount ?? 0) > MAX_BUFFERED_BYTES) {
      await Promise.race([sleep(BUFFER_POLL_MS), finished]);
    }
  }
  client.neonConfig.coalesceWrites = true;
  stream.end();
}

/** Settles with the promise, or with `cancelled` as soon as the signal aborts. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled());
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
