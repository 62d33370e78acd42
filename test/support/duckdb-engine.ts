import { type DuckDbEngine, openDuckDbEngine } from '../../src/local/warehouse/duckdb/engine.ts';
import { tokenize } from '../../src/local/warehouse/duckdb/tokenizer.ts';
import type { Clock } from '../../src/telemetry/clock.ts';
import { type TestSession, testSession } from './engine-session.ts';

export interface TestEngine extends TestSession {
  readonly engine: DuckDbEngine;
  session(): Promise<TestSession>;
}

/** An engine with one session of its own. */
export async function testEngine(directory?: string, clock?: Clock): Promise<TestEngine> {
  const engine = await openDuckDbEngine({ directory, ...(clock && { clock }) });
  const session = async () => testSession(await engine.openSession());
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
