import { insertCommitSql, insertTableSql } from './catalog-records.ts';
import type { StatementContext } from './statement-context.ts';
import { type Commit, LIVE, liveAt, type Table, type TableMetadata } from './table.ts';
import { duckTypeOf } from './type-text.ts';

/** What a statement did to a table, as its history tells it. */
export interface Change {
  readonly operation: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly metrics?: Readonly<Record<string, string | number>>;
  readonly blindAppend?: boolean;
  /** By how many the rows of the table became more. */
  readonly addedRows?: number;
  /** Where it is not that of the version before. */
  readonly metadata?: TableMetadata;
}

/**
 * Commits one version to an existing table. `work` gets the number of that version and writes the rows; if it
 * fails, nothing of it stays. Writers take turns, so `table` is looked up inside, by `find`.
 */
export function commitTo(
  context: StatementContext,
  find: () => Table,
  work: (table: Table, version: bigint) => Promise<Change>,
): Promise<Commit> {
  return context.database.exclusive(async () => {
    context.connection.checkAborted();
    const table = find();
    return commitNow(context, table, work);
  });
}

/** As `commitTo`, for who already has the turn to write. */
export async function commitNow(
  context: StatementContext,
  table: Table,
  work: (table: Table, version: bigint) => Promise<Change>,
): Promise<Commit> {
  const { connection, database } = context;
  const previous = table.latest;
  const commit = await connection.transaction(async () => {
    const change = await work(table, previous.version + 1n);
    const next = toCommit(change, database.clock.now(), previous, change.metadata ?? previous.metadata);
    await connection.run(insertCommitSql(table, next));
    return next;
  });
  table.commits.push(commit);
  return commit;
}

/** Makes a table with its version 0. `fill` writes the first rows. For who has the turn to write. */
export async function createTable(
  context: StatementContext,
  table: Table,
  metadata: TableMetadata,
  fill: () => Promise<Change>,
): Promise<Commit> {
  const { connection, database } = context;
  const commit = await connection.transaction(async () => {
    const columns = metadata.columns.map(({ stored, type }) => `, ${stored} ${duckTypeOf(type)}`).join('');
    await connection.run(
      `create table ${table.store} (_from bigint, _to bigint, _in utinyint, _out utinyint${columns}); ${insertTableSql(table)}`,
    );
    const first = toCommit(await fill(), database.clock.now(), undefined, metadata);
    await connection.run(insertCommitSql(table, first));
    return first;
  });
  table.commits.push(commit);
  database.catalog.addTable(table);
  return commit;
}

/** Adds the store's columns that only `metadata` has. Inside the transaction of a commit. */
export async function addStoredColumns(
  context: StatementContext,
  table: Table,
  metadata: TableMetadata,
): Promise<void> {
  const known = new Set(
    table.commits.flatMap((commit) => commit.metadata.columns.map(({ stored }) => stored)),
  );
  for (const { stored, type } of metadata.columns) {
    if (!known.has(stored))
      await context.connection.run(`alter table ${table.store} add column ${stored} ${duckTypeOf(type)}`);
  }
}

/** Names for columns of the store that no version of the table has had. */
export function storedNames(table: Table | undefined): () => string {
  const used = (table?.commits ?? []).flatMap(({ metadata }) =>
    metadata.columns.map(({ stored }) => Number(stored.slice(1))),
  );
  let next = Math.max(-1, ...used) + 1;
  return () => {
    const name = `c${next}`;
    next += 1;
    return name;
  };
}

/** Ends all rows that are live before `version`; they count as deleted by it. */
export function deleteAllRows(context: StatementContext, table: Table, version: bigint): Promise<number> {
  return context.connection.write(
    `update ${table.store} set _to = ${version}, _out = 1 where ${liveAt(version - 1n)}`,
  );
}

/** `insert into` the store: the values follow as `select`, one column for each of `columns`. */
export function insertRowsSql(
  table: Table,
  version: bigint,
  arrived: number,
  columns: readonly { readonly stored: string }[],
  values: readonly string[],
  from: string,
): string {
  const names = columns.map(({ stored }) => `, ${stored}`).join('');
  const selected = values.map((value) => `, ${value}`).join('');
  return `insert into ${table.store} (_from, _to, _in${names}) select ${version}, ${LIVE}, ${arrived}${selected} from ${from}`;
}

function toCommit(
  change: Change,
  now: number,
  previous: Commit | undefined,
  metadata: TableMetadata,
): Commit {
  return {
    version: previous === undefined ? 0n : previous.version + 1n,
    timestamp: Math.max(now, (previous?.timestamp ?? Number.NEGATIVE_INFINITY) + 1),
    operation: change.operation,
    parameters: change.parameters ?? {},
    metrics: Object.fromEntries(
      Object.entries(change.metrics ?? {}).map(([name, value]) => [name, String(value)]),
    ),
    blindAppend: change.blindAppend ?? false,
    rows: (previous?.rows ?? 0) + (change.addedRows ?? 0),
    metadata,
  };
}
