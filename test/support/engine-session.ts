import { type EngineColumn, EngineError, type EngineSession } from '../../src/local/warehouse/engine.ts';

export const NO_SIGNAL = new AbortController().signal;

export type Row = Readonly<Record<string, unknown>>;

export interface TestSession {
  /** Rows as objects; bytes as hex text. */
  sql(statement: string): Promise<Row[]>;
  /** The only value of the only row. */
  value(statement: string): Promise<unknown>;
  columns(statement: string): Promise<readonly EngineColumn[]>;
  /** `class sqlState` of the statement's EngineError. */
  failure(statement: string): Promise<string>;
  close(): Promise<void>;
}

/** A session with its results as objects. */
export function testSession(session: EngineSession): TestSession {
  const sql = async (statement: string): Promise<Row[]> => {
    const { columns, batches } = await session.execute(statement, NO_SIGNAL);
    const rows: Row[] = [];
    for await (const { rows: count, values } of batches) {
      for (let row = 0; row < count; row += 1) {
        rows.push(Object.fromEntries(columns.map(({ name }, at) => [name, plain(values[at]?.[row])])));
      }
    }
    return rows;
  };
  return {
    sql,
    async value(statement) {
      const [row, ...others] = await sql(statement);
      if (!row || others.length > 0 || Object.keys(row).length !== 1) throw new Error('not one value');
      return Object.values(row)[0];
    },
    columns: async (statement) => (await session.execute(statement, NO_SIGNAL)).columns,
    async failure(statement) {
      const thrown = await session.execute(statement, NO_SIGNAL).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(thrown instanceof EngineError))
        throw new Error(`no EngineError: ${String(thrown)}`, { cause: thrown });
      return `${thrown.errorClass} ${thrown.sqlState}`;
    },
    close: () => session.close(),
  };
}

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
