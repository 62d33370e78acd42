import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../telemetry/log.ts';
import { EngineError, type EngineResult } from './engine.ts';
import { RowStream } from './row-stream.ts';

const INTERNAL_ERROR = 'INTERNAL_ERROR';

/** How a statement came out. `finished` means that its first rows are there, not that all were read. */
export type Outcome =
  | { readonly kind: 'finished'; readonly rows: RowStream }
  | { readonly kind: 'failed'; readonly error: EngineError }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'timed_out' };

export interface OperationOptions {
  readonly statement: string;
  readonly run: (signal: AbortSignal) => Promise<EngineResult>;
  /** Milliseconds; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  readonly log: Log;
}

/** One statement, from its start to the end of its rows. */
export class Operation {
  readonly id: string = randomUUID();
  readonly statement: string;
  readonly startedAtMs: number = Date.now();
  readonly #abort = new AbortController();
  readonly #settled: Promise<void>;
  readonly #running: Promise<void>;
  #released: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #log: Log;
  #outcome: Outcome | undefined;
  #settle: () => void = () => {};

  constructor({ statement, run, timeoutMs, log }: OperationOptions) {
    this.statement = statement;
    this.#log = log;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.#stop({ kind: 'timed_out' }), timeoutMs).unref();
    }
    this.#running = this.#run(run);
  }

  /** Undefined while the statement runs. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Whether nothing of the statement is under way any more: it ended, and its rows were read or let go. */
  get isOver(): boolean {
    return this.#outcome !== undefined && (this.#outcome.kind !== 'finished' || this.#outcome.rows.ended);
  }

  /** The outcome, or undefined when the statement still runs after `waitMs`. */
  async outcomeWithin(waitMs: number): Promise<Outcome | undefined> {
    if (this.#outcome === undefined) {
      const waited = new AbortController();
      await Promise.race([
        this.#settled,
        delay(waitMs, undefined, { signal: waited.signal }).catch(() => undefined),
      ]);
      waited.abort();
    }
    return this.#outcome;
  }

  /** Stops the statement, or lets go of the rows that were not read. */
  cancel(): void {
    if (this.#outcome === undefined || this.#outcome.kind === 'finished') this.#stop({ kind: 'canceled' });
  }

  /** Like cancel, and resolves when the engine has let go. */
  async close(): Promise<void> {
    this.cancel();
    await this.#running;
    await this.#released;
  }

  async #run(run: OperationOptions['run']): Promise<void> {
    try {
      const rows = await RowStream.open(await run(this.#abort.signal));
      if (this.#outcome === undefined) this.#become({ kind: 'finished', rows });
      else await rows.close();
    } catch (thrown) {
      if (this.#outcome !== undefined) return;
      const error = asEngineError(thrown);
      logFailure(this.#log, error, { operation: this.id });
      this.#stop({ kind: 'failed', error });
    }
  }

  #stop(outcome: Outcome): void {
    const rows = this.#outcome?.kind === 'finished' ? this.#outcome.rows : undefined;
    this.#become(outcome);
    if (rows?.ended !== true) this.#abort.abort();
    this.#released = rows?.close();
  }

  #become(outcome: Outcome): void {
    clearTimeout(this.#timer);
    this.#outcome = outcome;
    this.#settle();
  }
}

/** What is thrown and has no error class of its own is a fault of the engine; its text may hold row values. */
export function asEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  return new EngineError(INTERNAL_ERROR, 'XX000', 'The local SQL warehouse failed on this call.', {
    cause: thrown,
  });
}

/**
 * Logs a failure without its message, which may quote the statement. A fault of the engine leaves the name of what
 * it threw and where.
 */
export function logFailure(log: Log, error: EngineError, fields: Readonly<Record<string, unknown>>): void {
  const { errorClass, sqlState, cause } = error;
  if (errorClass !== INTERNAL_ERROR) {
    log.info('A statement failed.', { ...fields, errorClass, sqlState });
    return;
  }
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  log.error('The local SQL warehouse failed.', {
    ...fields,
    thrown: cause instanceof Error ? cause.name : typeof cause,
    at: (stack.match(/^ +at .*$/gm) ?? []).slice(0, 3).map((frame) => frame.trim()),
  });
}
