import { throughOf } from '../plan/plan.ts';
import { displayTable } from '../schema/table-name.ts';
import type {
  ChangesPreview,
  DeletesPreview,
  NextPreview,
  PlanPreview,
  Standing,
  WorkPreview,
} from '../sync/plan-preview.ts';

/**
 * The document of `lakeferry plan --json`. Versions are decimal text, counts numbers, times ISO 8601 in UTC. Null is
 * what is not there or not told; what could not be looked at stands in `unknown`.
 */
export function planJson(previews: readonly PlanPreview[]) {
  return { syncs: previews.map(previewValue) };
}

function previewValue(preview: PlanPreview) {
  const { config, lookedAt, standing, next, leftOut, rejectedKeys, halts, unknown } = preview;
  return {
    sync: config.name,
    source: displayTable(config.source),
    target: displayTable(config.target),
    lookedAt: isoTime(lookedAt),
    standing: standingValue(standing),
    next: next ? nextValue(next) : null,
    leftOut: leftOut.map(({ name, type }) => ({ name, type })),
    rejectedKeys: rejectedKeys === undefined ? null : Number(rejectedKeys),
    halts,
    unknown: unknown.map(({ kind, ...rest }) => ({ kind: kind ?? null, ...rest })),
  };
}

function standingValue(standing: Standing) {
  switch (standing.state) {
    case 'planning':
      return { state: standing.state, leaseUntil: isoTime(standing.leaseUntil) };
    case 'halted':
      return { state: standing.state, cause: causeValue(standing.cause) };
    case 'paused': {
      const { state, by, reason, at, cause } = standing;
      return { state, by, reason, at: isoTime(at), cause: cause ? causeValue(cause) : null };
    }
    case 'free':
    case 'undeployed':
    case 'applying':
    case 'unknown':
      return standing;
    default:
      return standing satisfies never;
  }
}

function causeValue<T extends { readonly at: number }>(cause: T) {
  return { ...cause, at: isoTime(cause.at) };
}

function nextValue(next: NextPreview) {
  switch (next.step) {
    case 'nothing':
      return { step: 'nothing', version: next.version };
    case 'goes_on': {
      const { plan, done, latest } = next;
      return {
        step: 'goes_on',
        work: plan.work.kind,
        through: throughOf(plan),
        slices: { done: done ?? null, total: plan.slices },
        latest: latest ?? null,
      };
    }
    case 'plan':
      return workValue(next);
    default:
      return next satisfies never;
  }
}

function workValue({ plan, committed, changes, table, deletes }: WorkPreview) {
  const { work, slices, writers } = plan;
  const range =
    work.kind === 'window'
      ? {
          window: {
            after: work.after,
            through: work.through,
            commits: Number(work.through - work.after),
            firstCommittedAt: committed ? isoTime(committed.first) : null,
            lastCommittedAt: committed ? isoTime(committed.last) : null,
          },
        }
      : { version: work.version };
  return {
    step: work.kind,
    ...range,
    changes: changesValue(changes),
    slices,
    writers: Math.min(slices, writers),
    table: table ?? null,
    deletes: deletes ? deletesValue(deletes, plan.mapping.maxDeletePercent) : null,
  };
}

function changesValue(changes: ChangesPreview) {
  if (changes.kind === 'estimate') return changes;
  const { kind, upserts, deletes, rejected, conflicts } = changes;
  return { kind, upserts, deletes, rejected, conflicts };
}

function deletesValue({ kind, rows, weight }: DeletesPreview, maxDeletePercent: number) {
  return { kind, rows, maxDeletePercent, target: weight ?? null };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
