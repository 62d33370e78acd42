import type { SyncError } from '../../error/sync-error.ts';
import type { ApplyScope } from './apply-scope.ts';
import { bisect } from './bisect.ts';
import { checkDeletes } from './brake.ts';
import { arrangeLines, LINES, movingPart, partOf, takeOutUnits, type Units } from './lines.ts';
import { forgetSettledRejects, refusalOf } from './rejected-rows.ts';
import { type Attempt, attemptStatements } from './savepoint.ts';
import { insertArrivals, mergeArrivals, removeDepartures } from './statements.ts';
import { type LettingGo, letGo } from './unique-moves.ts';

/** Rows of the target that were written. */
export interface Written {
  readonly upserted: number;
  readonly deleted: number;
}

/**
 * The careful way for a stage that Postgres refused as a whole: values that move between rows are let go of first,
 * and a row that is refused for its own sake is rejected, or fails the chunk, as the mapping says. All constraints
 * speak in the statement that breaks them, deferred ones too.
 */
export async function applyLines(scope: ApplyScope): Promise<Written> {
  await scope.tx.run(['set constraints all immediate']);
  const units = await arrangeLines(scope);
  return scope.plan.mapping.rejectedRows === 'halt' ? applyAll(scope, units) : applyGood(scope, units);
}

async function applyAll(scope: ApplyScope, { departures, arrivals, lettingGo }: Units): Promise<Written> {
  const deleted = await depart(scope, departures);
  if (deleted.fault) throw deleted.fault;
  await checkDeletes(scope, deleted.kept);
  const upserted = await arrive(scope, arrivals, lettingGo);
  if (upserted.fault) throw upserted.fault;
  return { deleted: deleted.kept, upserted: upserted.kept };
}

/**
 * What fails is tried again for as long as that helps: a departure may wait for an arrival that refers to it no
 * longer, and an arrival for what that departure frees.
 */
async function applyGood(scope: ApplyScope, units: Units): Promise<Written> {
  const { tx, plan, rejects } = scope;
  let { departures, arrivals } = units;
  let [upserted, deleted] = [0, 0];
  for (;;) {
    const departed = await applyUnits(scope, departures, (part) => depart(scope, part));
    await checkDeletes(scope, deleted + departed.rows);
    const arrived = await applyUnits(scope, arrivals, (part) => arrive(scope, part, units.lettingGo));
    deleted += departed.rows;
    upserted += arrived.rows;
    const faults = new Map([...departed.faults, ...arrived.faults]);
    const progress = faults.size < departures.length + arrivals.length;
    if (progress && faults.size > 0) {
      departures = [...departed.faults.keys()];
      arrivals = [...arrived.faults.keys()];
      continue;
    }
    for (const { unit, key } of await takeOutUnits(scope, [...faults.keys()])) {
      const fault = faults.get(unit);
      if (fault) rejects.addRefused(key, refusalOf(fault, plan.mapping));
    }
    await forgetSettledRejects(tx, plan.sync, plan.mapping, LINES);
    return { upserted, deleted };
  }
}

interface AppliedUnits {
  /** Rows that were written. */
  readonly rows: number;
  readonly faults: ReadonlyMap<number, SyncError>;
}

/** Applies what can be. Throws `row_rejected` as soon as more units fail than keys may be rejected. */
async function applyUnits(
  { rejects }: ApplyScope,
  units: readonly number[],
  apply: (part: readonly number[]) => Promise<Attempt<number>>,
): Promise<AppliedUnits> {
  const faults = new Map<number, SyncError>();
  let rows = 0;
  await bisect(
    units,
    async (part) => {
      const { kept, fault } = await apply(part);
      rows += kept ?? 0;
      return fault;
    },
    (unit, fault) => {
      faults.set(unit, fault);
      rejects.checkLimit(faults.size, faults.values());
    },
  );
  return { rows, faults };
}

async function depart(scope: ApplyScope, units: readonly number[]): Promise<Attempt<number>> {
  const { plan, equals } = scope;
  const statement = removeDepartures(plan.target, plan.mapping, equals, partOf(plan.mapping, units));
  if (statement === undefined || units.length === 0) return { kept: 0 };
  const { kept, fault } = await attemptStatements(scope, [statement]);
  return fault ? { fault } : { kept: kept[0] ?? 0 };
}

async function arrive(
  scope: ApplyScope,
  units: readonly number[],
  lettingGo: LettingGo,
): Promise<Attempt<number>> {
  if (units.length === 0) return { kept: 0 };
  const { plan, equals } = scope;
  const { target, mapping } = plan;
  const lines = partOf(mapping, units);
  const write =
    plan.work.kind === 'snapshot'
      ? insertArrivals(target, mapping, lines)
      : mergeArrivals(target, mapping, equals, 'key', lines);
  const first = letGo(scope, lettingGo, movingPart(mapping, units));
  const { kept, fault } = await attemptStatements(scope, [...first, write]);
  if (fault) return { fault };
  // A row that is parked is written again by the merge; one that is replaced is as it should be.
  const [replaced = 0] = lettingGo.way === 'replace' ? kept : [];
  return { kept: replaced + (kept.at(-1) ?? 0) };
}
