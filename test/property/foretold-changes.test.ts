import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { previewPlans } from '../../src/sync/preview-plan.ts';
import { expectEveryHistoryEqual } from '../support/histories.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { onEngine } from '../support/warehouse-engine.ts';

describe('an exact count before a sync', () => {
  let lake: Lake;

  beforeAll(async () => {
    lake = await startLake();
    await lake.sql('create schema main.foretold');
  });
  afterAll(() => lake?.close());

  /** What the target says that was ever done to it, and what is the plan that was opened last. */
  async function rowOf({ name }: SyncConfig) {
    const row = (await lake.services.target.readRows(NEVER)).get(name);
    return { upserted: row?.rowsUpserted ?? 0n, deleted: row?.rowsDeleted ?? 0n, plan: row?.plan };
  }

  async function foretold(config: SyncConfig, sync: () => Promise<void>): Promise<void> {
    const before = await rowOf(config);
    const [preview] = await previewPlans(lake.services, [config], { exact: true }, NEVER);
    await sync();
    const after = await rowOf(config);
    expect(preview).toMatchObject({ halts: [], unknown: [] });
    const next = preview?.next;
    if (next?.step !== 'plan') {
      expect(next?.step).toBe('nothing');
      expect(after).toEqual(before);
      return;
    }
    const { work, slices, writers, pages } = next.plan;
    expect(after.plan).toMatchObject({ work, slices, writers, pages });
    expect(next.changes).toMatchObject({ kind: 'exact', rejected: 0, conflicts: 0 });
    if (next.changes.kind !== 'exact') return;
    expect(after.deleted - before.deleted).toBe(BigInt(next.changes.deletes));
    const written = after.upserted - before.upserted;
    // What is written as it is already is an upsert at the source, and none in the target.
    expect(written).toBeLessThanOrEqual(next.changes.upserts);
    if (work.kind === 'snapshot') expect(written).toBe(BigInt(next.changes.upserts));
  }

  it(
    'is of the rows that then go and come, and the plan is the one that is then opened',
    { timeout: 1_800_000 },
    () =>
      expectEveryHistoryEqual({
        lake,
        schema: 'main.foretold',
        numRuns: onEngine({ duckdb: 10, spark: 3 }),
        around: foretold,
      }),
  );
});
