import { type ArrowColumn, ArrowEncoder } from './arrow.ts';
import { columnType } from './column-type.ts';
import type { EngineBatch, EngineColumn, EngineResult } from './engine.ts';

/** A record-batch message and the rows that it declares. */
export interface ArrowMessage {
  readonly rows: number;
  readonly bytes: Buffer;
}

export interface RowSet {
  readonly messages: readonly ArrowMessage[];
  /** Whether another take gives rows. */
  readonly hasMore: boolean;
}

/**
 * An engine's result, cut into Arrow messages as they are asked for. Holds the batch that is being served and
 * the one after it, which the engine makes in the meantime; never more.
 */
export class RowStream {
  readonly columns: readonly EngineColumn[];
  readonly #encoder: ArrowEncoder;
  readonly #iterator: AsyncIterator<EngineBatch>;
  #current: EngineBatch | undefined;
  #served = 0;
  #ahead: Promise<IteratorResult<EngineBatch>>;
  #turn: Promise<unknown> = Promise.resolve();
  #undelivered = 0;
  #ended = false;

  private constructor(result: EngineResult) {
    this.columns = result.columns;
    this.#encoder = new ArrowEncoder(
      result.columns.map(({ name, type }): ArrowColumn => ({ name, arrow: columnType(type).arrow })),
    );
    this.#iterator = result.batches[Symbol.asyncIterator]();
    this.#ahead = this.#readAhead();
  }

  /** Resolves when the first rows are there, or it is known that there are none. */
  static async open(result: EngineResult): Promise<RowStream> {
    const stream = new RowStream(result);
    await stream.#advance();
    return stream;
  }

  /** The Arrow schema message, without end-of-stream. */
  get arrowSchema(): Buffer {
    return this.#encoder.schemaMessage;
  }

  /**
   * The next rows: at most `maxRows` and about `maxBytes`, at least one where there is one. Throws what the
   * engine throws, and throws it again ever after. Calls that overlap are answered in turn.
   */
  take(maxRows: number, maxBytes: number): Promise<RowSet> {
    const taken = this.#turn.then(() => this.#take(maxRows, maxBytes));
    this.#turn = taken;
    taken.catch(() => undefined);
    return taken;
  }

  /** Lets the next `rows` rows be declared and not delivered. */
  loseRows(rows: number): void {
    this.#undelivered += rows;
  }

  /** Whether the engine has given its last batch. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Lets go of the engine's result; abort its statement first, unless it has ended. Does not throw. */
  async close(): Promise<void> {
    this.#current = undefined;
    await this.#iterator.return?.().catch(() => undefined);
  }

  async #take(maxRows: number, maxBytes: number): Promise<RowSet> {
    const messages: ArrowMessage[] = [];
    let rows = 0;
    let bytes = 0;
    while (this.#current !== undefined && rows < maxRows && bytes < maxBytes) {
      const start = this.#served;
      const end = this.#encoder.endOfMessage(this.#current, start, maxRows - rows, maxBytes - bytes);
      const lost = Math.min(this.#undelivered, end - start);
      const message = this.#encoder.encode(this.#current, start, end - lost);
      messages.push({ rows: end - start, bytes: message });
      this.#undelivered -= lost;
      rows += end - start;
      bytes += message.length;
      this.#served = end;
      if (end === this.#current.rows) await this.#advance();
    }
    return { messages, hasMore: this.#current !== undefined };
  }

  /** To the next batch that has rows. */
  async #advance(): Promise<void> {
    this.#current = undefined;
    for (;;) {
      const next = await this.#ahead;
      if (next.done === true) {
        this.#ended = true;
        return;
      }
      this.#requireShape(next.value);
      this.#ahead = this.#readAhead();
      if (next.value.rows === 0) continue;
      this.#current = next.value;
      this.#served = 0;
      return;
    }
  }

  #readAhead(): Promise<IteratorResult<EngineBatch>> {
    const next = this.#iterator.next();
    // Its failure is reported when its turn comes, which may be never.
    next.catch(() => undefined);
    return next;
  }

  #requireShape({ rows, values }: EngineBatch): void {
    if (values.length !== this.columns.length || values.some((column) => column.length !== rows)) {
      throw new TypeError('The engine gave a batch that does not have every value of every row.');
    }
  }
}
