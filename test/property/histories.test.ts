import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectEveryHistoryEqual } from '../support/histories.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { onEngine } from '../support/warehouse-engine.ts';

/** As many as `LAKEFERRY_TEST_HISTORIES` says, or a few. */
const HISTORIES = Number(process.env['LAKEFERRY_TEST_HISTORIES'] ?? onEngine({ duckdb: 24, spark: 8 }));

describe('a random history of the source', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.histories');
  });
  afterAll(() => lake?.close());

  it(
    'ends with the target equal to the source, however it is cut and delivered',
    { timeout: 1_800_000 },
    () =>
      expectEveryHistoryEqual({
        lake,
        schema: 'main.histories',
        numRuns: HISTORIES,
      }),
  );
});
