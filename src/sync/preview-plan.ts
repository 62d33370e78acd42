import { type Checkpoint, type CheckpointStore, haltCauseOf } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { SyncError } from '../error/sync-error.ts';
import type { Plan } from '../plan/plan.ts';
import type { Source, SourceLook } from '../source/source.ts';
import type { SourceSurvey } from '../source/survey.ts';
import type { TargetSurvey } from '../target/survey.ts';
import type { Target, TargetState } from '../target/target.ts';
import { throwIfAborted } from '../telemetry/abort.ts';
import type { Clock } from '../telemetry/clock.ts';
import { type Attempt, attempt } from './attempt.ts';
import { Findings } from './findings.ts';
import { inTurns } from './in-turns.ts';
import { makePlan } from './make-plan.ts';
import { nextStep } from './next-step.ts';
import { FULL_PACE } from './pace.ts';
import type { NextPreview, PlanPreview, Standing } from './plan-preview.ts';
import { previewWork } from './preview-work.ts';
import { type ReadMapping, readMapping, targetKey } from './read-mapping.ts';

/** All that a preview may call: none of it writes. */
export interface PreviewServices {
  readonly source: Pick<Source, 'look' | 'readColumns' | 'readHistory' | 'readSchemaEffects' | 'countRows'> &
    Pick<SourceSurvey, 'checkReadable' | 'countNetChanges'>;
  readonly target: Pick<Target, 'readColumnTypes' | 'countRejected'> & Omit<TargetSurvey, 'readServer'>;
  readonly checkpoints: Pick<CheckpointStore, 'read' | 'readProgress'>;
  readonly clock: Clock;
}

export interface PreviewOptions {
  /** Counts the changes in the warehouse instead of estimating them. */
  readonly exact: boolean;
  /** Nothing is deployed, so that there is no checkpoint: why that is known. */
  readonly undeployed?: string;
}

/** Syncs that are looked at side by side: each has a connection of its own to both ends. */
const AT_ONCE = 4;

/**
 * What the next tick would do for each of the syncs, by the steps of `planSync` up to the plan, which is neither opened
 * nor stored nor sent. Throws only once the signal has aborted: of what cannot be reached it says so.
 */
export async function previewPlans(
  services: PreviewServices,
  syncs: readonly SyncConfig[],
  options: PreviewOptions,
  signal: AbortSignal,
): Promise<PlanPreview[]> {
  const rejected = await attempt(() => services.target.countRejected(signal));
  const previews = await inTurns(syncs, AT_ONCE, (config) => {
    throwIfAborted(signal);
    return previewPlan(services, config, rejected, options, signal);
  });
  throwIfAborted(signal);
  return previews;
}

async function previewPlan(
  services: PreviewServices,
  config: SyncConfig,
  rejected: Attempt<ReadonlyMap<string, bigint>>,
  options: PreviewOptions,
  signal: AbortSignal,
): Promise<PlanPreview> {
  const { checkpoints, target, source, clock } = services;
  const findings = new Findings(config.name);
  const stored = await attempt(() => checkpoints.read(config.name, signal));
  const checkpoint = stored.value?.checkpoint;
  // Postgres first, as a planner does: nothing seen later can be older.
  const state = await findings.ask('target', () =>
    target.lookAt(config.name, config.target, targetKey(config), signal),
  );
  const look = await findings.ask('source', () => source.look(config.source, signal));
  const lookedAt = clock.now();
  const standing = stored.value
    ? standingOf(stored.value.checkpoint, state, clock.now())
    : standingWithout(stored.error, state, options, findings);
  const read =
    state && look && (await findings.ask('table', () => readMapping(services, config, state, signal)));
  const seen = { checkpoint, state, look, read };
  const next = await previewNext(services, config, seen, findings, options, signal);
  if (rejected.error && state) findings.add('rejected', rejected.error);
  return {
    config,
    lookedAt,
    standing,
    next,
    leftOut: read?.leftOut ?? [],
    rejectedKeys: rejected.value && (rejected.value.get(config.name) ?? 0n),
    halts: findings.halts,
    unknown: findings.unknown,
  };
}

function standingOf(checkpoint: Checkpoint, state: TargetState | undefined, now: number): Standing {
  switch (checkpoint.state) {
    case 'new':
    case 'idle':
      return { state: 'free' };
    case 'planning': {
      const { leaseUntil } = checkpoint;
      return now < leaseUntil ? { state: 'planning', leaseUntil } : { state: 'free' };
    }
    case 'applying':
      return isInFlight(checkpoint, state) ? { state: 'applying' } : { state: 'free' };
    case 'halted':
      return { state: 'halted', cause: checkpoint.cause };
    case 'paused': {
      const { by, reason, at, cause } = checkpoint;
      return { state: 'paused', by, reason, at, ...(cause && { cause }) };
    }
    default:
      return checkpoint satisfies never;
  }
}

/** Where nothing was ever planned there is nothing that a checkpoint could hold. */
function standingWithout(
  error: SyncError,
  state: TargetState | undefined,
  { undeployed }: PreviewOptions,
  findings: Findings,
): Standing {
  if (undeployed !== undefined) return { state: 'undeployed', why: undeployed };
  if (state?.row.revision === '') return { state: 'undeployed', why: error.message };
  findings.add('checkpoint', error);
  return { state: 'unknown' };
}

/** Whether the target shows the plan of the checkpoint as open; a plan that was finished or superseded is not. */
function isInFlight(
  { plan }: Extract<Checkpoint, { state: 'applying' }>,
  state: TargetState | undefined,
): boolean {
  return state === undefined || (state.row.open && state.row.plan?.id === plan.id);
}

/** What a planner sees of a sync; undefined is what could not be looked at. */
interface Seen {
  readonly checkpoint: Checkpoint | undefined;
  readonly state: TargetState | undefined;
  readonly look: SourceLook | undefined;
  readonly read: ReadMapping | undefined;
}

async function previewNext(
  services: PreviewServices,
  config: SyncConfig,
  { checkpoint, state, look, read }: Seen,
  findings: Findings,
  options: PreviewOptions,
  signal: AbortSignal,
): Promise<NextPreview | undefined> {
  const goesOn = async (plan: Plan): Promise<NextPreview> => {
    const progress = await attempt(() => services.checkpoints.readProgress(plan.id, signal));
    const done = progress.value?.done.size;
    return { step: 'goes_on', plan, done, latest: look?.latest.version };
  };
  if (checkpoint?.state === 'applying' && isInFlight(checkpoint, state)) return goesOn(checkpoint.plan);
  if (!state || !look || !read) return undefined;
  const { mapping } = read;
  const step = stepAt(state, { look, mapping, resumedAfter: resumedAfterOf(checkpoint), retry: false });
  switch (step.step) {
    case 'nothing':
      return { step: 'nothing', version: look.latest.version };
    case 'resume':
      return goesOn(step.plan);
    case 'halt':
      findings.expect('source', new SyncError(step.kind, step.message, { sync: config.name }));
      return undefined;
    case 'plan': {
      const pace = checkpoint?.pace ?? FULL_PACE;
      const sight = { state, look, mapping, pace, retryRows: 0 };
      const made = await findings.ask('changes', () => makePlan(services, config, step.work, sight, signal));
      if (!made) return undefined;
      return { step: 'plan', ...(await previewWork(services, made, findings, options, signal)) };
    }
    default:
      return step satisfies never;
  }
}

/** What a planner does next, behind a retry that it would close first. */
function stepAt(target: TargetState, seen: Omit<Parameters<typeof nextStep>[0], 'target'>) {
  const step = nextStep({ target, ...seen });
  if (step.step !== 'abandon') return step;
  const behind = nextStep({ target: { ...target, row: { ...target.row, open: false } }, ...seen });
  if (behind.step !== 'abandon') return behind;
  throw new SyncError('internal', 'A retry that is closed is to be closed again.');
}

/** The halt that a person has ended, or has to end before anything is planned. */
function resumedAfterOf(checkpoint: Checkpoint | undefined): ErrorKind | undefined {
  if (checkpoint === undefined) return undefined;
  return checkpoint.state === 'planning' ? checkpoint.resumed?.kind : haltCauseOf(checkpoint)?.kind;
}
