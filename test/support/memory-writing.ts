import { SyncError } from '../../src/error/sync-error.ts';
import type { Chunk, Plan } from '../../src/plan/plan.ts';
import { missingOf, type Slice, wholeOf } from '../../src/plan/slices.ts';
import type { ApplyCounts, ApplyOutcome, SyncRow } from '../../src/target/target.ts';
import {
  type DatabaseStep,
  type LedgerRow,
  type MemoryDatabase,
  type MemoryTable,
  reading,
  type TargetRules,
  tableName,
  withTable,
} from './memory-database.ts';

/** What of a slice of the plan is not in the ledger. */
export function missingIn(
  state: MemoryDatabase,
  plan: Plan,
  slice: Slice,
  rules: TargetRules,
): readonly Slice[] {
  const applied = state.ledger.filter((row) =>
    rules.identity ? row.planId === plan.id : row.sync === plan.sync,
  );
  return missingOf(slice, applied);
}

/** What becomes of the chunk where the ledger is as it is; undefined when all of it is to be applied. */
function settledIn(state: MemoryDatabase, chunk: Chunk, rules: TargetRules): ApplyOutcome | undefined {
  const missing = missingIn(state, chunk.plan, { slice: chunk.slice, of: chunk.of }, rules);
  const [first] = missing;
  if (first === undefined) return { outcome: 'already_applied' };
  return first.of === chunk.of ? undefined : { outcome: 'divided', missing };
}

/** The sync's row, if the plan is the open one. */
export function openRow(state: MemoryDatabase, plan: Plan, rules: TargetRules): SyncRow | undefined {
  const row = state.syncs[plan.sync];
  return row?.open && (row.plan?.id === plan.id || !rules.identity) ? row : undefined;
}

/** Whether there is nothing to apply; the fence decides anew. */
export function readSettled(chunk: Chunk, rules: TargetRules): DatabaseStep<ApplyOutcome | undefined> {
  return reading('ask whether the chunk is settled', (state) => {
    if (!openRow(state, chunk.plan, rules)) return { outcome: 'fenced' };
    return settledIn(state, chunk, rules);
  });
}

/** A writer's transaction up to its first row: lock, fence, ledger row, identity of the table. */
export function beginWriting(
  chunk: Chunk,
  session: number,
  rules: TargetRules,
): DatabaseStep<ApplyOutcome | undefined> {
  const { plan } = chunk;
  const whole = wholeOf(plan, chunk);
  return {
    name: 'begin, fence, claim the slice',
    ready: (state) => !state.writing.some((other) => other.planId === plan.id && other.whole === whole),
    run(state) {
      const row = openRow(state, plan, rules);
      if (!row) return { state, answer: { outcome: 'fenced' } };
      const settled = settledIn(state, chunk, rules);
      if (settled) return { state, answer: settled };
      requireTarget(state, plan, row, rules);
      const writer = { session, sync: plan.sync, planId: plan.id, whole };
      return { state: { ...state, writing: [...state.writing, writer] }, answer: undefined };
    },
  };
}

export function requireTarget(
  state: MemoryDatabase,
  plan: Plan,
  row: SyncRow | undefined,
  rules: TargetRules,
): MemoryTable {
  const table = state.tables[tableName(plan.target)];
  if (table === undefined || (rules.targetOid && table.oid !== row?.targetOid)) {
    throw new SyncError('target_replaced', 'The target table was dropped and created again.');
  }
  return table;
}

/** The rest of a writer's transaction. */
export function commitWriting(
  { plan, slice, of }: Chunk,
  session: number,
  lines: readonly string[],
  rules: TargetRules,
): DatabaseStep<ApplyCounts> {
  return {
    name: 'write the rows, commit',
    run(state) {
      if (!state.writing.some((writer) => writer.session === session)) {
        throw new SyncError('target_unavailable', 'The connection to the database broke.');
      }
      const table = requireTarget(state, plan, state.syncs[plan.sync], rules);
      const { rows, ...counts } = writeLines(table.rows, plan, lines);
      const ledgerRow: LedgerRow = { sync: plan.sync, planId: plan.id, slice, of, ...counts };
      return {
        state: {
          ...withTable(state, plan.target, rows),
          ledger: [...state.ledger, ledgerRow].sort((a, b) => a.of - b.of || a.slice - b.slice),
          writing: state.writing.filter((writer) => writer.session !== session),
        },
        answer: { ...counts, rejected: 0 },
      };
    },
  };
}

function writeLines(before: MemoryTable['rows'], { work, mapping }: Plan, lines: readonly string[]) {
  const rows = { ...before };
  let upserted = 0;
  let deleted = 0;
  for (const line of lines) {
    const arrives = work.kind === 'snapshot' || line.startsWith('u');
    const values = work.kind === 'snapshot' ? line : line.slice(2);
    const key = values.split('\t', mapping.keyColumns).join('\t');
    if (work.kind === 'snapshot' && key in rows) {
      throw new SyncError('duplicate_source_key', 'Two rows of the source have one key in the target.');
    }
    if (!arrives && key in rows) deleted++;
    if (arrives && rows[key] !== values) upserted++;
    if (arrives) rows[key] = values;
    else delete rows[key];
  }
  return { rows, upserted, deleted };
}

/** What the end of a connection does to its transaction. */
export function rollBack(state: MemoryDatabase, session: number): MemoryDatabase {
  if (!state.writing.some((writer) => writer.session === session)) return state;
  return { ...state, writing: state.writing.filter((writer) => writer.session !== session) };
}
