import { randomUUID } from 'node:crypto';
import type { Checkpoint, HaltCause } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { Mapping } from '../plan/mapping.ts';
import { type Chunk, type Plan, throughOf, type Work } from '../plan/plan.ts';
import type { HistoryEntry, SourceLook } from '../source/source.ts';
import type { TargetState } from '../target/target.ts';
import { advance } from './advance.ts';
import { checkColumnsKept } from './check-columns-kept.ts';
import { finishPlan } from './finish-plan.ts';
import { haltSync } from './halt-sync.ts';
import { nextStep } from './next-step.ts';
import { isOneSlice, planSize } from './plan-size.ts';
import { keepLoadedColumns, resolveMapping } from './resolve-mapping.ts';
import type { Services } from './services.ts';

/** How long a planner owns its claim; another may take it over then. Longer than a planner may run. */
const LEASE_MS = 5 * 60_000;
/** A plan whose chunks were sent this long ago is looked after: messages live and are retried meanwhile. */
const STALL_MS = 15 * 60_000;
/** Time to release or halt after the planner's own signal aborted. */
const CLEAN_UP_MS = 3_000;
/** How often missing chunks are sent again before a person is asked. */
const MAX_RESENDS = 3;
/** A plan that Postgres refuses to open is made anew this often in one tick. */
const MAX_REPLANS = 3;

export interface TickOptions {
  /** A person asks for it: a halted sync goes on, and a plan in flight is looked after at once. */
  readonly byPerson: boolean;
}

/** What one tick of the planner did for one sync. */
export type Tick =
  | { readonly outcome: 'sent'; readonly plan: Plan; readonly chunks: number }
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
  switch (checkpoint.state) {
    case 'paused':
      return { outcome: 'paused' };
    case 'halted':
      if (!options.byPerson) return { outcome: 'halted', cause: checkpoint.cause };
      return claimAndPlan(services, config, { resumedAfter: checkpoint.cause.kind }, signal);
    case 'planning':
      return claimAndPlan(services, config, {}, signal);
    case 'applying':
      return lookAfter(services, config, checkpoint, options, signal);
    case 'new':
    case 'idle':
      return claimAndPlan(services, config, {}, signal);
    default:
      return checkpoint satisfies never;
  }
}

/** Step 9: a plan in flight is finished if it can be, and its missing chunks are sent again when it stalled. */
async function lookAfter(
  services: Services,
  config: SyncConfig,
  { plan, sentAt, resends }: Extract<Checkpoint, { state: 'applying' }>,
  options: TickOptions,
  signal: AbortSignal,
): Promise<Tick> {
  try {
    const finished = await finishPlan(services, plan, signal);
    if (finished.outcome === 'finished') return claimAndPlan(services, config, {}, signal);
    if (finished.outcome === 'superseded') {
      return claimAndPlan(services, config, { stalledPlan: plan.id }, signal);
    }
    if (!options.byPerson && services.clock.now() - sentAt < STALL_MS) return { outcome: 'busy' };
    if (!options.byPerson && resends >= MAX_RESENDS) {
      const message = `${finished.missing.length} of ${plan.slices} chunks were sent ${resends + 1} times and not applied.`;
      const stalled = new SyncError('plan_stalled', message, { sync: config.name, planId: plan.id });
      return tickAt(await haltSync(services, config.name, stalled, { planId: plan.id }, signal));
    }
    await sendSlices(services, plan, finished.missing, signal);
    await advance(
      services.checkpoints,
      config.name,
      { type: 'resent', planId: plan.id, now: services.clock.now() },
      signal,
    );
    return { outcome: 'sent', plan, chunks: finished.missing.length };
  } catch (thrown) {
    const error = asSyncError(thrown, { sync: config.name, planId: plan.id });
    if (error.action === 'replan') {
      return claimAndPlan(services, config, { stalledPlan: plan.id }, signal);
    }
    if (error.action !== 'halt') throw error;
    return tickAt(await haltSync(services, config.name, error, { planId: plan.id }, signal));
  }
}

async function claimAndPlan(
  services: Services,
  config: SyncConfig,
  { resumedAfter, stalledPlan }: { readonly resumedAfter?: ErrorKind; readonly stalledPlan?: string },
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
      resume: resumedAfter !== undefined,
      ...(stalledPlan === undefined ? {} : { stalledPlan }),
    },
    signal,
  );
  if (claimed.outcome === 'refused') return tickAt(claimed.checkpoint);
  let through = claimed.checkpoint.through;
  try {
    for (let attempt = 0; attempt < MAX_REPLANS; attempt++) {
      const turn = await planOnce(services, config, token, resumedAfter, signal);
      through = turn.through;
      if (turn.tick) return turn.tick;
    }
    const message = 'Postgres refused to open the plan again and again; other planners are at work.';
    throw new SyncError('target_busy', message, { sync: config.name });
  } catch (thrown) {
    const error = asSyncError(thrown, { sync: config.name });
    // A signal of its own: the planner's may be what ended the work. Without this the lease would have to run out.
    const cleanUp = AbortSignal.timeout(CLEAN_UP_MS);
    if (error.action === 'retry' || error.kind === 'target_replaced') {
      const release = { type: 'release', by: { claim: token }, through } as const;
      await advance(checkpoints, config.name, release, cleanUp).catch(() => {});
      throw error;
    }
    return tickAt(await haltSync(services, config.name, error, { claim: token }, cleanUp));
  }
}

/** The tick of a planner that may do nothing more for a sync whose checkpoint is this. */
function tickAt(checkpoint: Checkpoint): Tick {
  if (checkpoint.state === 'halted') return { outcome: 'halted', cause: checkpoint.cause };
  return { outcome: checkpoint.state === 'paused' ? 'paused' : 'busy' };
}

interface Turn {
  /** Undefined when Postgres refused the plan: reconcile again. */
  readonly tick: Tick | undefined;
  readonly through: TargetState['row']['through'];
}

/** Reconcile, look, decide, plan, open, send. */
async function planOnce(
  services: Services,
  config: SyncConfig,
  token: string,
  resumedAfter: ErrorKind | undefined,
  signal: AbortSignal,
): Promise<Turn> {
  const { target, source, checkpoints, clock } = services;
  await target.migrate(signal);
  // Postgres first: the plan opens under the revision read here, so that nothing seen later can be older.
  const state = await target.readState(config.name, config.target, targetKey(config), signal);
  const through = state.row.through;
  const look = await source.look(config.source, signal);
  await advance(checkpoints, config.name, { type: 'looked', look: lastLook(look, clock.now()) }, signal);
  const mapping = await readMapping(services, config, state, signal);
  const step = nextStep({ target: state, look, mapping, resumedAfter });
  switch (step.step) {
    case 'nothing':
      services.metrics.lag(config.name, { versions: 0, seconds: 0 });
      await advance(checkpoints, config.name, { type: 'release', by: { claim: token }, through }, signal);
      return { tick: { outcome: 'idle' }, through };
    case 'halt':
      throw new SyncError(step.kind, step.message, { sync: config.name });
    case 'resume': {
      const finished = await target.finish(step.plan, signal);
      if (finished.outcome !== 'incomplete') return { tick: undefined, through };
      await commit(services, config, token, step.plan, signal);
      return { tick: await send(services, config, token, step.plan, finished.missing, signal), through };
    }
    case 'plan': {
      const plan = await makePlan(services, config, step.work, state, look, mapping, signal);
      await target.ensureTable(plan, signal);
      await commit(services, config, token, plan, signal);
      if ((await target.open(plan, signal)) === 'refused') return { tick: undefined, through };
      const slices = Array.from({ length: plan.slices }, (_, slice) => slice);
      return { tick: await send(services, config, token, plan, slices, signal), through };
    }
    default:
      return step satisfies never;
  }
}

async function readMapping(
  { source, target, log }: Services,
  config: SyncConfig,
  { row, table }: TargetState,
  signal: AbortSignal,
): Promise<Mapping> {
  const [columns, existing] = [
    await source.readColumns(config.source, signal),
    await target.readColumnTypes(config.target, signal),
  ];
  const loaded = table !== undefined && row.through !== undefined ? row.plan?.mapping : undefined;
  const { mapping, leftOut } = keepLoadedColumns(resolveMapping(config, columns, existing), loaded, config);
  if (leftOut.length > 0)
    log.warn('columns that are new at the source are left out', { sync: config.name, columns: leftOut });
  return mapping;
}

async function makePlan(
  services: Services,
  config: SyncConfig,
  work: Work,
  { row, table }: TargetState,
  look: SourceLook,
  mapping: Mapping,
  signal: AbortSignal,
): Promise<Plan> {
  const history =
    work.kind === 'window' ? await services.source.readHistory(config.source, work, signal) : [];
  if (work.kind === 'window') {
    await checkColumnsKept(config.source, work, history, mapping, (range) =>
      services.source.readHistory(config.source, range, signal),
    );
    const oldest = history[0]?.committedAt ?? look.latest.committedAt;
    const seconds = Math.max(0, Math.round((services.clock.now() - oldest) / 1_000));
    services.metrics.lag(config.name, { versions: Number(work.through - work.after), seconds });
  }
  const rows = estimate(work, history) ?? (await services.source.countRows(config.source, work, signal));
  return {
    id: randomUUID(),
    sync: config.name,
    base: row.revision,
    source: config.source,
    sourceTableId: look.tableId,
    target: config.target,
    work,
    throughCommittedAt: look.latest.committedAt,
    ...planSize(rows, config.maxChunkRows, isOneSlice(work, table)),
    mapping,
  };
}

/** Net changes of a window by its history, where every commit of it tells. */
function estimate(work: Work, history: readonly HistoryEntry[]): number | undefined {
  if (work.kind === 'snapshot' || BigInt(history.length) < work.through - work.after) return undefined;
  let total = 0;
  for (const { estimatedRows } of history) {
    if (estimatedRows === undefined) return undefined;
    total += estimatedRows;
  }
  return total;
}

async function commit(
  services: Services,
  config: SyncConfig,
  token: string,
  plan: Plan,
  signal: AbortSignal,
): Promise<void> {
  const committed = await advance(
    services.checkpoints,
    config.name,
    { type: 'commitPlan', token, plan },
    signal,
  );
  if (committed.outcome === 'written') return;
  throw new SyncError('target_busy', `The claim was lost: ${committed.reason}.`, {
    sync: config.name,
    planId: plan.id,
  });
}

async function send(
  services: Services,
  config: SyncConfig,
  token: string,
  plan: Plan,
  slices: readonly number[],
  signal: AbortSignal,
): Promise<Tick> {
  await sendSlices(services, plan, slices, signal);
  // Refused when the writers were quicker and finished the plan already.
  await advance(
    services.checkpoints,
    config.name,
    { type: 'sent', token, planId: plan.id, now: services.clock.now() },
    signal,
  );
  const versions = plan.work.kind === 'window' ? Number(plan.work.through - plan.work.after) : 1;
  services.metrics.planned(plan.sync, { slices: slices.length, versions });
  services.log.info('chunks sent', {
    sync: plan.sync,
    planId: plan.id,
    work: plan.work.kind,
    through: String(throughOf(plan)),
    chunks: slices.length,
  });
  return { outcome: 'sent', plan, chunks: slices.length };
}

async function sendSlices(
  { queue }: Services,
  plan: Plan,
  slices: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  await queue.send(
    slices.map((slice): Chunk => ({ plan, slice })),
    signal,
  );
}

function targetKey({ primaryKey, columns }: SyncConfig): readonly string[] {
  return primaryKey.map((name) => columns.rename[name] ?? name);
}

function lastLook(look: SourceLook, at: number) {
  return { latest: look.latest.version, latestCommittedAt: look.latest.committedAt, at };
}
