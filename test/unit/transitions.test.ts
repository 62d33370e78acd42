import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { type CheckpointEvent, transition } from '../../src/checkpoint/transitions.ts';
import { aPlan } from '../support/plans.ts';

const NOW = 1_000_000;
const LEASE_MS = 60_000;
const plan = aPlan();
const otherPlan = aPlan();
const cause = { kind: 'retention_gap', message: 'Gone.', remedy: 'Load it anew.', at: NOW } as const;
const through = parseCommitVersion(4);
const look = { latest: parseCommitVersion(7), latestCommittedAt: NOW - 9_000, at: NOW - 1_000 };
const pace = { share: 0.5, usualRowsPerSecond: 9_000 };
const carried = { through, look, pace };

const massDelete = { ...cause, kind: 'mass_delete' } as const;

const STATES = {
  new: { state: 'new' },
  idle: { state: 'idle', ...carried },
  planning: { state: 'planning', claim: 'mine', leaseUntil: NOW + 1, ...carried },
  'planning+plan': { state: 'planning', claim: 'mine', leaseUntil: NOW + 1, plan, ...carried },
  'lapsed+plan': { state: 'planning', claim: 'mine', leaseUntil: NOW, plan, ...carried },
  applying: { state: 'applying', plan, sentAt: NOW - 5, left: 3, resends: 1, ...carried },
  halted: { state: 'halted', cause, ...carried },
  'halted+plan': { state: 'halted', cause, plan, ...carried },
  paused: { state: 'paused', by: 'ana', reason: 'index build', at: NOW - 5, ...carried },
  'paused+plan': { state: 'paused', by: 'ana', reason: 'index build', at: NOW - 5, plan, ...carried },
  'paused+halt': { state: 'paused', by: 'ana', reason: 'index build', at: NOW - 5, cause, plan, ...carried },
  deleting: { state: 'halted', cause: massDelete, plan, ...carried },
} as const satisfies Record<string, Checkpoint>;

const claim = { type: 'claim', token: 'fresh', now: NOW, leaseMs: LEASE_MS, resume: false } as const;
const newThrough = parseCommitVersion(7);
const EVENTS = {
  claim,
  'claim, resume': { ...claim, resume: true },
  'claim, its plan stalled': { ...claim, stalledPlan: plan.id },
  'claim, other plan stalled': { ...claim, stalledPlan: otherPlan.id },
  'commitPlan, mine': { type: 'commitPlan', token: 'mine', plan },
  'commitPlan, not mine': { type: 'commitPlan', token: 'not mine', plan },
  'sent, mine': { type: 'sent', token: 'mine', planId: plan.id, now: NOW, left: 2 },
  'sent, not mine': { type: 'sent', token: 'not mine', planId: plan.id, now: NOW, left: 2 },
  'sent, other plan': { type: 'sent', token: 'mine', planId: otherPlan.id, now: NOW, left: 2 },
  resent: { type: 'resent', byPerson: false, planId: plan.id, now: NOW, left: 2 },
  progressed: { type: 'progressed', planId: plan.id, now: NOW, left: 2 },
  'progressed, other plan': { type: 'progressed', planId: otherPlan.id, now: NOW, left: 2 },
  'resent, other plan': { type: 'resent', byPerson: false, planId: otherPlan.id, now: NOW, left: 2 },
  'release, mine': { type: 'release', by: { claim: 'mine' }, through: newThrough },
  'release, not mine': { type: 'release', by: { claim: 'not mine' }, through: newThrough },
  'release, its plan': { type: 'release', by: { planId: plan.id }, through: newThrough },
  'release, other plan': { type: 'release', by: { planId: otherPlan.id }, through: newThrough },
  'letGo, mine': { type: 'letGo', token: 'mine' },
  'letGo, not mine': { type: 'letGo', token: 'not mine' },
  'halt, mine': { type: 'halt', by: { claim: 'mine' }, cause },
  'halt, not mine': { type: 'halt', by: { claim: 'not mine' }, cause },
  'halt, its plan': { type: 'halt', by: { planId: plan.id }, cause },
  'halt, other plan': { type: 'halt', by: { planId: otherPlan.id }, cause },
  'halt, operator': { type: 'halt', by: { operator: 'ana' }, cause },
  pause: { type: 'pause', by: 'ben', reason: 'migration', now: NOW },
  resume: { type: 'resume' },
  'approve, its plan': { type: 'approve', planId: plan.id },
  'approve, other plan': { type: 'approve', planId: otherPlan.id },
  looked: { type: 'looked', look: { ...look, at: NOW } },
  'looked, earlier': { type: 'looked', look: { ...look, at: look.at - 1 } },
} as const satisfies Record<string, CheckpointEvent>;

/** The state after each event in each state; `-` is refused. */
const TABLE = `
                            new      idle     planning planning+plan lapsed+plan applying halted   halted+plan paused paused+plan paused+halt deleting
claim                     | planning planning -        -             planning    -        -        -           -      -           -           -
claim, resume             | planning planning -        -             planning    -        planning planning    -      -           -           planning
claim, its plan stalled   | planning planning -        -             planning    planning -        -           -      -           -           -
claim, other plan stalled | planning planning -        -             planning    -        -        -           -      -           -           -
commitPlan, mine          | -        -        planning planning      planning    -        -        -           -      -           -           -
commitPlan, not mine      | -        -        -        -             -           -        -        -           -      -           -           -
sent, mine                | -        -        -        applying      applying    -        -        -           -      -           -           -
sent, not mine            | -        -        -        -             -           -        -        -           -      -           -           -
sent, other plan          | -        -        -        -             -           -        -        -           -      -           -           -
resent                    | -        -        -        -             -           applying -        -           -      -           -           -
progressed                | -        -        -        -             -           applying -        -           -      -           -           -
progressed, other plan    | -        -        -        -             -           -        -        -           -      -           -           -
resent, other plan        | -        -        -        -             -           -        -        -           -      -           -           -
release, mine             | -        -        idle     idle          idle        -        -        -           -      -           -           -
release, not mine         | -        -        -        -             -           -        -        -           -      -           -           -
release, its plan         | -        -        -        idle          idle        idle     -        idle        -      paused      paused      idle
release, other plan       | -        -        -        -             -           -        -        -           -      -           -           -
letGo, mine               | -        -        idle     planning      planning    -        -        -           -      -           -           -
letGo, not mine           | -        -        -        -             -           -        -        -           -      -           -           -
halt, mine                | -        -        halted   halted        halted      -        -        -           -      -           -           -
halt, not mine            | -        -        -        -             -           -        -        -           -      -           -           -
halt, its plan            | -        -        -        halted        halted      halted   -        -           -      paused      -           -
halt, other plan          | -        -        -        -             -           -        -        -           -      -           -           -
halt, operator            | halted   halted   halted   halted        halted      halted   -        -           paused paused      -           -
pause                     | paused   paused   paused   paused        paused      paused   paused   paused      -      -           -           paused
resume                    | -        -        -        -             -           -        -        -           idle   applying    halted      -
approve, its plan         | -        -        -        -             -           -        -        -           -      -           -           applying
approve, other plan       | -        -        -        -             -           -        -        -           -      -           -           -
looked                    | new      idle     planning planning      planning    applying halted   halted      paused paused      paused      halted
looked, earlier           | new      -        -        -             -           -        -        -           -      -           -           -
`;

type StateName = keyof typeof STATES;
type EventName = keyof typeof EVENTS;

const [head = '', ...lines] = TABLE.trim().split('\n');
const stateNames = head.trim().split(/\s+/) as StateName[];
const cells = lines.flatMap((line) => {
  const [event = '', outcomes = ''] = line.split('|');
  const after = outcomes.trim().split(/\s+/);
  return stateNames.map((state, n) => ({
    event: event.trim() as EventName,
    state,
    after: after[n],
  }));
});

/** Fails the test when the event is refused. */
function accepted(checkpoint: Checkpoint, event: CheckpointEvent): Checkpoint {
  const after = transition(checkpoint, event);
  if ('refused' in after) expect.fail(`refused: ${after.refused}`);
  return after;
}

describe('the transition table', () => {
  it('has a cell for every state and every event', () => {
    expect(stateNames).toEqual(Object.keys(STATES));
    expect(cells.map(({ event }) => event)).toEqual(
      Object.keys(EVENTS).flatMap((event) => stateNames.map(() => event)),
    );
    expect(cells.every(({ after }) => after !== undefined)).toBe(true);
  });

  it.each(cells)('answers "$event" in $state with $after', ({ event, state, after }) => {
    const result = transition(STATES[state], EVENTS[event]);
    if (after === '-') expect(result).toEqual({ refused: expect.stringMatching(/^[a-z]/) });
    else expect(result).toMatchObject({ state: after });
  });

  it.each(
    cells.filter(
      ({ after, event, state }) => after !== '-' && !/^(release|looked)/.test(event) && state !== 'new',
    ),
  )('carries through and look along "$event" in $state', ({ event, state }) => {
    expect(accepted(STATES[state], EVENTS[event])).toMatchObject(carried);
  });

  it.each(
    cells.filter(
      ({ after, event, state }) => after !== '-' && !/^release/.test(event) && 'plan' in STATES[state],
    ),
  )('keeps the committed plan along "$event" in $state', ({ event, state }) => {
    expect(accepted(STATES[state], EVENTS[event])).toHaveProperty('plan', plan);
  });
});

describe('a claim', () => {
  it('holds a lease from now on under its own token', () => {
    expect(accepted(STATES.idle, claim)).toStrictEqual({
      state: 'planning',
      claim: 'fresh',
      leaseUntil: NOW + LEASE_MS,
      ...carried,
    });
  });

  it('takes over a lapsed one with the plan that it committed', () => {
    expect(accepted(STATES['lapsed+plan'], claim)).toStrictEqual({
      state: 'planning',
      claim: 'fresh',
      leaseUntil: NOW + LEASE_MS,
      plan,
      ...carried,
    });
  });
});

describe('a committed plan', () => {
  it('stands in the checkpoint of its claim', () => {
    expect(accepted(STATES.planning, EVENTS['commitPlan, mine'])).toStrictEqual(STATES['planning+plan']);
  });

  it('may be committed again as it is', () => {
    const again = { ...EVENTS['commitPlan, mine'], plan: structuredClone(plan) };
    expect(accepted(STATES['planning+plan'], again)).toStrictEqual(STATES['planning+plan']);
  });

  it('never changes under its id', () => {
    const changed = { ...EVENTS['commitPlan, mine'], plan: { ...plan, slices: plan.slices + 1 } };
    expect(transition(STATES['planning+plan'], changed)).toEqual({
      refused: 'a committed plan never changes',
    });
  });

  it('gives way to another plan of the claim that holds it', () => {
    const another = { ...EVENTS['commitPlan, mine'], plan: otherPlan };
    expect(accepted(STATES['planning+plan'], another)).toMatchObject({ plan: otherPlan });
  });
});

describe('sending', () => {
  it('starts the count of resends', () => {
    expect(accepted(STATES['planning+plan'], EVENTS['sent, mine'])).toStrictEqual({
      state: 'applying',
      plan,
      sentAt: NOW,
      left: 2,
      resends: 0,
      ...carried,
    });
  });

  it('again is counted and dated', () => {
    const again = { ...EVENTS.resent, left: 3 };
    expect(accepted(STATES.applying, again)).toMatchObject({ sentAt: NOW, left: 3, resends: 2 });
  });

  it('again by a person starts the count anew', () => {
    const again = { ...EVENTS.resent, byPerson: true, left: 3 };
    expect(accepted(STATES.applying, again)).toMatchObject({ sentAt: NOW, left: 3, resends: 0 });
  });

  it('again is not counted where less is missing than before', () => {
    expect(accepted(STATES.applying, EVENTS.resent)).toMatchObject({ sentAt: NOW, left: 2, resends: 0 });
  });

  it('starts the count of resends anew where the plan goes on', () => {
    expect(accepted(STATES.applying, EVENTS.progressed)).toMatchObject({ sentAt: NOW, left: 2, resends: 0 });
  });
});

describe('a release', () => {
  it('leaves an idle checkpoint without a plan that mirrors what Postgres says', () => {
    expect(accepted(STATES.applying, EVENTS['release, its plan'])).toStrictEqual({
      state: 'idle',
      through: newThrough,
      look,
      pace,
    });
  });

  it('follows Postgres back, too', () => {
    const back = { type: 'release', by: { claim: 'mine' }, through: undefined } as const;
    expect(accepted(STATES.planning, back)).toStrictEqual({ state: 'idle', look, pace });
  });

  it('may bring another pace', () => {
    const slower = { ...EVENTS['release, its plan'], pace: { share: 0.25 } };
    expect(accepted(STATES.applying, slower)).toMatchObject({ pace: { share: 0.25 } });
  });

  it('of a plan that finished during a pause leaves the pause as it was', () => {
    expect(accepted(STATES['paused+plan'], EVENTS['release, its plan'])).toStrictEqual({
      ...STATES.paused,
      through: newThrough,
    });
  });

  it('of a plan that finished during a pause ends the halt that waited behind it', () => {
    expect(accepted(STATES['paused+halt'], EVENTS['release, its plan'])).toStrictEqual({
      ...STATES.paused,
      through: newThrough,
    });
  });

  it('and a halt of one plan end alike in either order', () => {
    const haltFirst = accepted(
      accepted(STATES.applying, EVENTS['halt, its plan']),
      EVENTS['release, its plan'],
    );
    const released = accepted(STATES.applying, EVENTS['release, its plan']);
    expect(transition(released, EVENTS['halt, its plan'])).toHaveProperty('refused');
    expect(haltFirst).toStrictEqual(released);
  });
});

describe('a halt', () => {
  it('shows its cause', () => {
    expect(accepted(STATES.planning, EVENTS['halt, mine'])).toStrictEqual({
      state: 'halted',
      cause,
      ...carried,
    });
  });
});

describe('a pause', () => {
  it('says who, why and when', () => {
    expect(accepted(STATES.idle, EVENTS.pause)).toStrictEqual({
      state: 'paused',
      by: 'ben',
      reason: 'migration',
      at: NOW,
      ...carried,
    });
  });

  it('ends the claim of a planner at work', () => {
    const paused = accepted(STATES['planning+plan'], EVENTS.pause);
    expect(transition(paused, EVENTS['sent, mine'])).toHaveProperty('refused');
    expect(transition(paused, EVENTS['release, mine'])).toHaveProperty('refused');
  });
});

describe('a halt behind a pause', () => {
  it('is kept when a halted sync is paused, and is there again when it resumes', () => {
    const paused = accepted(STATES['halted+plan'], EVENTS.pause);
    expect(paused).toMatchObject({ state: 'paused', by: 'ben', cause, plan });
    expect(accepted(paused, EVENTS.resume)).toStrictEqual(STATES['halted+plan']);
  });

  it('is noted when a chunk of the paused plan fails', () => {
    expect(accepted(STATES['paused+plan'], EVENTS['halt, its plan'])).toStrictEqual(STATES['paused+halt']);
  });
});

describe('resuming', () => {
  it('takes up a plan in flight as one sent long ago', () => {
    expect(accepted(STATES['paused+plan'], EVENTS.resume)).toStrictEqual({
      state: 'applying',
      plan,
      sentAt: 0,
      left: 0,
      resends: 0,
      ...carried,
    });
  });
});

describe('a halt that a person ended', () => {
  const resumed = accepted(STATES['halted+plan'], EVENTS['claim, resume']);
  const fresh = { ...EVENTS['commitPlan, mine'], token: 'fresh', plan: otherPlan };

  it('is known until a plan is sent, to whoever claims the sync', () => {
    expect(resumed).toMatchObject({ state: 'planning', plan, resumed: cause });
    const later = { ...claim, token: 'later', now: NOW + LEASE_MS };
    expect(accepted(resumed, later)).toMatchObject({ claim: 'later', resumed: cause });
    const committed = accepted(resumed, fresh);
    expect(committed).toMatchObject({ plan: otherPlan, resumed: cause });
    const sent = { ...EVENTS['sent, mine'], token: 'fresh', planId: otherPlan.id };
    expect(accepted(committed, sent)).not.toHaveProperty('resumed');
  });

  it('is one again where a person pauses the sync', () => {
    expect(accepted(resumed, EVENTS.pause)).toMatchObject({ state: 'paused', cause, plan });
  });
});

describe('a planner that lets go', () => {
  it('leaves its plan, and the halt that a person ended, to the next claim', () => {
    const resumed = accepted(STATES['halted+plan'], EVENTS['claim, resume']);
    const left = accepted(resumed, { type: 'letGo', token: 'fresh' });
    expect(left).toMatchObject({ state: 'planning', leaseUntil: 0, plan, resumed: cause });
    expect(accepted(left, claim)).toMatchObject({ state: 'planning', plan, resumed: cause });
  });
});

describe('an approval', () => {
  it('takes the plan up that halted before its deletes', () => {
    expect(accepted(STATES.deleting, EVENTS['approve, its plan'])).toStrictEqual({
      state: 'applying',
      plan,
      sentAt: 0,
      left: 0,
      resends: 0,
      ...carried,
    });
  });

  it('ends the halt behind a pause, and not the pause', () => {
    const paused = accepted(STATES.deleting, EVENTS.pause);
    const approved = accepted(paused, EVENTS['approve, its plan']);
    expect(approved).toMatchObject({ state: 'paused', plan });
    expect(approved).not.toHaveProperty('cause');
  });
});

describe('a look at the source', () => {
  it('replaces an earlier one', () => {
    expect(accepted(STATES.applying, EVENTS.looked)).toStrictEqual({
      ...STATES.applying,
      look: { ...look, at: NOW },
    });
  });
});
