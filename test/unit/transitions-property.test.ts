import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Checkpoint, HaltCause } from '../../src/checkpoint/checkpoint.ts';
import { type CheckpointEvent, transition } from '../../src/checkpoint/transitions.ts';
import { aPlan } from '../support/plans.ts';

const TOKENS = ['a', 'b', 'c'] as const;
const PLANS = [aPlan(), aPlan()] as const;
const LEASE_MS = 100;

const token = fc.constantFrom(...TOKENS);
const plan = fc.constantFrom(...PLANS);
const planId = plan.map(({ id }) => id);
const version = fc.integer({ min: 0, max: 9 }).map((number) => parseCommitVersion(number));
const owner = fc.oneof(
  token.map((claim) => ({ claim })),
  planId.map((id) => ({ planId: id })),
);
const cause: HaltCause = { kind: 'plan_stalled', message: 'M.', remedy: 'R.', at: 1 };

/** An event whose time is not known yet. */
const anEvent: fc.Arbitrary<(now: number) => CheckpointEvent> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ token, resume: fc.boolean(), stalledPlan: planId }, { requiredKeys: ['token', 'resume'] })
      .map(
        (claim) =>
          (now: number): CheckpointEvent => ({ type: 'claim', now, leaseMs: LEASE_MS, ...claim }),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ token, plan })
      .map((event) => (): CheckpointEvent => ({ type: 'commitPlan', ...event })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ token, planId }).map(
      (event) =>
        (now: number): CheckpointEvent => ({ type: 'sent', now, left: 1, ...event }),
    ),
  },
  planId.map(
    (id) =>
      (now: number): CheckpointEvent => ({ type: 'resent', byPerson: false, planId: id, now, left: 1 }),
  ),
  fc
    .record({ by: owner, through: fc.option(version, { nil: undefined }) })
    .map((event) => (): CheckpointEvent => ({ type: 'release', ...event })),
  fc
    .oneof(owner, fc.constant({ operator: 'ana' }))
    .map((by) => (): CheckpointEvent => ({ type: 'halt', by, cause })),
  fc.constant((now: number): CheckpointEvent => ({ type: 'pause', by: 'ana', reason: 'r', now })),
  fc.constant((): CheckpointEvent => ({ type: 'resume' })),
  version.map(
    (latest) =>
      (now: number): CheckpointEvent => ({
        type: 'looked',
        look: { latest, latestCommittedAt: now, at: now },
      }),
  ),
);
const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), anEvent), { maxLength: 40 });

interface Step {
  readonly before: Checkpoint;
  readonly event: CheckpointEvent;
  /** The same as `before` when the event was refused. */
  readonly after: Checkpoint;
  readonly refused: boolean;
  readonly now: number;
}

function run(events: readonly (readonly [number, (now: number) => CheckpointEvent])[]): Step[] {
  const steps: Step[] = [];
  let checkpoint: Checkpoint = { state: 'new' };
  let now = 0;
  for (const [elapsed, eventAt] of events) {
    now += elapsed;
    const event = eventAt(now);
    const before = checkpoint;
    const result = transition(deepFreeze(before), event);
    const refused = 'refused' in result;
    if (!refused) checkpoint = result;
    steps.push({ before, event, after: checkpoint, refused, now });
  }
  return steps;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

/** Claims that could act on the checkpoint now, found by trying. */
function ownersOf(checkpoint: Checkpoint): string[] {
  return TOKENS.filter(
    (claim) => !('refused' in transition(checkpoint, { type: 'halt', by: { claim }, cause })),
  );
}

describe('any sequence of events', () => {
  it('lets at most one claim own the checkpoint, the last one that was granted', () => {
    fc.assert(
      fc.property(history, (events) => {
        let granted: string | undefined;
        for (const { event, after, refused } of run(events)) {
          if (event.type === 'claim' && !refused) granted = event.token;
          const owners = ownersOf(after);
          expect(owners.length).toBeLessThanOrEqual(1);
          if (owners.length === 1) expect(owners[0]).toBe(granted);
        }
      }),
    );
  });

  it('takes the checkpoint from a claim only when its lease ran out', () => {
    fc.assert(
      fc.property(history, (events) => {
        let leaseUntil = 0;
        for (const { before, event, refused, now } of run(events)) {
          if (event.type !== 'claim' || refused) continue;
          if (before.state === 'planning') expect(now).toBeGreaterThanOrEqual(leaseUntil);
          leaseUntil = now + LEASE_MS;
        }
      }),
    );
  });

  it('changes a planning checkpoint only through its claim, its plan, a person, or a look', () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const { before, event, refused } of run(events)) {
          if (before.state !== 'planning' || refused) continue;
          const actor =
            event.type === 'commitPlan' || event.type === 'sent'
              ? { claim: event.token }
              : event.type === 'release' || event.type === 'halt'
                ? event.by
                : undefined;
          if (actor === undefined || 'operator' in actor) continue;
          if ('claim' in actor) expect(actor.claim).toBe(before.claim);
          else expect(actor.planId).toBe(before.plan?.id);
        }
      }),
    );
  });

  it('never claims a paused sync, and a halted one only when a person asks', () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const { before, event, refused } of run(events)) {
          if (event.type !== 'claim' || refused) continue;
          expect(before.state).not.toBe('paused');
          if (before.state === 'halted') expect(event.resume).toBe(true);
        }
      }),
    );
  });

  it('moves through only by a release, and the look only by a look', () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const { before, event, after } of run(events)) {
          if (event.type !== 'release') expect(after.through).toBe(before.through);
          if (event.type !== 'looked') expect(after.look).toBe(before.look);
        }
      }),
    );
  });

  it('drops a committed plan only by a release, or for another plan of the claim', () => {
    fc.assert(
      fc.property(history, (events) => {
        for (const { before, event, after } of run(events)) {
          if (!('plan' in before) || event.type === 'release' || event.type === 'commitPlan') continue;
          expect(after).toHaveProperty('plan', before.plan);
        }
      }),
    );
  });
});
