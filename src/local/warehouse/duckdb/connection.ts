import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement } from '@duckdb/node-api';
import { canceled } from '../engine.ts';
import { engineError } from './errors.ts';
import { TYPED_PATH_SQL, UNTYPED_PATH_SQL } from './macros.ts';

/** DuckDB forgets an interrupt that comes before the statement has begun: it is told again until the work has ended. */
const INTERRUPT_EVERY_MS = 20;

const AMBIGUOUS_MACRO = /^Binder Error: Macro lf_text\(\) has multiple overloads/;

/** A DuckDB connection that fails with EngineErrors only, and stops when the statement's signal aborts. */
export class Connection {
  readonly #duck: DuckDBConnection;
  #signal: AbortSignal | undefined;
  #mayInterrupt = true;

  constructor(duck: DuckDBConnection) {
    this.#duck = duck;
  }

  /** Binds what runs inside `work` to the signal. */
  async abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let repeated: NodeJS.Timeout | undefined;
    const interrupt = () => {
      if (this.#mayInterrupt) this.#duck.interrupt();
    };
    const interruptUntilItEnds = () => {
      interrupt();
      repeated = setInterval(interrupt, INTERRUPT_EVERY_MS);
    };
    signal.addEventListener('abort', interruptUntilItEnds, { once: true });
    this.#signal = signal;
    try {
      this.checkAborted();
      return await work();
    } finally {
      this.#signal = undefined;
      signal.removeEventListener('abort', interruptUntilItEnds);
      clearInterval(repeated);
    }
  }

  checkAborted(): void {
    if (this.#signal?.aborted) throw canceled();
  }

  run(sql: string): Promise<DuckDBMaterializedResult> {
    return this.#bound(() => this.#duck.run(sql));
  }

  /** The number of rows that a statement wrote. */
  async write(sql: string): Promise<number> {
    return (await this.run(sql)).rowsChanged;
  }

  /** Hands a statement to `read` as it is bound, without running it. */
  prepared<T>(sql: string, read: (statement: DuckDBPreparedStatement) => T): Promise<T> {
    return this.#bound(async () => {
      const statement = await this.#duck.prepare(sql);
      try {
        return read(statement);
      } finally {
        statement.destroySync();
      }
    });
  }

  /** All of `work` or nothing of it. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    this.checkAborted();
    await this.#uninterrupted('begin');
    try {
      const result = await work();
      await this.run('commit');
      return result;
    } catch (thrown) {
      await this.#uninterrupted('rollback').catch(() => undefined);
      throw thrown;
    }
  }

  /** Past the signal: what must not stay half done, e.g. BEGIN, which leaves a transaction open when it is interrupted. */
  async #uninterrupted(sql: string): Promise<void> {
    this.#mayInterrupt = false;
    try {
      await this.#duck.run(sql);
    } catch (thrown) {
      throw engineError(thrown);
    } finally {
      this.#mayInterrupt = true;
    }
  }

  /** Binds again without the typed macros where they cannot be told apart; binding has no effect of its own. */
  async #bound<T>(attempt: () => Promise<T>): Promise<T> {
    this.checkAborted();
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof Error && AMBIGUOUS_MACRO.test(thrown.message))) throw engineError(thrown);
    }
    try {
      await this.#uninterrupted(UNTYPED_PATH_SQL);
      return await attempt();
    } catch (thrown) {
      throw engineError(thrown);
    } finally {
      await this.#uninterrupted(TYPED_PATH_SQL).catch(() => undefined);
    }
  }

  close(): void {
    this.#duck.closeSync();
  }
}
