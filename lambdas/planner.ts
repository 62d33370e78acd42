import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { asSyncError, SyncError } from '../src/error/sync-error.ts';
import type { Plan } from '../src/plan/plan.ts';
import { planSync, type Tick } from '../src/sync/plan-sync.ts';
import { pollSync } from '../src/sync/poll-sync.ts';
import { environmentRuntime, logger, type Runtime, stopsEarly } from './runtime.ts';

/**
 * What EventBridge Scheduler sends: the sync's name, and `continuous` where the function is to poll until the next
 * minute's begins. The rest is set by the command line, see `TickOptions`.
 */
export interface PlannerEvent {
  readonly sync: string;
  readonly continuous?: boolean;
  readonly byPerson?: boolean;
  readonly retryRejected?: boolean;
}

/** Time to roll back and let go of the claim before Lambda freezes the sandbox. */
export const PLANNER_EARLY_MS = 5_000;
/** From the start of a function that polls to its last look: the next one starts a minute after it. */
const POLLING_MS = 58_000;

/** One tick for one sync, or ticks for a minute. Throws what a later tick may mend, so that it counts as an error of the function. */
export function plannerHandler(runtime: () => Promise<Runtime>) {
  return middy<PlannerEvent, Tick>(stopsEarly(PLANNER_EARLY_MS))
    .use(injectLambdaContext(logger))
    .handler(async (event, _context, { signal }) => {
      const { config, services } = await runtime();
      const sync = config.syncs.get(event.sync);
      if (!sync)
        throw new SyncError('config_invalid', `There is no sync ${event.sync}.`, { sync: event.sync });
      if (event.continuous) {
        return pollSync(services, sync, { until: services.clock.now() + POLLING_MS }, signal);
      }
      const { byPerson = false, retryRejected = false } = event;
      return planSync(services, sync, { byPerson, retryRejected }, signal);
    });
}

const tick = plannerHandler(environmentRuntime);

/** A tick as Lambda can put it into JSON, which a plan's versions do not go into. */
export type PlannerAnswer =
  | {
      readonly outcome: 'sent';
      readonly planId: string;
      readonly work: Plan['work']['kind'];
      readonly chunks: number;
      readonly opened: boolean;
    }
  | Exclude<Tick, { readonly outcome: 'sent' }>;

/** Lambda tells its caller an error's name and message: the name is its kind, so that the command line knows it. */
export async function handler(event: PlannerEvent, context: Context): Promise<PlannerAnswer> {
  const ticked = await tick(event, context).catch((thrown: unknown) => {
    const error = asSyncError(thrown, { sync: event.sync });
    throw Object.assign(error, { name: error.kind });
  });
  return plannerAnswer(ticked);
}

export function plannerAnswer(ticked: Tick): PlannerAnswer {
  if (ticked.outcome !== 'sent') return ticked;
  const { plan, chunks, opened } = ticked;
  return { outcome: 'sent', planId: plan.id, work: plan.work.kind, chunks, opened };
}
