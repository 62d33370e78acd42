import { SyncError } from '../../src/error/sync-error.ts';
import { mappingDigest } from '../../src/plan/mapping.ts';
import { type Chunk, type Plan, throughOf } from '../../src/plan/plan.ts';
import { missingOf, type Slice, slicesOf, wholeOf } from '../../src/plan/slices.ts';
import type {
  ApplyCounts,
  ApplyOutcome,
  FinishOutcome,
  OpenOutcome,
  SyncRow,
  TargetState,
} from '../../src/target/target.ts';
import type { Step } from './memory-store.ts';

/** A target table. Its rows are lines of COPY text by the text of their key. */
export interface MemoryTable {
  readonly oid: number;
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, string>>;
}

/** A slice that is applied, or a part of one. */
export interface LedgerRow extends Slice {
  readonly sync: string;
  readonly planId: string;
  readonly upserted: number;
  readonly deleted: number;
}

/** A writer's transaction: it shares the lock on the sync's row, and its ledger row is not committed. */
export interface Writing {
  readonly session: number;
  readonly sync: string;
  readonly planId: string;
  /** The slice of the plan that it writes, or writes a part of. */
  readonly whole: number;
}

/** What of Postgres the protocol rests on, as one value: keeping an old one is a backup. */
export interface MemoryDatabase {
  /** The schema `lakeferry` is there. */
  readonly installed: boolean;
  readonly syncs: Readonly<Record<string, SyncRow>>;
  readonly ledger: readonly LedgerRow[];
  readonly writing: readonly Writing[];
  readonly tables: Readonly<Record<string, MemoryTable>>;
  readonly nextOid: number;
  /** Part of every revision: whoever takes the database back to an earlier state gives it a new one. */
  readonly era: number;
}

export const EMPTY_DATABASE: MemoryDatabase = {
  installed: false,
  syncs: {},
  ledger: [],
  writing: [],
  tables: {},
  nextOid: 1,
  era: 0,
};

/**
 * The rules of DESIGN.md section 2 that the target keeps, each of which a negative control can take out, and
 * `continuity`: a window opens only behind what it continues.
 */
export interface TargetRules {
  readonly identity: boolean;
  readonly base: boolean;
  readonly continuity: boolean;
  readonly reach: boolean;
  readonly emptiness: boolean;
  readonly sourceId: boolean;
  readonly targetOid: boolean;
  readonly ledger: boolean;
  readonly lock: boolean;
}

export const ALL_RULES: TargetRules = {
  identity: true,
  base: true,
  continuity: true,
  reach: true,
  emptiness: true,
  sourceId: true,
  targetOid: true,
  ledger: true,
  lock: true,
};

export type DatabaseStep<Answer> = Step<MemoryDatabase, Answer>;

export function tableName({ schema, table }: Plan['target']): string {
  return `${schema}.${table}`;
}

/** A step that reads. */
export function reading<Answer>(name: string, read: (state: MemoryDatabase) => Answer): DatabaseStep<Answer> {
  return { name, run: (state) => ({ state, answer: read(state) }) };
}

/** A step that always writes, and has nothing to answer. */
export function writing(name: string, write: (state: MemoryDatabase) => MemoryDatabase): DatabaseStep<void> {
  return { name, run: (state) => ({ state: write(state), answer: undefined }) };
}

export function withTable(
  state: MemoryDatabase,
  table: Plan['target'],
  rows: Readonly<Record<string, string>>,
): MemoryDatabase {
  const name = tableName(table);
  const found = state.tables[name];
  return found ? { ...state, tables: { ...state.tables, [name]: { ...found, rows } } } : state;
}

/** A table of the plan's columns, made when missing. */
export function ensureTable(state: MemoryDatabase, plan: Pick<Plan, 'target' | 'mapping'>): MemoryDatabase {
  const name = tableName(plan.target);
  if (state.tables[name]) return state;
  const columns = Object.fromEntries(
    plan.mapping.columns.map(({ target, targetType }) => [target, targetType]),
  );
  const table = { oid: state.nextOid, columns, rows: {} };
  return { ...state, tables: { ...state.tables, [name]: table }, nextOid: state.nextOid + 1 };
}

/** Reads the sync's row, made when missing, and the table. */
export function readState(sync: string, target: Plan['target']): DatabaseStep<TargetState> {
  return {
    name: 'read the state',
    run(state) {
      if (!state.installed) {
        throw new SyncError('target_incompatible', 'There is no schema "lakeferry" in the database.');
      }
      const row = state.syncs[sync] ?? newRow(state);
      const table = state.tables[tableName(target)];
      const facts = table && {
        oid: table.oid,
        empty: Object.keys(table.rows).length === 0,
        uniqueBesidesKey: false,
        refersToItself: false,
      };
      const after = row === state.syncs[sync] ? state : { ...state, syncs: { ...state.syncs, [sync]: row } };
      return { state: after, answer: facts ? { row, table: facts } : { row } };
    },
  };
}

function newRow({ era }: MemoryDatabase): SyncRow {
  return { revision: `${era}/made`, open: false, rowsUpserted: 0n, rowsDeleted: 0n, rowsRejected: 0n };
}

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

/** What of a slice of the plan is not in the ledger. */
function missingIn(state: MemoryDatabase, plan: Plan, slice: Slice, rules: TargetRules): readonly Slice[] {
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
function openRow(state: MemoryDatabase, plan: Plan, rules: TargetRules): SyncRow | undefined {
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

function requireTarget(
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

export function finishPlan(plan: Plan, rules: TargetRules): DatabaseStep<FinishOutcome> {
  return {
    name: 'finish',
    ready: noWriter(plan.sync, rules),
    run(state) {
      const row = openRow(state, plan, rules);
      if (!row) {
        return { state, answer: { outcome: 'superseded', through: state.syncs[plan.sync]?.through } };
      }
      const missing = rules.ledger
        ? slicesOf(plan).flatMap((slice) => missingIn(state, plan, slice, rules))
        : [];
      if (missing.length > 0) return { state, answer: { outcome: 'incomplete', missing } };
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
