import type { NeonConnection } from '../../config/connections.ts';
import { SyncError } from '../../error/sync-error.ts';
import { throwIfAborted, within } from '../../telemetry/abort.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { Session, withoutAnswer } from './session.ts';
import type { Transaction } from './transaction.ts';

/** `pooled`: PgBouncer in transaction mode, for chunks. `direct`: for DDL. */
export type Host = 'pooled' | 'direct';

export interface Database {
  /**
   * Runs the work in a transaction. Only what `commit` was called for is kept. When the signal aborts, the call
   * ends at once with `cancelled`, and the server stops soon after.
   */
  transact<T>(host: Host, signal: AbortSignal, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Cancels what is under way. */
  close(): Promise<void>;
}

/** How long a statement, the wait for one lock, and the pause between two statements may take. */
export interface TransactionLimits {
  readonly statementMs: number;
  readonly lockMs: number;
  readonly idleMs: number;
}

/** A statement may take as long as a Lambda; who waits for a lock gives up early, since all here can be repeated. */
export const DEFAULT_LIMITS: TransactionLimits = { statementMs: 900_000, lockMs: 10_000, idleMs: 120_000 };

/** Calls come in bursts; a connection that rested for longer has often been cut meanwhile. */
export const MAX_REST_MS = 30_000;
/** A function that was frozen may not have heard that its connection is gone: no answer comes then. */
const RESTED_ANSWER_MS = 2_000;

/**
 * Settings of one transaction, never of the session: PgBouncer would hand those on. The connection check stops a
 * statement whose client has gone. Row security would hide rows without an error. The memory is for the sort or hash
 * of a chunk's rows, which would go through files otherwise.
 */
function beginStatement({ statementMs, lockMs, idleMs }: TransactionLimits): string {
  return `
begin isolation level read committed, read write;
set local statement_timeout = ${Math.trunc(statementMs)};
set local lock_timeout = ${Math.trunc(lockMs)};
set local idle_in_transaction_session_timeout = ${Math.trunc(idleMs)};
set local client_connection_check_interval = '2s';
set local row_security = off;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local jit = off;
set local work_mem = '64MB';
set local search_path = pg_catalog, pg_temp`;
}

export function urlOf({ url, directUrl }: NeonConnection, host: Host): string {
  return host === 'direct' ? (directUrl ?? url) : url;
}

function wasCut(error: unknown): boolean {
  return error instanceof SyncError && error.kind === 'target_unavailable';
}

export function openDatabase(
  connection: NeonConnection,
  applicationName: string,
  clock: Clock,
  limits: TransactionLimits = DEFAULT_LIMITS,
): Database {
  const closing = new AbortController();
  const begin = beginStatement(limits);
  /** At most one connection at rest for each URL. */
  const resting = new Map<string, { readonly session: Session; readonly since: number }>();

  function takeResting(url: string): Session | undefined {
    const found = resting.get(url);
    resting.delete(url);
    if (found === undefined) return undefined;
    if (found.session.reusable && clock.now() - found.since < MAX_REST_MS) return found.session;
    void found.session.end();
    return undefined;
  }

  async function beginOn(url: string, stop: AbortSignal): Promise<Session> {
    const rested = takeResting(url);
    if (rested) {
      try {
        const answer = (limited: AbortSignal) => rested.begin(begin, stop, limited);
        await within(stop, RESTED_ANSWER_MS, answer, withoutAnswer);
        return rested;
      } catch (error) {
        await rested.end();
        if (stop.aborted || !wasCut(error)) throw error;
      }
    }
    const session = await Session.connect({ url, localProxy: connection.localProxy, applicationName }, stop);
    try {
      await session.begin(begin, stop);
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  async function putBack(url: string, session: Session): Promise<void> {
    if (!session.reusable || closing.signal.aborted || resting.has(url)) return session.end();
    resting.set(url, { session, since: clock.now() });
  }

  return {
    async transact(host, signal, work) {
      const stop = AbortSignal.any([signal, closing.signal]);
      throwIfAborted(stop);
      const url = urlOf(connection, host);
      const session = await beginOn(url, stop);
      try {
        return await work(session);
      } finally {
        // The work's own outcome stands: what was not committed is gone with the connection, too.
        await session.rollback().catch(() => undefined);
        await putBack(url, session);
      }
    },
    async close() {
      closing.abort();
      const sessions = [...resting.values()].map(({ session }) => session.end());
      resting.clear();
      await Promise.all(sessions);
    },
  };
}
