import { SyncError } from '../../src/error/sync-error.ts';
import { mappingDigest } from '../../src/plan/mapping.ts';
import { type Plan, throughOf } from '../../src/plan/plan.ts';
import { slicesOf } from '../../src/plan/slices.ts';
import type { FinishOutcome, OpenOutcome, SyncRow } from '../../src/target/target.ts';
import {
  ALL_RULES,
  type DatabaseStep,
  type MemoryDatabase,
  type MemoryTable,
  reading,
  type TargetRules,
  tableName,
  withTable,
} from './memory-database.ts';
import { missingIn, openRow, requireTarget } from './memory-writing.ts';

/** As `for update` does: waits for every writer that shares the lock on the sync's row. */
const noWriter =
  (sync: string, rules: TargetRules) =>
  (state: MemoryDatabase): boolean =>
    !rules.lock || state.syncs[sync] === undefined || !state.writing.some((writer) => writer.sync === sync);

export function openPlan(plan: Plan, rules: TargetRules): DatabaseStep<OpenOutcome> {
  return {
    name: 'open',
    ready: noWriter(plan.sync, rules),
    run(state) {
      const row = state.syncs[plan.sync];
      const table = state.tables[tableName(plan.target)];
      const answer = row === undefined ? 'refused' : judgeOpening(plan, row, table?.oid, rules);
      if (answer !== 'opened' || !row || !table) return { state, answer };
      const cleared =
        plan.work.kind === 'snapshot' && rules.emptiness
          ? clearUnfinishedLoad(state, plan, row, table)
          : state;
      const opened: SyncRow = {
        ...(plan.work.kind === 'snapshot' ? withoutThrough(row) : row),
        plan,
        open: true,
        revision: `${state.era}/opened/${plan.id}`,
        reach: reachAfter(plan, row),
        sourceTableId: plan.sourceTableId,
        mappingDigest: mappingDigest(plan.mapping),
        targetOid: table.oid,
      };
      const ledger = state.ledger.filter(({ sync, planId }) => sync !== plan.sync || planId === plan.id);
      return { state: { ...cleared, ledger, syncs: { ...state.syncs, [plan.sync]: opened } }, answer };
    },
  };
}

function judgeOpening(plan: Plan, row: SyncRow, oid: number | undefined, rules: TargetRules): OpenOutcome {
  if (rules.base && row.revision !== plan.base) {
    return row.plan?.id === plan.id && row.open ? 'already_open' : 'refused';
  }
  if (oid === undefined) return 'refused';
  const sameSource = row.sourceTableId === plan.sourceTableId;
  const sameMeaning = sameSource && row.mappingDigest === mappingDigest(plan.mapping);
  const sameTarget = row.targetOid === oid || !rules.targetOid;
  if (rules.reach && sameSource && row.reach !== undefined && throughOf(plan) < row.reach) return 'refused';
  if (!rules.continuity) return 'opened';
  if (plan.work.kind === 'retry') {
    const shown = !row.open && row.through === plan.work.version;
    return shown && sameMeaning && sameTarget ? 'opened' : 'refused';
  }
  if (plan.work.kind === 'window') {
    return row.through === plan.work.after && sameMeaning && sameTarget ? 'opened' : 'refused';
  }
  return row.through === undefined || !sameMeaning || !sameTarget ? 'opened' : 'refused';
}

function reachAfter(plan: Plan, { sourceTableId, reach }: SyncRow): SyncRow['reach'] & bigint {
  const through = throughOf(plan);
  return sourceTableId === plan.sourceTableId && reach !== undefined && reach > through ? reach : through;
}

function withoutThrough({ through: _through, throughCommittedAt: _at, ...row }: SyncRow): SyncRow {
  return row;
}

function clearUnfinishedLoad(
  state: MemoryDatabase,
  plan: Plan,
  row: SyncRow,
  table: MemoryTable,
): MemoryDatabase {
  const rows = Object.keys(table.rows).length;
  if (rows === 0) return state;
  const unfinished = row.open && row.plan?.work.kind === 'snapshot' && row.targetOid === table.oid;
  const own = state.ledger
    .filter(({ planId }) => planId === row.plan?.id)
    .reduce((sum, { upserted }) => sum + upserted, 0);
  if (!unfinished || own !== rows) {
    throw new SyncError('target_not_empty', 'The target holds rows that Lakeferry did not write.');
  }
  return withTable(state, plan.target, {});
}

/** Why the plan cannot be finished; undefined if it can. */
function unfinishableIn(state: MemoryDatabase, plan: Plan, rules: TargetRules): FinishOutcome | undefined {
  if (!openRow(state, plan, rules)) {
    return { outcome: 'superseded', through: state.syncs[plan.sync]?.through };
  }
  const missing = rules.ledger ? slicesOf(plan).flatMap((slice) => missingIn(state, plan, slice, rules)) : [];
  return missing.length > 0 ? { outcome: 'incomplete', missing } : undefined;
}

/** Waits for nobody. */
export function readUnfinishable(plan: Plan, rules: TargetRules): DatabaseStep<FinishOutcome | undefined> {
  return reading('ask whether the plan can be finished', (state) => unfinishableIn(state, plan, rules));
}

export function finishPlan(plan: Plan, rules: TargetRules): DatabaseStep<FinishOutcome> {
  return {
    name: 'finish',
    ready: noWriter(plan.sync, rules),
    run(state) {
      const answer = unfinishableIn(state, plan, rules);
      if (answer) return { state, answer };
      const row = state.syncs[plan.sync];
      if (!row) throw new Error('a plan that can be finished has a row');
      requireTarget(state, plan, row, rules);
      const through = throughOf(plan);
      const isForward =
        plan.work.kind === 'retry'
          ? row.through === through
          : row.through === undefined || row.through < through;
      if (!isForward) {
        throw new SyncError('internal', 'A complete plan would not move the version of its target forward.');
      }
      const done = state.ledger.filter(({ planId }) => planId === plan.id);
      const finished: SyncRow = {
        ...row,
        open: false,
        revision: `${state.era}/finished/${plan.id}`,
        through,
        throughCommittedAt: plan.throughCommittedAt,
        rowsUpserted: done.reduce((sum, { upserted }) => sum + BigInt(upserted), row.rowsUpserted),
        rowsDeleted: done.reduce((sum, { deleted }) => sum + BigInt(deleted), row.rowsDeleted),
      };
      return {
        state: {
          ...state,
          ledger: state.ledger.filter(({ sync }) => sync !== plan.sync),
          syncs: { ...state.syncs, [plan.sync]: finished },
        },
        answer: { outcome: 'finished', through, speed: { slowestMs: 0 } },
      };
    },
  };
}

/** Closes a retry; what it has written stays. */
export function abandonRetry(plan: Plan, rules: TargetRules): DatabaseStep<boolean> {
  return {
    name: 'abandon the retry',
    ready: noWriter(plan.sync, rules),
    run(state) {
      const row = openRow(state, plan, ALL_RULES);
      if (row?.plan?.work.kind !== 'retry') return { state, answer: false };
      const closed: SyncRow = { ...row, open: false, revision: `${state.era}/abandoned/${plan.id}` };
      const ledger = state.ledger.filter(({ planId }) => planId !== plan.id);
      return { state: { ...state, ledger, syncs: { ...state.syncs, [plan.sync]: closed } }, answer: true };
    },
  };
}
