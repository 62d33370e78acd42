import { type Namespace, resolveTable } from './catalog.ts';
import { changesSql } from './change-feed.ts';
import type { Connection } from './connection.ts';
import { type Database, newReport } from './database.ts';
import { type JsonCalls, JsonProbe, TypedJson } from './json.ts';
import type { TableReader } from './rewrite-context.ts';
import { Rewriter } from './rewriter.ts';
import { beyondRetention, type ReadableTable, type Table, writable } from './table.ts';

/** What a session keeps from one statement to the next. */
export interface SessionState {
  namespace: Namespace;
  statementTimeoutSeconds: number;
}

/** What one statement runs with. */
export interface StatementContext {
  readonly database: Database;
  readonly connection: Connection;
  readonly session: SessionState;
  readonly nowMicros: bigint;
}

export function findTable(context: StatementContext, name: readonly string[]): ReadableTable {
  return context.database.catalog.requireTable(resolveTable(name, context.session.namespace));
}

/** As `findTable`, for a statement that writes; throws for a table that is attached. */
export function findWritableTable(context: StatementContext, name: readonly string[]): Table {
  return writable(findTable(context, name));
}

/** Translates with the statement's names and time; `build` may be called twice (see JsonCalls). */
export async function translate(
  context: StatementContext,
  build: (rewriter: Rewriter) => string,
  tables: TableReader = new CurrentTables(context),
): Promise<string> {
  const { catalog, schema } = context.session.namespace;
  const rewriter = (json: JsonCalls) =>
    new Rewriter({ tables, json, nowMicros: context.nowMicros, catalog, schema });
  const probe = new JsonProbe(newReport());
  const sql = build(rewriter(probe));
  if (probe.calls === 0) return sql;
  const types = await context.database.reportTypes(context.connection, probe.report, sql);
  return build(rewriter(new TypedJson(types)));
}

/**
 * The tables as of the moment they are asked for: each read is pinned to a version, so that a commit that comes
 * between shows wholly or not at all.
 */
export class CurrentTables implements TableReader {
  readonly #context: StatementContext;
  readonly #read: { readonly table: ReadableTable; readonly stillKept: () => boolean }[] = [];

  constructor(context: StatementContext) {
    this.#context = context;
  }

  snapshot(name: readonly string[], version: bigint | undefined): string {
    const table = findTable(this.#context, name);
    const commit = version === undefined ? table.latest : table.at(version);
    this.#read.push({ table, stillKept: () => commit.version >= table.snapshotFloor });
    return table.snapshotSql(commit);
  }

  changes(name: readonly string[], first: bigint, last: bigint | undefined): string {
    const table = findTable(this.#context, name);
    this.#read.push({ table, stillKept: () => first >= table.feedFloor });
    return changesSql(table, first, last ?? table.latest.version);
  }

  /** Throws if a VACUUM took away what the statement was to read. */
  checkStillKept(): void {
    if (this.#read.some(({ stillKept }) => !stillKept())) throw beyondRetention();
  }
}
