import { type DuckDbEngine, openDuckDbEngine } from '../../src/local/warehouse/duckdb/engine.ts';
import { tokenize } from '../../src/local/warehouse/duckdb/tokenizer.ts';
import { type EngineColumn, EngineError, type EngineSession } from '../../src/local/warehouse/engine.ts';
import type { Clock } from '../../src/telemetry/clock.ts';

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

export interface TestEngine extends TestSession {
  readonly engine: DuckDbEngine;
  session(): Promise<TestSession>;
}

/** An engine with one session of its own. */
export async function testEngine(directory?: string, clock?: Clock): Promise<TestEngine> {
  const engine = await openDuckDbEngine({ directory, ...(clock && { clock }) });
  const session = async () => over(await engine.openSession());
  const first = await session();
  return {
    ...first,
    engine,
    session,
    async close() {
      await first.close();
      await engine.close();
    },
  };
}

function over(session: EngineSession): TestSession {
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

/** Cuts a script at its semicolons; strings, names and comments may hold some. Empty statements are left out. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let start: number | undefined;
  let end = 0;
  const flush = () => {
    if (start !== undefined) statements.push(script.slice(start, end));
    start = undefined;
  };
  for (const token of tokenize(script)) {
    if (token.kind === 'symbol' && token.text === ';') {
      flush();
    } else {
      start ??= token.start;
      end = token.end;
    }
  }
  flush();
  return statements;
}
