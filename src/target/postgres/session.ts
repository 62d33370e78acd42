import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@neondatabase/serverless';
import { type CopyFromStream, from as copyFrom } from 'pg-copy-streams';
import { SyncError } from '../../error/sync-error.ts';
import { untilAborted, within } from '../../telemetry/abort.ts';
import { fromDriver } from './errors.ts';
import type { Answer, Transaction } from './transaction.ts';

/** Where and how to connect. */
export interface SessionSettings {
  readonly url: string;
  readonly localProxy: string | undefined;
  readonly applicationName: string;
}

const CONNECT_TIMEOUT_MS = 15_000;
/** How long an orderly end may take before the connection is left to the server. */
const FAREWELL_MS = 2_000;
/** The driver buffers without limit; above this we wait. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const BUFFER_POLL_MS = 2;

/** One connection to the server. Runs one transaction after another, never two at once. */
export class Session implements Transaction {
  readonly #client: Client;
  #stop: AbortSignal;
  /** Driver calls without an answer yet: after an abort or a COPY cut short, the connection is past use. */
  #unanswered = 0;
  #inTransaction = false;
  #lost = false;

  private constructor(client: Client, stop: AbortSignal) {
    this.#client = client;
    this.#stop = stop;
    client.once('end', () => {
      this.#lost = true;
    });
    // A connection that breaks while nothing runs says so here; the next statement on it fails anyway.
    client.on('error', () => {
      this.#lost = true;
    });
  }

  /** Fails with `target_unavailable` where the server is silent for `timeoutMs`. */
  static async connect(
    settings: SessionSettings,
    stop: AbortSignal,
    timeoutMs = CONNECT_TIMEOUT_MS,
  ): Promise<Session> {
    const client = createClient(settings);
    const enter = async (limited: AbortSignal) => {
      const session = new Session(client, limited);
      try {
        await session.#answer(client.connect());
        return session;
      } catch (error) {
        // There is nobody to take leave of: the driver would wait for an answer.
        session.#lost = true;
        await session.end();
        throw error;
      }
    };
    // The driver's own timeout only begins to close the WebSocket, and a silent peer never lets that end.
    return within(stop, timeoutMs, enter, withoutAnswer);
  }

  /** Whether another transaction may be begun. */
  get reusable(): boolean {
    return !this.#lost && !this.#inTransaction && this.#unanswered === 0;
  }

  /** `stop` ends whatever runs until the next `begin`; `beginStop`, where given, the beginning itself. */
  async begin(statement: string, stop: AbortSignal, beginStop = stop): Promise<void> {
    this.#stop = beginStop;
    await this.query(statement);
    this.#stop = stop;
    this.#inTransaction = true;
  }

  async query<Row>(text: string, values?: readonly unknown[]): Promise<Answer<Row>> {
    const result = await this.#answer(this.#client.query(text, values && [...values]));
    return { rows: result.rows as Row[], count: result.rowCount ?? 0, fields: result.fields };
  }

  async run(statements: readonly string[]): Promise<readonly number[]> {
    const results: unknown = await this.#answer(this.#client.query(statements.join(';\n')));
    return [results].flat().map((result) => (result as { readonly rowCount: number | null }).rowCount ?? 0);
  }

  async copy(text: string, buffers: AsyncIterable<Buffer>): Promise<number> {
    const stream = this.#client.query(copyFrom(text));
    const finished = this.#answer(
      new Promise<void>((resolve, reject) => {
        stream.once('finish', resolve);
        stream.on('error', reject);
      }),
    );
    await Promise.race([finished, this.#send(stream, buffers, finished)]);
    await finished;
    return stream.rowCount;
  }

  async commit(): Promise<void> {
    const { command } = await this.#answer(this.#client.query('commit'));
    this.#inTransaction = false;
    if (command !== 'COMMIT') {
      throw new SyncError('internal', 'A transaction that had failed was committed; nothing of it was kept.');
    }
  }

  /** Ends the transaction unless it was committed, or its connection is past use. */
  async rollback(): Promise<void> {
    if (!this.#inTransaction || this.#lost || this.#unanswered > 0) return;
    await Promise.race([this.query('rollback'), farewell()]);
    this.#inTransaction = false;
  }

  /**
   * An orderly end where the connection allows one. What was not committed is rolled back. A peer that is silent even
   * then keeps its socket, and with that a process that has nothing else to do: Node's WebSocket cannot be cut.
   */
  async end(): Promise<void> {
    if (this.#lost || this.#unanswered > 0) this.#client.connection.stream.destroy();
    else await Promise.race([this.#client.end(), farewell()]);
  }

  async #answer<T>(call: Promise<T>): Promise<T> {
    this.#unanswered += 1;
    const settled = call.finally(() => {
      this.#unanswered -= 1;
    });
    return untilAborted(settled, this.#stop).catch((thrown: unknown) => {
      throw fromDriver(thrown);
    });
  }

  /** Hands the buffers to the server, no faster than the socket takes them. Stops when `finished` rejects. */
  async #send(
    stream: CopyFromStream,
    buffers: AsyncIterable<Buffer>,
    finished: Promise<void>,
  ): Promise<void> {
    const client = this.#client;
    const socket: { readonly ws: { readonly bufferedAmount: number } | null } = client.connection.stream;
    // Joining the writes of a turn, as the driver does by default, would copy every buffer once more.
    client.neonConfig.coalesceWrites = false;
    let over = false;
    const end = () => {
      over = true;
    };
    // A race with `finished` in every poll would leave something with it each time.
    finished.then(end, end);
    for await (const buffer of buffers) {
      await Promise.race([new Promise((resolve) => stream.write(buffer, resolve)), finished]);
      await nextTurn();
      while (!over && (socket.ws?.bufferedAmount ?? 0) > MAX_BUFFERED_BYTES) await sleep(BUFFER_POLL_MS);
      if (over) return;
    }
    client.neonConfig.coalesceWrites = true;
    stream.end();
  }
}

function createClient({ url, localProxy, applicationName }: SessionSettings): Client {
  let client: Client;
  try {
    client = new Client({ connectionString: url, application_name: applicationName });
  } catch {
    // The driver's error quotes the URL, password and all.
    throw new SyncError('config_invalid', 'The URL of the Neon connection cannot be read.');
  }
  if (localProxy !== undefined) {
    client.neonConfig.wsProxy = (host, port) => `${localProxy}/v2?address=${host}:${port}`;
    client.neonConfig.useSecureWebSocket = false;
    client.neonConfig.pipelineConnect = false;
  }
  return client;
}

/** Of a server that is silent. */
export function withoutAnswer(cause: unknown): SyncError {
  return new SyncError('target_unavailable', 'The database did not answer in time.', {}, { cause });
}

function farewell(): Promise<void> {
  return sleep(FAREWELL_MS, undefined, { ref: false });
}
