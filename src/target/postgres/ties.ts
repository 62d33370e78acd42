import { keyOf } from '../../plan/mapping.ts';
import type { ApplyScope } from './apply-scope.ts';
import { deliveredColumns } from './columns.ts';
import type { Tie } from './connected-units.ts';
import { columnList, quoteIdentifier, quoteTable } from './sql.ts';
import { sameKey } from './statements.ts';
import type { IndexFacts } from './table-facts.ts';

/** A table of lines, each with a number, and its columns' quoted names. */
export interface Lines {
  readonly table: string;
  readonly operation: string;
  readonly unit: string;
}

/** A foreign key of a table that refers to the table itself. Column by column, with the operator between them. */
export interface SelfReference {
  readonly columns: readonly string[];
  readonly refersTo: readonly string[];
  /** `refersTo` on its left. */
  readonly equals: readonly string[];
}

export async function readSelfReferences({
  tx,
  table,
}: Pick<ApplyScope, 'tx' | 'table'>): Promise<readonly SelfReference[]> {
  const { rows } = await tx.query<SelfReference>(
    `
select
  array(
    select a.attname::text from unnest(c.conkey) with ordinality k (attnum, at)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum order by k.at) as columns,
  array(
    select a.attname::text from unnest(c.confkey) with ordinality k (attnum, at)
    join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum order by k.at) as "refersTo",
  array(
    select format('operator(%I.%s)', n.nspname, o.oprname) from unnest(c.conpfeqop) with ordinality k (op, at)
    join pg_operator o on o.oid = k.op join pg_namespace n on n.oid = o.oprnamespace order by k.at) as equals
from pg_constraint c
where c.contype = 'f' and c.conrelid = $1 and c.confrelid = $1
order by c.conname`,
    [table.oid],
  );
  return rows;
}

/** A unique index besides the key whose values may move from one row to another. */
export interface MovableIndex extends Pick<IndexFacts, 'name' | 'deferrable' | 'nullsNotDistinct'> {
  readonly columns: readonly string[];
  readonly equals: readonly string[];
}

/** Those on columns alone; of an expression only Postgres knows the value. */
export function movableIndexes({ table, plan }: Pick<ApplyScope, 'table' | 'plan'>): readonly MovableIndex[] {
  const key = keyOf(plan.mapping).map(({ target }) => target);
  return table.indexes.flatMap((index) => {
    const columns = index.columns.filter((column) => column !== null);
    const equals = index.equals.filter((operator) => operator !== null);
    const comparable = columns.length === index.columns.length && equals.length === columns.length;
    const movable = index.own && index.unique && index.valid && !key.every((name) => columns.includes(name));
    return comparable && movable ? [{ ...index, columns, equals }] : [];
  });
}

/** Arrivals that want a unique value which another arrival holds in the target and gives up. */
export async function readMoves(
  scope: ApplyScope,
  lines: Lines,
  index: MovableIndex,
): Promise<readonly Tie[]> {
  const { tx, plan, equals } = scope;
  const { target, mapping } = plan;
  const delivered = new Set(deliveredColumns(mapping));
  const wanted = index.columns.map(
    (name, at) =>
      `t.${quoteIdentifier(name)} ${index.equals[at]} ${delivered.has(name) ? 's' : 'own'}.${quoteIdentifier(name)}`,
  );
  const given = index.columns.filter((name) => delivered.has(name));
  const { rows } = await tx.query<Tie>(`
select distinct s.${lines.unit} as waits, h.${lines.unit} as needs
from ${lines.table} s
left join ${quoteTable(target)} own on ${sameKey(mapping, equals, 'own', 's')}
join ${quoteTable(target)} t on ${wanted.join(' and ')}
join ${lines.table} h on ${sameKey(mapping, equals, 't', 'h')}
where s.${lines.operation} = 'u' and h.${lines.operation} = 'u' and h.${lines.unit} <> s.${lines.unit}
  and row(${columnList(given, 'h')})::record *<> row(${columnList(given, 't')})::record`);
  return rows;
}

/** Arrivals that refer to a row which only another arrival brings. */
export async function readReferencesToArrivals(
  scope: ApplyScope,
  lines: Lines,
  { columns, refersTo, equals }: SelfReference,
): Promise<readonly Tie[]> {
  const { tx, plan } = scope;
  const delivered = new Set(deliveredColumns(plan.mapping));
  if (![...columns, ...refersTo].every((name) => delivered.has(name))) return [];
  const refers = (row: string) => pairs(row, refersTo, equals, 's', columns);
  const { rows } = await tx.query<Tie>(`
select distinct s.${lines.unit} as waits, p.${lines.unit} as needs
from ${lines.table} s
join ${lines.table} p on ${refers('p')}
where s.${lines.operation} = 'u' and p.${lines.operation} = 'u' and p.${lines.unit} <> s.${lines.unit}
  and not exists (select from ${quoteTable(plan.target)} t where ${refers('t')})`);
  return rows;
}

/** Departures that a row refers to which departs as well. */
export async function readReferencesOfDepartures(
  scope: ApplyScope,
  lines: Lines,
  { columns, refersTo, equals }: SelfReference,
): Promise<readonly Tie[]> {
  const { tx, plan } = scope;
  const target = quoteTable(plan.target);
  const { rows } = await tx.query<Tie>(`
select distinct p.${lines.unit} as waits, c.${lines.unit} as needs
from ${lines.table} p
join ${target} referred on ${sameKey(plan.mapping, scope.equals, 'referred', 'p')}
join ${target} referring on ${pairs('referred', refersTo, equals, 'referring', columns)}
join ${lines.table} c on ${sameKey(plan.mapping, scope.equals, 'referring', 'c')}
where p.${lines.operation} = 'd' and c.${lines.operation} = 'd' and c.${lines.unit} <> p.${lines.unit}`);
  return rows;
}

function pairs(
  left: string,
  leftColumns: readonly string[],
  equals: readonly string[],
  right: string,
  rightColumns: readonly string[],
): string {
  return leftColumns
    .map(
      (name, at) =>
        `${left}.${quoteIdentifier(name)} ${equals[at]} ${right}.${quoteIdentifier(rightColumns[at] ?? '')}`,
    )
    .join(' and ');
}
