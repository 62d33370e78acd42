import { canceled, EngineError, type EngineResult, type EngineSession } from '../engine.ts';
import { DEFAULT_NAMESPACE } from './catalog.ts';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import { engineError } from './errors.ts';
import { runStatement } from './statement.ts';
import type { SessionState } from './statement-context.ts';

/** A session: a connection of its own, and one statement at a time. */
export class DuckDbSession implements EngineSession {
  readonly #database: Database;
  readonly #connection: Connection;
  readonly #state: SessionState = { namespace: DEFAULT_NAMESPACE, statementTimeoutSeconds: 0 };
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(database: Database, connection: Connection) {
    this.#database = database;
    this.#connection = connection;
  }

  execute(statement: string, signal: AbortSignal): Promise<EngineResult> {
    const executed = this.#turn.then(() => this.#execute(statement, signal));
    this.#turn = executed.catch(() => undefined);
    return executed;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn;
    this.#connection.close();
  }

  async #execute(statement: string, signal: AbortSignal): Promise<EngineResult> {
    if (signal.aborted) throw canceled();
    const seconds = this.#state.statementTimeoutSeconds;
    const timeout = seconds === 0 ? undefined : AbortSignal.timeout(seconds * 1000);
    const context = {
      database: this.#database,
      connection: this.#connection,
      session: this.#state,
      nowMicros: BigInt(this.#database.clock.now()) * 1000n,
    };
    try {
      return await this.#connection.abortable(timeout ? AbortSignal.any([signal, timeout]) : signal, () =>
        runStatement(context, statement),
      );
    } catch (thrown) {
      if (timeout?.aborted && !signal.aborted) {
        throw new EngineError(
          'STATEMENT_TIMEOUT',
          '57KD0',
          `The statement ran longer than ${seconds} seconds.`,
        );
      }
      throw signal.aborted ? canceled() : engineError(thrown);
    }
  }
}
