import { expect } from 'vitest';
import type { HaltCause } from '../../src/checkpoint/checkpoint.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import type { ErrorKind } from '../../src/error/error-kind.ts';
import { asSyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { expectSyncedEqual, throughOf } from './equal-to-source.ts';
import { type Lake, NEVER } from './lake.ts';

/**
 * Ticks once and delivers what was sent once, as planner and writers do. Gives why the sync is halted then; throws
 * where it is not, an error that would be tried again among it.
 */
export async function syncToHalt({ services }: Lake, config: SyncConfig): Promise<HaltCause> {
  await planSync(services, config, { byPerson: true }, NEVER);
  for (let message = services.queue.receive(); message; message = services.queue.receive()) {
    const chunk = decodeMessage(message.body);
    services.queue.acknowledge(message.receiptHandle);
    try {
      await applyChunk(services, chunk, NEVER);
    } catch (thrown) {
      const error = asSyncError(thrown);
      if (error.action === 'retry') throw error;
      await handleChunkFailure(
        services,
        chunk,
        error,
        { attempt: 1, lastAttempt: false, outOfTime: false },
        NEVER,
        () => 0,
      );
    }
  }
  const { checkpoint } = await services.checkpoints.read(config.name, NEVER);
  if (checkpoint.state === 'halted') return checkpoint.cause;
  throw new Error(`the sync is not halted but ${checkpoint.state}`);
}

/** The sync halts for this, with the target as it was; the target table dropped, as the remedy says, it goes on. */
export async function expectReloadNeeded(
  lake: Lake,
  config: SyncConfig,
  kind: ErrorKind,
): Promise<HaltCause> {
  const before = { rows: await rowsOf(lake, config), through: await throughOf(lake, config) };
  const cause = await syncToHalt(lake, config);
  expect(cause.kind).toBe(kind);
  expect(cause.remedy).toContain('drop the target table');
  expect({ rows: await rowsOf(lake, config), through: await throughOf(lake, config) }).toEqual(before);
  await lake.database.query(`drop table ${nameOf(config)}`);
  await expectSyncedEqual(lake, config);
  return cause;
}

async function rowsOf(lake: Lake, config: SyncConfig): Promise<string[]> {
  const rows = await lake.database.query<{ row: string }>(
    `select to_jsonb(t)::text as row from ${nameOf(config)} as t order by 1`,
  );
  return rows.map(({ row }) => row);
}

function nameOf({ target }: SyncConfig): string {
  return `"${target.schema}"."${target.table}"`;
}
