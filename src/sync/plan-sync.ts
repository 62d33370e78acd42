import { randomUUID } from 'node:crypto';
import type { Checkpoint, HaltCause, Pace } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { Plan } from '../plan/plan.ts';
import { amountOf, nextOfEachLane, type Slice, slicesOf } from '../plan/slices.ts';
import type { SourceLook } from '../source/source.ts';
import { advance } from './advance.ts';
import { haltSync, haltsPlanner } from './halt-sync.ts';
import { reportLag, reportLastLag } from './lag.ts';
import { lookAfter } from './look-after.ts';
import { makePlan } from './make-plan.ts';
import { nextStep } from './next-step.ts';
import { FULL_PACE } from './pace.ts';
import { readMapping, targetKey } from './read-mapping.ts';
import { sendChunks } from './send-chunks.ts';
import type { Services } from './services.ts';

/** How long a planner owns its claim; another may take it over then. Longer than a planner may run. */
const LEASE_MS = 5 * 60_000;
/** Time to release or halt after the planner's own signal aborted. */
const CLEAN_UP_MS = 3_000;
/** A plan that Postgres refuses to open is made anew this often in one tick. */
const MAX_REPLANS = 3;

export interface TickOptions {
  /** A person asks for it: a halted sync goes on, and a plan in flight is looked after at once. */
  readonly byPerson: boolean;
  /** The rows that are put aside are tried again, where the source has nothing new. */
  readonly retryRejected?: boolean;
}

/** What one tick of the planner did for one sync. */
export type Tick =
  | {
      readonly outcome: 'sent';
      readonly plan: Plan;
      readonly chunks: number;
      /** This tick opened the plan; otherwise what was missing of it was sent again. */
      readonly opened: boolean;
    }
  /** Nothing new at the source. */
  | { readonly outcome: 'idle' }
  /** A plan is being applied, or another planner is at work. */
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'paused' }
  | { readonly outcome: 'halted'; readonly cause: HaltCause };

/**
 * One tick for one sync: claim, reconcile, look, plan, open, send (DESIGN.md section 2, steps 1 to 6 and 9). Safe to
 * run at any time, any number of times at once. Throws only what a later tick may mend by itself.
 */
export async function planSync(
  services: Services,
  config: SyncConfig,
  options: TickOptions,
  signal: AbortSignal,
): Promise<Tick> {
  const { checkpoint } = await services.checkpoints.read(config.name, signal);
  const { retryRejected = false } = options;
  switch (checkpoint.state) {
    case 'paused':
      return { outcome: 'paused' };
    case 'halted':
      if (!options.byPerson) {
        services.metrics.halted(config.name, checkpoint.cause.kind);
        reportLastLag(services, config, checkpoint);
        return { outcome: 'halted', cause: checkpoint.cause };
      }
      return claimAndPlan(services, config, { resume: true, retryRejected }, signal);
    case 'applying':
      return goOn(services, config, checkpoint, options, signal);
    case 'new':
    case 'idle':
    case 'planning':
      return claimAndPlan(services, config, { retryRejected }, signal);
    default:
      return checkpoint satisfies never;
  }
}

async function goOn(
  services: Services,
  config: SyncConfig,
  checkpoint: Extract<Checkpoint, { state: 'applying' }>,
  { byPerson, retryRejected = false }: TickOptions,
  signal: AbortSignal,
): Promise<Tick> {
  const tellLag = () => reportLastLag(services, config, checkpoint);
  const care = await lookAfter(services, config.name, checkpoint, byPerson, signal).catch(
    (error: unknown) => {
      tellLag();
      throw error;
    },
  );
  switch (care.outcome) {
    case 'sent':
      tellLag();
      return { ...care, opened: false };
    case 'busy':
      tellLag();
      return care;
    case 'finished':
      return claimAndPlan(services, config, { retryRejected }, signal);
    case 'stalled':
      return claimAndPlan(services, config, { stalledPlan: checkpoint.plan.id, retryRejected }, signal);
    case 'halted':
      tellLag();
      return tickAt(care.checkpoint);
    default:
      return care satisfies never;
  }
}

/** What leads to a claim. */
interface Occasion {
  /** A person ends a halt. */
  readonly resume?: boolean;
  /** This plan was found stalled, or unknown to Postgres. */
  readonly stalledPlan?: string;
  readonly retryRejected: boolean;
}

async function claimAndPlan(
  services: Services,
  config: SyncConfig,
  { resume = false, stalledPlan, retryRejected }: Occasion,
  signal: AbortSignal,
): Promise<Tick> {
  const { checkpoints, clock } = services;
  const token = randomUUID();
  const claimed = await advance(
    checkpoints,
    config.name,
    {
      type: 'claim',
      token,
      now: clock.now(),
      leaseMs: LEASE_MS,
      resume,
      ...(stalledPlan === undefined ? {} : { stalledPlan }),
    },
    signal,
  );
  if (claimed.outcome === 'refused') return tickAt(claimed.checkpoint);
  const { pace = FULL_PACE } = claimed.checkpoint;
  const claim = { token, pace, resumedAfter: resumedAfterOf(claimed.checkpoint), retryRejected };
  try {
    for (let attempt = 0; attempt < MAX_REPLANS; attempt++) {
      const tick = await planOnce(services, config, claim, signal);
      if (tick) return tick;
    }
    const message = 'Postgres refused to open the plan again and again; other planners are at work.';
    throw new SyncError('target_busy', message, { sync: config.name });
  } catch (thrown) {
    const error = asSyncError(thrown, { sync: config.name });
    // A signal of its own: the planner's may be what ended the work. Without this the lease would have to run out.
    const cleanUp = AbortSignal.timeout(CLEAN_UP_MS);
    if (!haltsPlanner(error)) {
      await advance(checkpoints, config.name, { type: 'letGo', token }, cleanUp).catch(() => {});
      reportLastLag(services, config, claimed.checkpoint);
      throw error;
    }
    return tickAt(await haltSync(services, config.name, error, { claim: token }, cleanUp));
  }
}

/** What the halt was about that a person ended, and that no plan has taken the place of since. */
function resumedAfterOf(checkpoint: Checkpoint): ErrorKind | undefined {
  return checkpoint.state === 'planning' ? checkpoint.resumed?.kind : undefined;
}

/** The tick of a planner that may do nothing more for a sync whose checkpoint is this. */
function tickAt(checkpoint: Checkpoint): Tick {
  if (checkpoint.state === 'halted') return { outcome: 'halted', cause: checkpoint.cause };
  return { outcome: checkpoint.state === 'paused' ? 'paused' : 'busy' };
}

interface Claim {
  readonly token: string;
  readonly pace: Pace;
  readonly resumedAfter: ErrorKind | undefined;
  readonly retryRejected: boolean;
}

/** Reconcile, look, decide, plan, open, send. Undefined when Postgres refused the plan: reconcile again. */
async function planOnce(
  services: Services,
  config: SyncConfig,
  { token, pace, resumedAfter, retryRejected }: Claim,
  signal: AbortSignal,
): Promise<Tick | undefined> {
  const { target, source, checkpoints, clock, log, metrics } = services;
  await target.migrate(signal);
  // Postgres first: the plan opens under the revision read here, so that nothing seen later can be older.
  const state = await target.readState(config.name, config.target, targetKey(config), signal);
  const through = state.row.through;
  const look = await source.look(config.source, signal);
  await advance(checkpoints, config.name, { type: 'looked', look: lastLook(look, clock.now()) }, signal);
  const { mapping, leftOut } = await readMapping(services, config, state, signal);
  if (leftOut.length > 0) {
    const columns = leftOut.map(({ name }) => name);
    log.warn('columns that are new at the source are left out', { sync: config.name, columns });
  }
  const retryRows = retryRejected ? (await target.readRetryKeys(config.name, signal)).length : 0;
  const step = nextStep({ target: state, look, mapping, resumedAfter, retry: retryRows > 0 });
  switch (step.step) {
    case 'nothing':
      reportLag(services, config, { versions: 0, seconds: 0 });
      await advance(checkpoints, config.name, { type: 'release', by: { claim: token }, through }, signal);
      return { outcome: 'idle' };
    case 'halt':
      throw new SyncError(step.kind, step.message, { sync: config.name });
    case 'abandon':
      await target.abandonRetry(step.plan, signal);
      return undefined;
    case 'resume': {
      const finished = await target.finish(step.plan, signal);
      if (finished.outcome !== 'incomplete') return undefined;
      const lost = await commit(services, config, token, step.plan, signal);
      if (lost) return lost;
      const chunks = await send(services, config, token, step.plan, finished.missing, signal);
      return { outcome: 'sent', plan: step.plan, chunks, opened: false };
    }
    case 'plan': {
      const sight = { state, look, mapping, pace, retryRows };
      const { plan, lag } = await makePlan(services, config, step.work, sight, signal);
      if (lag) reportLag(services, config, lag);
      await target.ensureTable(plan, signal);
      const lost = await commit(services, config, token, plan, signal);
      if (lost) return lost;
      if ((await target.open(plan, signal)) === 'refused') return undefined;
      metrics.planOpened(config.name, versionsOf(plan));
      const chunks = await send(services, config, token, plan, slicesOf(plan), signal);
      return { outcome: 'sent', plan, chunks, opened: true };
    }
    default:
      return step satisfies never;
  }
}

/** Stores the plan under the claim. Gives the tick of a planner whose claim was taken away meanwhile. */
async function commit(
  { checkpoints, log }: Services,
  config: SyncConfig,
  token: string,
  plan: Plan,
  signal: AbortSignal,
): Promise<Tick | undefined> {
  const committed = await advance(checkpoints, config.name, { type: 'commitPlan', token, plan }, signal);
  if (committed.outcome === 'written') return undefined;
  log.warn('claim lost', { sync: config.name, planId: plan.id, reason: committed.reason });
  return tickAt(committed.checkpoint);
}

/** Gives the number of chunks that were sent. */
async function send(
  services: Services,
  config: SyncConfig,
  token: string,
  plan: Plan,
  missing: readonly Slice[],
  signal: AbortSignal,
): Promise<number> {
  const slices = nextOfEachLane(plan, missing);
  await sendChunks(services, plan, slices, signal);
  const sent = { planId: plan.id, now: services.clock.now(), left: amountOf(plan, missing) };
  // Refused when the writers were quicker and finished the plan already.
  await advance(services.checkpoints, config.name, { type: 'sent', token, ...sent }, signal);
  return slices.length;
}

/** How many commits the plan brings; what reads one version brings that. */
function versionsOf({ work }: Plan): number {
  return work.kind === 'window' ? Number(work.through - work.after) : 1;
}

function lastLook(look: SourceLook, at: number) {
  return { latest: look.latest.version, latestCommittedAt: look.latest.committedAt, at };
}
