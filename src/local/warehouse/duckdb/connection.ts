import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement } from '@duckdb/node-api';
import { canceled, engineError } from './errors.ts';

/** A DuckDB connection that fails with EngineErrors only, and stops when the statement's signal aborts. */
export class Connection {
  readonly #duck: DuckDBConnection;
  #signal: AbortSignal | undefined;

  constructor(duck: DuckDBConnection) {
    this.#duck = duck;
  }

  /** Binds what runs inside `work` to the signal. */
  async abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const interrupt = () => this.#duck.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    this.#signal = signal;
    try {
      this.checkAborted();
      return await work();
    } finally {
      this.#signal = undefined;
      signal.removeEventListener('abort', interrupt);
    }
  }

  checkAborted(): void {
    if (this.#signal?.aborted) throw canceled();
  }

  async run(sql: string): Promise<DuckDBMaterializedResult> {
    this.checkAborted();
    try {
      return await this.#duck.run(sql);
    } catch (thrown) {
      throw engineError(thrown);
    }
  }

  /** The number of rows that a statement wrote. */
  async write(sql: string): Promise<number> {
    return (await this.run(sql)).rowsChanged;
  }

  /** Hands a statement to `read` as it is bound, without running it. */
  async prepared<T>(sql: string, read: (statement: DuckDBPreparedStatement) => T): Promise<T> {
    this.checkAborted();
    try {
      const statement = await this.#duck.prepare(sql);
      try {
        return read(statement);
      } finally {
        statement.destroySync();
      }
    } catch (thrown) {
      throw engineError(thrown);
    }
  }

  /** All of `work` or nothing of it. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('begin');
    try {
      const result = await work();
      await this.run('commit');
      return result;
    } catch (thrown) {
      // Past the signal: an aborted statement is rolled back too.
      await this.#duck.run('rollback').catch(() => undefined);
      throw thrown;
    }
  }

  close(): void {
    this.#duck.closeSync();
  }
}
