import { setTimeout as pause } from 'node:timers/promises';
import { DBSQLClient, type DBSQLSession } from '@databricks/sql';
import type { DatabricksConnection } from '../../config/connections.ts';
import { SyncError } from '../../error/sync-error.ts';
import { throwIfAborted, untilAborted } from '../../telemetry/abort.ts';
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import { isStarting, sourceError } from './errors.ts';

type DriverLogger = NonNullable<NonNullable<ConstructorParameters<typeof DBSQLClient>[0]>['logger']>;
type DriverOptions = Parameters<DBSQLClient['connect']>[0];
type Session = Awaited<ReturnType<DBSQLClient['openSession']>>;
type Operation = Awaited<ReturnType<DBSQLSession['executeStatement']>>;

/** A result row: every value as the driver gives it. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** Waits before open and execute are tried again where the warehouse cannot be reached. */
const RETRY_DELAYS_MS: readonly number[] = [500, 2_000, 5_000];

/** A warehouse that says that it is starting is asked for longer, after the last of the waits each time. */
const START_LIMIT_MS = 5 * 60_000;

const MAX_IDLE_SESSIONS = 4;

/**
 * Statements come in bursts. A function that was frozen for longer may not have heard that its connections are gone,
 * and a statement on one of them waits for an answer that never comes.
 */
const MAX_REST_MS = 30_000;

/** A statement that nobody waits for any more, since its function died, ends with the longest time of a function. */
const STATEMENT_TIMEOUT_SECONDS = 900;

/**
 * What results depend on and an administrator may set otherwise for all sessions: the zone that times are shown in, what
 * a cast does that fails, and the form of times in JSON, which the old formatter writes without microseconds.
 */
const SETTINGS: readonly string[] = [
  "set time zone 'UTC'",
  'set ansi_mode = true',
  'set legacy_time_parser_policy = corrected',
  `set statement_timeout = ${STATEMENT_TIMEOUT_SECONDS}`,
];

/** The driver's own farewell takes half a minute when nobody answers. */
const FAREWELL_MS = 2_000;

/** Rows of one fetch, of some kilobytes each. */
const FETCH_ROWS = 256;

/**
 * One warehouse, entered when first needed. Statements may run side by side, each in a session of its own that is
 * kept for the next one.
 */
export class Warehouse {
  readonly #connection: DatabricksConnection;
  readonly #retryDelaysMs: readonly number[];
  readonly #clock: Clock;
  #client: Promise<DBSQLClient> | undefined;
  readonly #idle: Session[] = [];
  #usedAt = 0;

  constructor(
    connection: DatabricksConnection,
    retryDelaysMs: readonly number[] = RETRY_DELAYS_MS,
    clock: Clock = systemClock,
  ) {
    this.#connection = connection;
    this.#retryDelaysMs = retryDelaysMs;
    this.#clock = clock;
  }

  /** All rows of a small result. `table` is for errors only. */
  async query(statement: string, table: string, signal: AbortSignal): Promise<ResultRow[]> {
    const rows: ResultRow[] = [];
    for await (const row of this.stream(statement, table, signal)) rows.push(row);
    return rows;
  }

  /** The row of a result that always has one. Throws `source_incomplete` when it came without. */
  async one(statement: string, table: string, signal: AbortSignal): Promise<ResultRow> {
    const [row] = await this.query(statement, table, signal);
    if (row) return row;
    const message = 'The warehouse gave an empty result where there is always one row.';
    throw new SyncError('source_incomplete', message, { table });
  }

  /**
   * Rows as they come; of those that were not yielded, at most twice `fetchRows` are held. Ends the operation when the
   * consumer stops early.
   */
  async *stream(
    statement: string,
    table: string,
    signal: AbortSignal,
    fetchRows = FETCH_ROWS,
  ): AsyncGenerator<ResultRow> {
    const { session, operation } = await this.#start(statement, table, fetchRows, signal);
    let healthy = false;
    try {
      const stop = () => void operation.cancel().catch(() => {});
      do {
        yield* (await untilAborted(
          // Buffering, the driver would gather rows of many answers before it gives one.
          operation.fetchChunk({ maxRows: fetchRows, disableBuffering: true }),
          signal,
          stop,
        )) as ResultRow[];
      } while (await untilAborted(operation.hasMoreRows(), signal, stop));
      healthy = true;
    } catch (thrown) {
      throw sourceError(thrown, { table });
    } finally {
      await this.#release(session, operation, healthy, signal);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    const farewell = async () => {
      await Promise.allSettled(this.#idle.splice(0).map((session) => session.close()));
      await (await client)?.close();
    };
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, FAREWELL_MS).unref());
    await Promise.race([farewell().catch(() => {}), timeout]);
  }

  /** Opening and executing are one step: a session may open and then be unknown while the warehouse starts. */
  async #start(
    statement: string,
    table: string,
    fetchRows: number,
    signal: AbortSignal,
  ): Promise<{ session: Session; operation: Operation }> {
    const startedAt = this.#clock.now();
    for (let attempt = 0; ; ) {
      throwIfAborted(signal);
      const rested = this.#takeIdle();
      let session = rested;
      try {
        session ??= await untilAborted(this.#openSession(), signal);
        const operation = await untilAborted(
          session.executeStatement(statement, {
            maxRows: fetchRows,
            useCloudFetch: false,
            useLZ4Compression: false,
          }),
          signal,
        );
        const stop = () => void operation.cancel().catch(() => {});
        await untilAborted(operation.finished(), signal, stop);
        return { session, operation };
      } catch (thrown) {
        void session?.close().catch(() => {});
        const error = sourceError(thrown, { table });
        if (error.kind !== 'source_unavailable') throw error;
        if (rested !== undefined) {
          this.#forget();
          continue;
        }
        const starts = isStarting(thrown) && this.#clock.now() - startedAt < START_LIMIT_MS;
        const delay = this.#retryDelaysMs[attempt++] ?? (starts ? this.#retryDelaysMs.at(-1) : undefined);
        if (delay === undefined) throw error;
        await untilAborted(pause(delay, undefined, { signal }), signal);
      }
    }
  }

  #takeIdle(): Session | undefined {
    const now = this.#clock.now();
    if (now - this.#usedAt > MAX_REST_MS) this.#forget();
    this.#usedAt = now;
    return this.#idle.pop();
  }

  /**
   * What one session met, a warehouse that stopped or connections that are gone, the others of its time would meet:
   * the next statement begins anew. Statements under way keep their connections.
   */
  #forget(): void {
    this.#client = undefined;
    for (const session of this.#idle.splice(0)) void session.close().catch(() => {});
  }

  /** The client outlives a session that did not open: other statements run in sessions of theirs on it. */
  async #openSession(): Promise<Session> {
    this.#client ??= this.#connect().catch((thrown: unknown) => {
      this.#client = undefined;
      throw thrown;
    });
    const session = await (await this.#client).openSession();
    try {
      for (const setting of SETTINGS) {
        const operation = await session.executeStatement(setting);
        await operation.finished();
        await operation.close();
      }
    } catch (thrown) {
      void session.close().catch(() => {});
      throw thrown;
    }
    return session;
  }

  async #connect(): Promise<DBSQLClient> {
    const client = new DBSQLClient({ logger: QUIET });
    client.on('error', () => {});
    await client.connect(driverOptions(this.#connection));
    return client;
  }

  /** A session whose statement went wrong is closed, and whatever runs in it; nobody waits for that. */
  async #release(
    session: Session,
    operation: Operation,
    healthy: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const closed = operation.close().then(
      () => true,
      () => false,
    );
    // All rows are there: that the warehouse does not say good-bye in time is no failure of the statement.
    const inTime = healthy && (await untilAborted(closed, signal).catch(() => false));
    if (!inTime) {
      void closed.then(() => session.close()).catch(() => {});
      return;
    }
    this.#usedAt = this.#clock.now();
    if (this.#idle.length < MAX_IDLE_SESSIONS) this.#idle.push(session);
    else void session.close().catch(() => {});
  }
}

/** How the driver enters the warehouse. */
export function driverOptions({ host, port, path, auth, caCert }: DatabricksConnection): DriverOptions {
  const common = {
    host,
    port,
    path,
    userAgentEntry: 'Lakeferry',
    telemetryEnabled: false,
    preserveBigNumericPrecision: true,
    ...(caCert === undefined ? {} : { customCaCert: caCert }),
  };
  if (auth.kind === 'token') return { ...common, token: auth.token };
  return {
    ...common,
    authType: 'databricks-oauth',
    oauthClientId: auth.clientId,
    oauthClientSecret: auth.clientSecret,
    // The secret is one of Databricks on Azure, too: Entra ID would not know it.
    useDatabricksOAuthInAzure: true,
  };
}

/** The driver's own logger writes to the console, whole error objects among it. */
const QUIET: DriverLogger = { log() {} };

/** A text cell that the statement makes non-null. Throws `source_failed` when the server gave something else. */
export function textCell(row: ResultRow, name: string): string {
  const value = row[name];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new SyncError('source_failed', `The warehouse gave no value for the result column ${name}.`, {
    column: name,
  });
}
