import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from '../../src/local/warehouse/duckdb/connection.ts';
import { TYPED_PATH_SQL } from '../../src/local/warehouse/duckdb/macros.ts';

let instance: DuckDBInstance;
let duck: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create();
  duck = await instance.connect();
  await duck.run('create table t (id bigint)');
});
afterAll(() => {
  duck.closeSync();
  instance.closeSync();
});

const LONG =
  'insert into t select a.range * b.range from range(1000000) a, range(1000000) b where a.range * b.range = -1';

/** The connection, and what was interrupted while it ran; `before` is called as a statement is handed over. */
function watched(before: (sql: string) => void): { connection: Connection; interrupted: string[] } {
  const interrupted: string[] = [];
  let running = 'nothing';
  const watching = {
    async run(sql: string) {
      running = sql;
      before(sql);
      try {
        return await duck.run(sql);
      } finally {
        running = 'nothing';
      }
    },
    interrupt() {
      interrupted.push(running);
      duck.interrupt();
    },
  };
  return { connection: new Connection(watching as unknown as DuckDBConnection), interrupted };
}

describe('a signal that aborts', () => {
  it('as a statement is handed over stops it all the same', async () => {
    const controller = new AbortController();
    const { connection } = watched((sql) => sql === LONG && controller.abort());
    await expect(connection.abortable(controller.signal, () => connection.run(LONG))).rejects.toThrow();
  });

  it.each(['begin', 'rollback'])('during %s leaves no transaction open', async (statement) => {
    const controller = new AbortController();
    const { connection, interrupted } = watched((sql) => sql === statement && controller.abort());
    const stopped = connection.abortable(controller.signal, () =>
      connection.transaction(async () => {
        await connection.run('insert into t values (1)');
        throw new Error('the work failed');
      }),
    );
    await expect(stopped).rejects.toThrow(statement === 'begin' ? 'canceled' : 'the work failed');
    expect(interrupted).not.toContain(statement);
    expect(await connection.write('insert into t values (2)')).toBe(1);
    expect((await duck.runAndReadAll('delete from t returning id')).getRowsJS()).toEqual([[2n]]);
  });

  it('during the way back to the typed macros does not keep it from them', async () => {
    const controller = new AbortController();
    let tried = 0;
    const { connection, interrupted } = watched((sql) => {
      if (sql === 'select 1' && tried++ === 0)
        throw new Error('Binder Error: Macro lf_text() has multiple overloads');
      if (sql === TYPED_PATH_SQL) controller.abort();
    });
    await connection.abortable(controller.signal, () => connection.run('select 1')).catch(() => undefined);
    expect(controller.signal.aborted).toBe(true);
    expect(interrupted).not.toContain(TYPED_PATH_SQL);
  });
});
