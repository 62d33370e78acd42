import { SyncError } from '../../src/error/sync-error.ts';
import type { Chunk, Plan } from '../../src/plan/plan.ts';
import type { Page, RetryKeys } from '../../src/source/source.ts';
import type {
  ApplyOutcome,
  FinishOutcome,
  OpenOutcome,
  RejectedKeys,
  SyncRow,
  Target,
  TargetState,
} from '../../src/target/target.ts';
import {
  ALL_RULES,
  ensureTable,
  type MemoryDatabase,
  reading,
  readState,
  type TargetRules,
  tableName,
  writing,
} from './memory-database.ts';
import { abandonRetry, finishPlan, openPlan, readUnfinishable } from './memory-plans.ts';
import type { Perform } from './memory-store.ts';
import { beginWriting, commitWriting, readSettled, rollBack } from './memory-writing.ts';

/**
 * The target in memory: what PostgresTarget decides, step by step as its transactions and locks order it, for hard
 * deletes, few enough for the brake, and rows that Postgres takes. It knows no times. Calls that run at once need a session each.
 */
export class MemoryTarget implements Target {
  readonly #perform: Perform<MemoryDatabase>;
  readonly #session: number;
  readonly #rules: TargetRules;

  constructor(perform: Perform<MemoryDatabase>, session: number, rules: TargetRules = ALL_RULES) {
    this.#perform = perform;
    this.#session = session;
    this.#rules = rules;
  }

  migrate(): Promise<void> {
    return this.#perform(
      writing('migrate', (state) => (state.installed ? state : { ...state, installed: true })),
    );
  }

  async readState(sync: string, table: Plan['target']): Promise<TargetState> {
    return this.#perform(readState(sync, table));
  }

  async readRows(): Promise<ReadonlyMap<string, SyncRow>> {
    return new Map(Object.entries(await this.#perform(reading('read all rows', ({ syncs }) => syncs))));
  }

  async readRejected(): Promise<RejectedKeys> {
    return { keys: 0n, attempts: 0n, newest: [] };
  }

  async readRetryKeys(): Promise<RetryKeys> {
    return [];
  }

  async countRejected(): Promise<ReadonlyMap<string, bigint>> {
    return new Map();
  }

  async readColumnTypes(table: Plan['target']): Promise<ReadonlyMap<string, string> | undefined> {
    const columns = await this.#perform(
      reading('read the column types', ({ tables }) => tables[tableName(table)]?.columns),
    );
    return columns && new Map(Object.entries(columns));
  }

  ensureTable(plan: Pick<Plan, 'target' | 'mapping' | 'sync'>): Promise<void> {
    return this.#perform(writing('ensure the table', (state) => ensureTable(state, plan)));
  }

  open(plan: Plan): Promise<OpenOutcome> {
    return this.#perform(openPlan(plan, this.#rules));
  }

  async apply(
    chunk: Chunk,
    pages: () => AsyncIterable<Page>,
    beforeCommit: () => Promise<void>,
  ): Promise<ApplyOutcome> {
    const settled = await this.#perform(readSettled(chunk, this.#rules));
    if (settled) return settled;
    const iterator = pages()[Symbol.asyncIterator]();
    const lines: string[] = [];
    let next = await iterator.next();
    const begun = await this.#begin(chunk);
    if (begun) return begun;
    try {
      for (; !next.done; next = await iterator.next()) lines.push(...linesOf(next.value));
      if (this.#rules.sourceId) await beforeCommit();
      const commit = commitWriting(chunk, this.#session, lines, this.#rules);
      return { outcome: 'applied', counts: await this.#perform(commit) };
    } catch (error) {
      await this.#perform(writing('roll back', (state) => rollBack(state, this.#session)));
      throw error;
    }
  }

  approveDeletes(plan: Plan): Promise<boolean> {
    return this.#perform(
      reading('approve deletes', ({ syncs }) => {
        const row = syncs[plan.sync];
        return row?.open === true && row.plan?.id === plan.id;
      }),
    );
  }

  async finish(plan: Plan): Promise<FinishOutcome> {
    const unfinishable = await this.#perform(readUnfinishable(plan, this.#rules));
    return unfinishable ?? this.#perform(finishPlan(plan, this.#rules));
  }

  abandonRetry(plan: Plan): Promise<boolean> {
    return this.#perform(abandonRetry(plan, this.#rules));
  }

  async close(): Promise<void> {}

  async #begin(chunk: Chunk): Promise<ApplyOutcome | undefined> {
    try {
      return await this.#perform(beginWriting(chunk, this.#session, this.#rules));
    } catch (error) {
      if (error instanceof SyncError && error.kind === 'target_busy') return { outcome: 'in_progress' };
      throw error;
    }
  }
}

function linesOf({ rows, payload }: Page): readonly string[] {
  return rows === 0 ? [] : payload.split('\n');
}
