import { type CommitVersion, laterVersion } from '../change/commit-version.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { type Mapping, mappingDigest } from '../plan/mapping.ts';
import type { Plan, Work } from '../plan/plan.ts';
import type { SourceLook } from '../source/source.ts';
import type { TargetState } from '../target/target.ts';

/** What a planner does next for a sync, from what it saw in Postgres first and at the source then. */
export type NextStep =
  /** The plan that Postgres shows as open goes on. */
  | { readonly step: 'resume'; readonly plan: Plan }
  | { readonly step: 'nothing' }
  /** The open plan is a retry that cannot be finished: it is closed, and the step is chosen anew. */
  | { readonly step: 'abandon'; readonly plan: Plan }
  | { readonly step: 'plan'; readonly work: Work }
  | { readonly step: 'halt'; readonly kind: 'source_replaced' | 'mapping_changed'; readonly message: string };

export interface Seen {
  readonly target: TargetState;
  readonly look: SourceLook;
  readonly mapping: Mapping;
  /** A person let the sync go on after a halt of this kind: a plan that holds the cause is made anew. */
  readonly resumedAfter: ErrorKind | undefined;
  /** A person wants the rows that are put aside to be tried again, and there are some. */
  readonly retry: boolean;
}

/** DESIGN.md section 2, steps 2 to 4, with rules 3 and 6. Pure. */
export function nextStep({ target, look, mapping, resumedAfter, retry }: Seen): NextStep {
  const { row, table } = target;
  const digest = mappingDigest(mapping);
  const sameSource = row.sourceTableId === look.tableId;
  const sameTarget = table !== undefined && row.targetOid === table.oid;
  const sameMapping = row.mappingDigest === digest;

  if (
    row.open &&
    row.plan &&
    sameSource &&
    sameTarget &&
    sameMapping &&
    goesOn(row.plan, look, resumedAfter)
  ) {
    return { step: 'resume', plan: row.plan };
  }
  if (row.open && row.plan?.work.kind === 'retry') return { step: 'abandon', plan: row.plan };
  const reach = sameSource && row.reach !== undefined ? row.reach : look.latest.version;
  const snapshot: NextStep = {
    step: 'plan',
    work: { kind: 'snapshot', version: laterVersion(look.latest.version, reach) },
  };
  // An empty target that was never loaded, was made anew, or has nothing to lose is loaded from a snapshot; whether
  // it is empty is decided again where the plan opens.
  if (row.through === undefined || !sameTarget) return snapshot;
  if (!sameSource) {
    if (table.empty) return snapshot;
    return {
      step: 'halt',
      kind: 'source_replaced',
      message:
        'The source table is not the one that the target was loaded from: it was replaced, or dropped and created again.',
    };
  }
  if (!sameMapping) {
    if (table.empty) return snapshot;
    return { step: 'halt', kind: 'mapping_changed', message: describeChange(row.plan?.mapping, mapping) };
  }
  return window(row.through, look.latest.version, reach, retry);
}

/** Causes that lie in the rows that a plan reads, or in what its mapping says of them: it meets them again. */
const IN_THE_PLAN: readonly ErrorKind[] = [
  'row_rejected',
  'duplicate_source_key',
  'unique_conflict',
  'source_query_invalid',
];

/** Causes that may lie in the version that a snapshot reads: it meets them again until it reads a newer one. */
const IN_THE_VERSION: readonly ErrorKind[] = ['source_column_missing', 'source_failed'];

/**
 * An open plan goes on as it is, except after a halt: a window is cut anew, so that what was corrected at the source
 * since then is in it; a snapshot only if it holds the cause, since it starts over.
 */
function goesOn({ work }: Plan, { latest }: SourceLook, resumedAfter: ErrorKind | undefined): boolean {
  if (resumedAfter === undefined) return true;
  if (work.kind !== 'snapshot' || IN_THE_PLAN.includes(resumedAfter)) return false;
  return latest.version <= work.version || !IN_THE_VERSION.includes(resumedAfter);
}

function window(
  through: CommitVersion,
  latest: CommitVersion,
  reach: CommitVersion,
  retry: boolean,
): NextStep {
  const end = laterVersion(latest, reach);
  if (end > latest || latest < through) {
    return {
      step: 'halt',
      kind: 'source_replaced',
      message: `The source is at version ${latest}, but version ${end > through ? end : through} was synced from it already.`,
    };
  }
  if (latest === through && retry) return { step: 'plan', work: { kind: 'retry', version: through } };
  if (latest === through) return { step: 'nothing' };
  return { step: 'plan', work: { kind: 'window', after: through, through: end } };
}

function describeChange(before: Mapping | undefined, after: Mapping): string {
  const types = (mapping: Mapping | undefined) =>
    new Map(mapping?.columns.map(({ source, sourceType }) => [source, sourceType]) ?? []);
  const [old, now] = [types(before), types(after)];
  const added = [...now.keys()].filter((name) => !old.has(name));
  const gone = [...old.keys()].filter((name) => !now.has(name));
  const retyped = [...now].flatMap(([name, type]) => {
    const was = old.get(name);
    return was === undefined || was === type ? [] : [`${name} from ${was} to ${type}`];
  });
  const parts = [
    ...(added.length > 0 ? [`new: ${added.join(', ')}`] : []),
    ...(gone.length > 0 ? [`gone: ${gone.join(', ')}`] : []),
    ...(retyped.length > 0 ? [`other type: ${retyped.join(', ')}`] : []),
  ];
  if (parts.length === 0)
    parts.push('the key, a name, the filter, or how deletes and NUL characters are handled');
  return `The columns or settings of the sync are not those that the target was loaded with (${parts.join('; ')}).`;
}
