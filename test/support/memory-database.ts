import { SyncError } from '../../src/error/sync-error.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Slice } from '../../src/plan/slices.ts';
import type { SyncRow, TargetState } from '../../src/target/target.ts';
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
