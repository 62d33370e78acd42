import { isDeepStrictEqual } from 'node:util';
import type { CommitVersion } from '../change/commit-version.ts';
import type { Plan } from '../plan/plan.ts';
import {
  type Checkpoint,
  type CheckpointState,
  type HaltCause,
  haltCauseOf,
  type LastLook,
  type Pace,
} from './checkpoint.ts';

/**
 * Everything that can happen to a checkpoint. Owners name themselves by claim token or plan id, both random: a
 * counter would repeat after a lost or restored store. Times are milliseconds since the epoch.
 */
export type CheckpointEvent =
  /**
   * A planner wants the sync. `stalledPlan` is the id of a plan that it found stalled or unknown to Postgres;
   * `resume` says that a person wants a halted sync to go on.
   */
  | {
      readonly type: 'claim';
      readonly token: string;
      readonly now: number;
      readonly leaseMs: number;
      readonly resume: boolean;
      readonly stalledPlan?: string;
    }
  | { readonly type: 'commitPlan'; readonly token: string; readonly plan: Plan }
  /** The claim's planner has sent every chunk of its plan. */
  | ({ readonly type: 'sent'; readonly token: string } & Sending)
  /** What is missing of the plan was sent again. */
  | ({ readonly type: 'resent'; readonly byPerson: boolean } & Sending)
  /** Less is missing than when the plan was last seen to: it goes on by itself. */
  | ({ readonly type: 'progressed' } & Sending)
  /** The claim has nothing left to do, or the plan is finished. `through` is what Postgres says now. */
  | {
      readonly type: 'release';
      readonly by: Owner;
      readonly through: CommitVersion | undefined;
      readonly pace?: Pace;
    }
  /** The claim's planner failed, and a later one may do better. */
  | { readonly type: 'letGo'; readonly token: string }
  | { readonly type: 'halt'; readonly by: Owner | { readonly operator: string }; readonly cause: HaltCause }
  | { readonly type: 'pause'; readonly by: string; readonly reason: string; readonly now: number }
  /** A person ends a pause. A halt ends by a claim with `resume`, which plans anew what the halt was about. */
  | { readonly type: 'resume' }
  /** A person lets the plan that halted before its deletes go on. */
  | { readonly type: 'approve'; readonly planId: string }
  | { readonly type: 'looked'; readonly look: LastLook };

/** `left` is what is missing of the plan, in its slices. */
interface Sending {
  readonly planId: string;
  readonly now: number;
  readonly left: number;
}

export type Owner = { readonly claim: string } | { readonly planId: string };

/** The event does not fit the checkpoint, which stays as it is. The text says why, for the log. */
export interface Refusal {
  readonly refused: string;
}

/**
 * The checkpoint after the event, or why it is refused. Pure: the caller writes the result under the revision that
 * it read, so that of two events at once one is decided again.
 *
 * `through`, `look` and `pace` are carried through every transition. A committed plan stays with the checkpoint through
 * claim, halt, pause and resume until it is released or the holder of the claim commits another.
 */
export function transition(checkpoint: Checkpoint, event: CheckpointEvent): Checkpoint | Refusal {
  switch (event.type) {
    case 'claim':
      return claim(checkpoint, event);
    case 'commitPlan':
      return commitPlan(checkpoint, event);
    case 'sent':
      return sent(checkpoint, event);
    case 'resent':
    case 'progressed':
      return seenTo(checkpoint, event);
    case 'release':
      return release(checkpoint, event);
    case 'letGo':
      return letGo(checkpoint, event);
    case 'halt':
      return halt(checkpoint, event);
    case 'pause':
      return pause(checkpoint, event);
    case 'resume':
      return resume(checkpoint);
    case 'approve':
      return approve(checkpoint, event);
    case 'looked':
      return looked(checkpoint, event);
    default:
      return event satisfies never;
  }
}

type EventOf<T extends CheckpointEvent['type']> = Extract<CheckpointEvent, { type: T }>;

function claim(checkpoint: Checkpoint, event: EventOf<'claim'>): Checkpoint | Refusal {
  const { token, now, leaseMs } = event;
  const claimed: CheckpointState = { state: 'planning', claim: token, leaseUntil: now + leaseMs };
  switch (checkpoint.state) {
    case 'new':
    case 'idle':
      return carry(checkpoint, claimed);
    case 'planning':
      if (now < checkpoint.leaseUntil) return refuse('another planner holds the claim');
      return carry(checkpoint, { ...claimed, ...planOf(checkpoint), ...resumedOf(checkpoint) });
    case 'applying':
      if (event.stalledPlan !== checkpoint.plan.id) return refuse('a plan is being applied');
      return carry(checkpoint, { ...claimed, ...planOf(checkpoint) });
    case 'halted':
      if (!event.resume) return refuse('the sync is halted');
      return carry(checkpoint, { ...claimed, ...planOf(checkpoint), resumed: checkpoint.cause });
    case 'paused':
      return refuse('the sync is paused');
    default:
      return checkpoint satisfies never;
  }
}

function commitPlan(checkpoint: Checkpoint, event: EventOf<'commitPlan'>): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'planning': {
      if (checkpoint.claim !== event.token) return refuse('the claim is another planner’s');
      if (checkpoint.plan?.id === event.plan.id && !isDeepStrictEqual(checkpoint.plan, event.plan)) {
        return refuse('a committed plan never changes');
      }
      return carry(checkpoint, {
        state: 'planning',
        claim: checkpoint.claim,
        leaseUntil: checkpoint.leaseUntil,
        plan: event.plan,
        ...resumedOf(checkpoint),
      });
    }
    case 'new':
    case 'idle':
    case 'applying':
    case 'halted':
    case 'paused':
      return refuse('no planner holds a claim');
    default:
      return checkpoint satisfies never;
  }
}

function sent(checkpoint: Checkpoint, event: EventOf<'sent'>): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'planning':
      if (checkpoint.claim !== event.token) return refuse('the claim is another planner’s');
      if (checkpoint.plan?.id !== event.planId) return refuse('the claim holds another plan, or none');
      return carry(checkpoint, {
        state: 'applying',
        plan: checkpoint.plan,
        sentAt: event.now,
        left: event.left,
        resends: 0,
      });
    case 'new':
    case 'idle':
    case 'applying':
    case 'halted':
    case 'paused':
      return refuse('no planner holds a claim');
    default:
      return checkpoint satisfies never;
  }
}

function seenTo(checkpoint: Checkpoint, event: EventOf<'resent' | 'progressed'>): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'applying':
      if (checkpoint.plan.id !== event.planId) return refuse('another plan is being applied');
      return carry(checkpoint, {
        state: 'applying',
        plan: checkpoint.plan,
        sentAt: event.now,
        left: event.left,
        resends: inVain(checkpoint.left, event) ? checkpoint.resends + 1 : 0,
      });
    case 'new':
    case 'idle':
    case 'planning':
    case 'halted':
    case 'paused':
      return refuse('no plan is being applied');
    default:
      return checkpoint satisfies never;
  }
}

/** Sent again by the schedule, with nothing applied since. A person's word starts the count anew. */
function inVain(left: number, event: EventOf<'resent' | 'progressed'>): boolean {
  return event.type === 'resent' && !event.byPerson && event.left >= left;
}

/**
 * A finished plan ends a halt: every slice is applied, so what stopped the sync is over, and a halt and a finish
 * that come at once end alike in either order. A pause is a person's word and outlasts the plan.
 */
function release(checkpoint: Checkpoint, event: EventOf<'release'>): Checkpoint | Refusal {
  const { through, pace } = event;
  const after = {
    ...lookOf(checkpoint),
    ...paceOf(pace === undefined ? checkpoint : { pace }),
    ...(through === undefined ? {} : { through }),
  };
  switch (checkpoint.state) {
    case 'new':
    case 'idle':
      return refuse('there is no claim and no plan');
    case 'planning':
    case 'applying':
    case 'halted':
      if (!owns(event.by, checkpoint)) return refuse('the claim or plan is not in this checkpoint');
      return { state: 'idle', ...after };
    case 'paused': {
      if (!owns(event.by, checkpoint)) return refuse('the claim or plan is not in this checkpoint');
      const { by, reason, at } = checkpoint;
      return { state: 'paused', by, reason, at, ...after };
    }
    default:
      return checkpoint satisfies never;
  }
}

/** The lease is over: the next tick claims the sync with what is known of it. */
function letGo(checkpoint: Checkpoint, { token }: EventOf<'letGo'>): Checkpoint | Refusal {
  if (checkpoint.state !== 'planning' || checkpoint.claim !== token) {
    return refuse('the claim is not in this checkpoint');
  }
  if (checkpoint.plan || checkpoint.resumed) return { ...checkpoint, leaseUntil: 0 };
  return carry(checkpoint, { state: 'idle' });
}

function halt(checkpoint: Checkpoint, event: EventOf<'halt'>): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'halted':
      return refuse('the sync is halted already');
    case 'paused': {
      if (checkpoint.cause !== undefined) return refuse('the sync is halted already');
      if (!('operator' in event.by) && !owns(event.by, checkpoint)) {
        return refuse('the claim or plan is not in this checkpoint');
      }
      return { ...checkpoint, cause: event.cause };
    }
    case 'new':
    case 'idle':
    case 'planning':
    case 'applying':
      if (!('operator' in event.by) && !owns(event.by, checkpoint)) {
        return refuse('the claim or plan is not in this checkpoint');
      }
      return carry(checkpoint, { state: 'halted', cause: event.cause, ...planOf(checkpoint) });
    default:
      return checkpoint satisfies never;
  }
}

/** Ends a claim: its planner learns at its next write. Chunks that were sent go on. A halt is kept for the time after. */
function pause(checkpoint: Checkpoint, event: EventOf<'pause'>): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'paused':
      return refuse('the sync is paused already');
    case 'new':
    case 'idle':
    case 'planning':
    case 'applying':
    case 'halted':
      return carry(checkpoint, {
        state: 'paused',
        by: event.by,
        reason: event.reason,
        at: event.now,
        ...causeOf(checkpoint),
        ...planOf(checkpoint),
      });
    default:
      return checkpoint satisfies never;
  }
}

/**
 * A halted sync is halted again. Otherwise a plan in flight is taken up as one sent long ago: the next tick asks the
 * ledger what is missing.
 */
function resume(checkpoint: Checkpoint): Checkpoint | Refusal {
  switch (checkpoint.state) {
    case 'paused': {
      const { cause, plan } = checkpoint;
      if (cause !== undefined) return carry(checkpoint, { state: 'halted', cause, ...planOf(checkpoint) });
      if (plan === undefined) return carry(checkpoint, { state: 'idle' });
      return carry(checkpoint, takenUp(plan));
    }
    case 'new':
    case 'idle':
    case 'planning':
    case 'applying':
    case 'halted':
      return refuse('the sync is not paused');
    default:
      return checkpoint satisfies never;
  }
}

/** Taken up as by `resume`; a pause stays, without its halt. */
function approve(checkpoint: Checkpoint, { planId }: EventOf<'approve'>): Checkpoint | Refusal {
  const { plan } = planOf(checkpoint);
  if (haltCauseOf(checkpoint)?.kind !== 'mass_delete' || plan?.id !== planId) {
    return refuse('the plan did not halt before deletes');
  }
  if (checkpoint.state !== 'paused') return carry(checkpoint, takenUp(plan));
  const { cause: _, ...paused } = checkpoint;
  return paused;
}

/** In flight, as one that was sent long ago: the next tick asks the ledger what is missing, and sends it. */
function takenUp(plan: Plan): CheckpointState {
  return { state: 'applying', plan, sentAt: 0, left: 0, resends: 0 };
}

function looked(checkpoint: Checkpoint, event: EventOf<'looked'>): Checkpoint | Refusal {
  if (checkpoint.look !== undefined && event.look.at < checkpoint.look.at) {
    return refuse('a later look at the source is noted');
  }
  return { ...checkpoint, look: event.look };
}

function owns(owner: Owner, checkpoint: Checkpoint): boolean {
  if ('claim' in owner) return checkpoint.state === 'planning' && checkpoint.claim === owner.claim;
  return planOf(checkpoint).plan?.id === owner.planId;
}

function planOf(checkpoint: CheckpointState): { readonly plan?: Plan } {
  return 'plan' in checkpoint && checkpoint.plan !== undefined ? { plan: checkpoint.plan } : {};
}

/** Of a halt, also of one that a person ended and that no plan has taken the place of. */
function causeOf(checkpoint: CheckpointState): { readonly cause?: HaltCause } {
  const cause = resumedOf(checkpoint).resumed ?? haltCauseOf(checkpoint);
  return cause === undefined ? {} : { cause };
}

function resumedOf(checkpoint: CheckpointState): { readonly resumed?: HaltCause } {
  if (checkpoint.state !== 'planning' || checkpoint.resumed === undefined) return {};
  return { resumed: checkpoint.resumed };
}

function lookOf({ look }: Checkpoint): { readonly look?: LastLook } {
  return look === undefined ? {} : { look };
}

function paceOf({ pace }: Pick<Checkpoint, 'pace'>): { readonly pace?: Pace } {
  return pace === undefined ? {} : { pace };
}

function carry(from: Checkpoint, to: CheckpointState): Checkpoint {
  return {
    ...to,
    ...lookOf(from),
    ...paceOf(from),
    ...(from.through === undefined ? {} : { through: from.through }),
  };
}

function refuse(refused: string): Refusal {
  return { refused };
}
