import { afterAll, beforeAll, describe, it } from 'vitest';
import type { EngineSession, WarehouseEngine } from '../../src/local/warehouse/engine.ts';
import { expectEveryHistoryEqual } from '../support/histories.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { onEngine } from '../support/warehouse-engine.ts';

/** Gives a part of the change rows twice, as the feed does now and then. */
function repeatChanges(engine: WarehouseEngine): WarehouseEngine {
  const feed = /table_changes\((?:'(?:[^'\\]|\\.)*'), \d+, \d+\)/g;
  const twice = (changes: string) =>
    `(select * from ${changes} union all select * from ${changes} where k % 3 = 0)`;
  const wrap = (session: EngineSession): EngineSession => ({
    close: () => session.close(),
    execute: (statement, signal) => session.execute(statement.replace(feed, twice), signal),
  });
  return {
    name: engine.name,
    close: () => engine.close(),
    openSession: async () => wrap(await engine.openSession()),
  };
}

describe('a random history whose feed repeats change rows', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake(repeatChanges);
    await lake.sql('create schema main.repeated');
  });
  afterAll(() => lake?.close());

  it('ends with the target equal to the source all the same', { timeout: 1_800_000 }, () =>
    expectEveryHistoryEqual({
      lake,
      schema: 'main.repeated',
      numRuns: onEngine({ duckdb: 140, spark: 4 }),
    }),
  );
});
