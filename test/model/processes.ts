import type { SyncConfig } from '../../src/config/sync-config.ts';
import { asSyncError } from '../../src/error/sync-error.ts';
import { type Chunk, throughOf } from '../../src/plan/plan.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync, type TickOptions } from '../../src/sync/plan-sync.ts';
import { aSync } from '../support/syncs.ts';
import type { Bounds } from './bounds.ts';
import type { Interner } from './intern.ts';
import type { Start } from './local-states.ts';
import { servicesOf } from './services.ts';
import { Turns } from './turns.ts';
import { NEVER } from './world.ts';

/** The one sync. What its plans are cut into is chosen by the explorer. */
export const SYNC: SyncConfig = aSync('main.model.source', 'public.target', ['id'], { maxChunkRows: 1 });

/** One tick of a planner, as lambdas/planner.ts runs it. */
export function planner(tick: number, options: TickOptions, bounds: Bounds, interner: Interner): Start {
  const { byPerson, retryRejected = false } = options;
  return {
    label: `planner ${tick}${byPerson ? ', by a person' : ''}${retryRejected ? ', to retry' : ''}`,
    async body(take) {
      const services = servicesOf(take, 0, bounds, interner);
      const { outcome } = await planSync(
        services,
        { ...SYNC, maxWriters: bounds.lanes },
        { byPerson },
        NEVER,
      );
      return outcome;
    },
  };
}

/** One delivery of a chunk, as lambdas/writer.ts handles it. */
export function writer(session: number, chunk: Chunk, bounds: Bounds, interner: Interner): Start {
  return {
    label: `writer ${session} of ${interner.numberOf(chunk)}`,
    async body(take) {
      const services = servicesOf(take, session, bounds, interner);
      try {
        return (await applyChunk(services, chunk, NEVER)).outcome;
      } catch (thrown) {
        const error = asSyncError(thrown);
        const lastAttempt = await new Turns(take).choose('the last attempt', [false, true]);
        const delivery = { attempt: 1, lastAttempt, outOfTime: error.kind === 'cancelled' };
        const { outcome } = await handleChunkFailure(services, chunk, error, delivery, NEVER, () => 0);
        return `${error.kind}, ${outcome}`;
      }
    },
  };
}

/** In words: `plan 2-1 (window 0 to 1)`. */
export function describeChunk({ plan, slice, of }: Chunk): string {
  const work = plan.work.kind === 'window' ? `window ${plan.work.after} to` : `${plan.work.kind} at`;
  return `the chunk of ${plan.id.split('-0-')[0]} (${work} ${throughOf(plan)} of ${plan.sourceTableId}), slice ${slice} of ${of}`;
}
