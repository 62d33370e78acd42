import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { type OperationOptions, renderPause, renderResume } from '../../src/cli/operation-report.ts';
import { createStyle } from '../../src/cli/style.ts';
import { aPlan } from '../support/plans.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);
const plan = aPlan();
const cause = {
  kind: 'retention_gap',
  message: 'Version 5 is needed; the source keeps 9 and later.',
  remedy: 'Drop the target table, then run "lakeferry run orders".',
  at: NOW - 10_800_000,
} as const;
const PAUSED: Checkpoint = { state: 'paused', by: 'ana', reason: 'index build', at: NOW - 200_000_000 };
const options: OperationOptions = {
  now: NOW,
  dryRun: false,
  style: createStyle({ colour: false, unicode: true }),
  width: 100,
};

const pause = (before: Checkpoint, after: Checkpoint, over: Partial<OperationOptions> = {}) =>
  renderPause(
    { sync: 'orders', operation: { changed: before !== after, before, after } },
    { ...options, ...over },
  );
const resume = (before: Checkpoint, after: Checkpoint, over: Partial<OperationOptions> = {}) =>
  renderResume(
    { sync: 'orders', operation: { changed: before !== after, before, after } },
    { ...options, ...over },
  );

describe('the answer to a pause', () => {
  it('ends with the command that ends the pause', () => {
    expect(pause({ state: 'idle' }, PAUSED)).toEqual([
      '‖ orders is paused.',
      '  Nothing new is planned until it is resumed. Neon keeps serving what it has.',
      '  lakeferry resume orders',
    ]);
  });

  it('says what becomes of a plan in flight and of a planner at work', () => {
    const screen = pause({ state: 'planning', claim: 'c', leaseUntil: 1, plan }, { ...PAUSED, plan });
    expect(screen).toContain('  A planner was at work: it stops at its next step.');
    expect(screen).toContain(
      '  A plan is in flight, through version 7: its chunks that were sent are still applied.',
    );
  });

  it('says that a halt is only covered', () => {
    expect(pause({ state: 'halted', cause }, { ...PAUSED, cause })).toContain(
      '  It is halted as well, and will be again after the pause: retention_gap.',
    );
  });

  it('tells who paused it before, when and why', () => {
    expect(pause(PAUSED, PAUSED)[0]).toBe('‖ orders was paused already, by ana, 2 d ago: index build.');
    const silent = { ...PAUSED, reason: '' };
    expect(pause(silent, silent)[0]).toBe('‖ orders was paused already, by ana, 2 d ago.');
  });

  it('says "would" when nothing was done', () => {
    expect(pause({ state: 'idle' }, PAUSED, { dryRun: true })[0]).toBe('‖ orders would be paused.');
  });

  it('hands no control sequence of a reason on', () => {
    const painted = { ...PAUSED, reason: '\u001b[31mred' };
    expect(pause(painted, painted).join('')).not.toContain('\u001b');
  });
});

describe('the answer to a resume', () => {
  it('says when it goes on, and how to make it go on now', () => {
    expect(resume(PAUSED, { state: 'idle' })).toEqual([
      '✓ orders goes on at the next tick of its schedule.',
      '  At once: lakeferry run orders',
    ]);
    const applying: Checkpoint = { state: 'applying', plan, sentAt: 0, left: 3, resends: 0 };
    expect(resume({ ...PAUSED, plan }, applying, { dryRun: true }).slice(0, 2)).toEqual([
      '✓ orders would go on at the next tick of its schedule.',
      '  Its plan in flight, through version 7, goes on where it was.',
    ]);
  });

  it('of a sync that is not paused says so', () => {
    const idle: Checkpoint = { state: 'idle' };
    expect(resume(idle, idle)).toEqual(['✓ orders is not paused.']);
  });

  it('of a halted sync tells the cause, and ends with the remedy', () => {
    const halted: Checkpoint = { state: 'halted', cause };
    expect(resume(halted, halted)).toEqual([
      '✗ orders is not paused but halted: retention_gap, 3 h ago.',
      `  ${cause.message}`,
      `  ${cause.remedy}`,
    ]);
    expect(resume({ ...PAUSED, cause }, halted)[0]).toBe(
      '✗ orders is paused no more, but halted: retention_gap, 3 h ago.',
    );
  });
});
