import { SyncError } from '../../error/sync-error.ts';
import { displayTable, type TargetTable } from '../../schema/table-name.ts';
import { quoteTable } from './sql.ts';
import type { Transaction } from './transaction.ts';

/** An index of the table, or of a partition of it. */
export interface IndexFacts {
  readonly name: string;
  /** On the table itself, not on one of its partitions. */
  readonly own: boolean;
  readonly unique: boolean;
  readonly exclusion: boolean;
  readonly valid: boolean;
  readonly deferrable: boolean;
  readonly partial: boolean;
  /** Two NULLs collide. */
  readonly nullsNotDistinct: boolean;
  /** Columns that the uniqueness is about, in order; null stands for an expression. */
  readonly columns: readonly (string | null)[];
  /** For each of them the index's own equality, ready for a statement: `operator(pg_catalog.=)`. */
  readonly equals: readonly (string | null)[];
}

export interface TableFacts {
  readonly oid: number;
  /** `pg_class.relkind`. */
  readonly kind: string;
  readonly indexes: readonly IndexFacts[];
}

/** Reads the catalog. Undefined when there is no table, view or the like of that name. */
export async function readTable(tx: Transaction, table: TargetTable): Promise<TableFacts | undefined> {
  const { rows } = await tx.query<TableFacts>(
    `
select
  c.oid,
  c.relkind as kind,
  coalesce((
    select jsonb_agg(jsonb_build_object(
      'name', x.relname,
      'own', i.indrelid = c.oid,
      'unique', i.indisunique,
      'exclusion', i.indisexclusion,
      'valid', i.indisvalid,
      'deferrable', not i.indimmediate,
      'partial', i.indpred is not null,
      'nullsNotDistinct', i.indnullsnotdistinct,
      'columns', array(
        select a.attname
        from unnest(i.indkey::int2[]) with ordinality k (attnum, at)
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0
        where k.at <= i.indnkeyatts
        order by k.at),
      'equals', array(
        select format('operator(%I.%s)', n.nspname, o.oprname)
        from unnest(i.indclass::oid[]) with ordinality k (opclass, at)
        join pg_opclass oc on oc.oid = k.opclass
        left join pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amopstrategy = 3
          and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
        left join pg_operator o on o.oid = ao.amopopr
        left join pg_namespace n on n.oid = o.oprnamespace
        order by k.at)
    ) order by x.relname)
    from pg_index i
    join pg_class x on x.oid = i.indexrelid
    where (i.indisunique or i.indisexclusion)
      and (i.indrelid = c.oid or i.indrelid in (select relid from pg_partition_tree(c.oid)))
  ), '[]') as indexes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [table.schema, table.table],
  );
  return rows[0];
}

/** Whether the table has no row: of all partitions, whoever wrote them. */
export async function readIsEmpty(tx: Transaction, table: TargetTable): Promise<boolean> {
  const { rows } = await tx.query<{ readonly filled: boolean }>(
    `select exists (select from ${quoteTable(table)}) as filled`,
  );
  return rows[0]?.filled === false;
}

/** The unique index that makes the key a key: of exactly its columns, in any order, and always enforced. */
export function keyIndexOf(table: TableFacts, key: readonly string[]): IndexFacts | undefined {
  return table.indexes.find(
    (index) =>
      index.own && index.unique && index.valid && !index.deferrable && !index.partial && isOn(index, key),
  );
}

/** Names by which the server may report that the key came twice: a partition's index has a name of its own. */
export function keyIndexNames(table: TableFacts, key: readonly string[]): ReadonlySet<string> {
  return new Set(table.indexes.filter((index) => index.unique && isOn(index, key)).map(({ name }) => name));
}

/**
 * Whether two live rows may have to exchange a value that only one of them can have at a time. What is unique
 * together with the whole key never stands in the way of another key.
 */
export function isUniqueBesidesKey(table: TableFacts, key: readonly string[]): boolean {
  return table.indexes.some((index) => index.exclusion || !key.every((name) => index.columns.includes(name)));
}

/**
 * The key as the table's indexes spell it. One spelling for each column: what is unique on a column of another case is
 * besides the key.
 */
export function spelledKey(table: TableFacts, key: readonly string[]): readonly string[] {
  const columns = table.indexes.flatMap((index) => index.columns);
  return key.map(
    (name) =>
      columns.find((column) => column === name) ??
      columns.find((column) => column?.toLowerCase() === name.toLowerCase()) ??
      name,
  );
}

/** The key index's own equality for each key column, in the key's order. */
export function keyEquality(table: TableFacts, key: readonly string[], name: TargetTable): readonly string[] {
  const index = keyIndexOf(table, key);
  return key.map((column) => {
    const equals = index?.equals[index.columns.indexOf(column)];
    if (equals) return equals;
    throw new SyncError(
      'target_incompatible',
      `${displayTable(name)} has no unique index on its key columns any more.`,
    );
  });
}

export function targetReplaced(table: TargetTable): SyncError {
  return new SyncError(
    'target_replaced',
    `${displayTable(table)} is not the table that Lakeferry wrote to: it was dropped, renamed or made again.`,
  );
}

function isOn(index: IndexFacts, key: readonly string[]): boolean {
  return index.columns.length === key.length && key.every((name) => index.columns.includes(name));
}
