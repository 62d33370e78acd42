import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NeonConnection } from '../../src/config/connections.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { asSyncError, type SyncError } from '../../src/error/sync-error.ts';
import type { MappedColumn, Mapping } from '../../src/plan/mapping.ts';
import type { Plan, Work } from '../../src/plan/plan.ts';
import type { Page } from '../../src/source/source.ts';
import type { TransactionLimits } from '../../src/target/postgres/database.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import type { TargetSurvey } from '../../src/target/survey.ts';
import type { ApplyOutcome, Target } from '../../src/target/target.ts';
import { type Fields, pagesOf, version } from '../support/pages.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

export const signal = new AbortController().signal;

/** A database with Lakeferry's schema in it, and a target that reaches it through the Neon proxy. */
export interface Fixture extends FreshDatabase {
  readonly connection: NeonConnection;
  readonly target: Target & TargetSurvey;
  /** A target with a proxy connection as another role. */
  targetAs(role: string, password: string): Target & TargetSurvey;
  /** A target whose transactions may take only so long. */
  limitedTarget(limits: Partial<TransactionLimits>): Target;
}

export async function openFixture(): Promise<Fixture> {
  const database = await freshDatabase();
  const connection = { url: database.url, localProxy: database.proxy.address };
  const target = openPostgresTarget(connection);
  await target.migrate(signal);
  return {
    ...database,
    connection,
    target,
    async drop() {
      await target.close();
      await database.drop();
    },
    limitedTarget: (limits) =>
      openPostgresTarget(connection, {
        limits: { statementMs: 60_000, lockMs: 10_000, idleMs: 60_000, ...limits },
      }),
    targetAs(role, password) {
      const url = new URL(database.url);
      url.username = role;
      url.password = password;
      return openPostgresTarget({ ...connection, url: url.href });
    },
  };
}

/** `['id integer', 'Name text']`, the first `keyColumns` are the key. */
export function mappingOf(columns: readonly string[], settings: Partial<Mapping> = {}): Mapping {
  return {
    keyColumns: 1,
    columns: columns.map(columnOf),
    deletes: { mode: 'hard' },
    metadata: {},
    nulCharacters: 'reject',
    rejectedRows: 'halt',
    maxRejectedRows: 1_000,
    maxDeletePercent: 50,
    ...settings,
  };
}

function columnOf(text: string): MappedColumn {
  const end = text.lastIndexOf('|') >= 0 ? text.lastIndexOf('|') : text.indexOf(' ');
  const name = text.slice(0, end);
  return { source: name, target: name, sourceType: 'string', targetType: text.slice(end + 1) };
}

export const SOFT: SyncConfig['deletes'] = { mode: 'soft', column: 'deleted_at' };

/** One sync on a table of its own, moved forward step by step. */
export class Sync {
  readonly name = `sync_${randomUUID().slice(0, 8)}`;
  readonly table: Plan['target'];
  readonly mapping: Mapping;
  readonly fixture: Fixture;
  sourceTableId = 'table-1';

  constructor(fixture: Fixture, mapping: Mapping, table?: Plan['target']) {
    this.fixture = fixture;
    this.mapping = mapping;
    this.table = table ?? { schema: 'public', table: this.name };
  }

  get qualified(): string {
    return `"${this.table.schema.replaceAll('"', '""')}"."${this.table.table.replaceAll('"', '""')}"`;
  }

  get target(): Target {
    return this.fixture.target;
  }

  async state() {
    return this.target.readState(this.name, this.table, this.key, signal);
  }

  get key(): readonly string[] {
    return this.mapping.columns.slice(0, this.mapping.keyColumns).map(({ target }) => target);
  }

  ensureTable(): Promise<void> {
    return this.target.ensureTable({ sync: this.name, target: this.table, mapping: this.mapping }, signal);
  }

  /** A plan as a planner makes it that reads the row now. */
  async plan(work: Work, settings: Partial<Plan> = {}): Promise<Plan> {
    const { row } = await this.state();
    return {
      id: randomUUID(),
      sync: this.name,
      base: row.revision,
      source: { catalog: 'main', schema: 'sales', table: this.name },
      sourceTableId: this.sourceTableId,
      target: this.table,
      work,
      throughCommittedAt: 1_700_000_000_000,
      slices: 1,
      divisible: true,
      writers: 100,
      pages: 1,
      mapping: this.mapping,
      ...settings,
    };
  }

  /** Plans and opens. */
  async opened(work: Work, settings: Partial<Plan> = {}): Promise<Plan> {
    const plan = await this.plan(work, settings);
    const outcome = await this.target.open(plan, signal);
    if (outcome !== 'opened') throw new Error(`The plan was ${outcome}.`);
    return plan;
  }

  apply(plan: Plan, lines: readonly Fields[], slice = 0): Promise<ApplyOutcome> {
    return this.applyPages(plan, pagesOf(lines), slice);
  }

  applyPages(plan: Plan, pages: () => AsyncIterable<Page>, slice = 0): Promise<ApplyOutcome> {
    return this.target.apply({ plan, slice, of: plan.slices }, pages, async () => undefined, signal);
  }

  /** Creates the table and loads it at version 0. */
  async load(rows: readonly Fields[]): Promise<void> {
    await this.ensureTable();
    const plan = await this.opened(snapshot(0));
    await this.apply(plan, rows);
    await this.target.finish(plan, signal);
  }

  /** One window of one slice, from version `after` on, opened, applied and finished. */
  async advance(after: number, lines: readonly Fields[]): Promise<ApplyOutcome> {
    const plan = await this.opened(windowFrom(after));
    const outcome = await this.apply(plan, lines);
    await this.target.finish(plan, signal);
    return outcome;
  }

  /** The rows as arrays of text, in key order. */
  async rows(columns = this.mapping.columns.map(({ target }) => target)): Promise<Fields[]> {
    const quoted = columns.map((name) => `"${name.replaceAll('"', '""')}"::text`);
    const key = this.key.map((name) => `"${name.replaceAll('"', '""')}"`);
    const found = await this.fixture.query<{ row: Fields }>(
      `select array[${quoted.join(', ')}] as row from ${this.qualified} order by ${key.join(', ')}`,
    );
    return found.map(({ row }) => row);
  }
}

export function snapshot(number: number): Work {
  return { kind: 'snapshot', version: version(number) };
}

/** The window `after < v <= through`; one version wide unless said otherwise. */
export function windowFrom(after: number, through = after + 1): Work {
  return { kind: 'window', after: version(after), through: version(through) };
}

/** What the promise was rejected with; fails when it was not. */
export async function failureOf(promise: Promise<unknown>): Promise<SyncError> {
  try {
    await promise;
  } catch (error) {
    return asSyncError(error);
  }
  throw new Error('The call was expected to fail.');
}

/** Asks again and again; each question is a round trip to the server. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await nextTurn();
}

/** Resolves when so many backends of the database wait for a lock. */
export function locksAreWaitedFor({ query, name }: FreshDatabase, backends = 1): Promise<void> {
  return until(async () => {
    const waiting = await query(
      "select from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
      [name],
    );
    return waiting.length === backends;
  });
}
