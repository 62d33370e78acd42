import { keyOf } from '../../plan/mapping.ts';
import type { ApplyScope } from './apply-scope.ts';
import { deliveredColumns, writtenColumns } from './columns.ts';
import { columnList, quoteIdentifier, quoteTable } from './sql.ts';
import { sameKey } from './statements.ts';
import type { MovableIndex } from './ties.ts';

/**
 * How rows that hold a unique value which another row of the same window takes let go of it first.
 *
 * - `park`: these columns become NULL for a moment, and NULLs never collide.
 * - `replace`: the rows are deleted and inserted again within one statement; a foreign key with NO ACTION looks only
 *   at its end. Keys that others refer to stay, so what follows a change of them has nothing to follow; a value that
 *   moves would be followed.
 * - `none`: neither is safe, and the conflict stands.
 */
export type LettingGo =
  | { readonly way: 'park'; readonly columns: readonly string[] }
  | { readonly way: 'replace'; readonly columns: readonly string[] }
  | { readonly way: 'none' };

/** What of the target decides how its rows may let go of a value. */
export interface MoveFacts {
  /** Columns that may be NULL for a moment: no check forbids it, and no foreign key refers to them. */
  readonly parkable: readonly string[];
  /** Nothing happens to other tables, and no trigger fires, when a row is deleted that is there again at once. */
  readonly replaceable: boolean;
  /** All columns that can be given a value. */
  readonly columns: readonly string[];
}

export async function readMoveFacts({ tx, table, plan }: ApplyScope): Promise<MoveFacts> {
  const key = keyOf(plan.mapping).map(({ target }) => target);
  const { rows } = await tx.query<MoveFacts>(
    `
select
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and not a.attnotnull and a.attgenerated = ''
      and not exists (
        select from pg_constraint c
        where (c.contype = 'c' and c.conrelid = $1 and a.attnum = any(c.conkey))
           or (c.contype = 'f' and c.confrelid = $1 and a.attnum = any(c.confkey)))
    order by a.attnum) as parkable,
  has_table_privilege($1::oid, 'delete')
    and not exists (
      select from pg_constraint c
      where c.contype = 'f' and c.confrelid = $1
        and (c.confdeltype <> 'a' or (c.confupdtype in ('c', 'n', 'd') and exists (
          select from pg_attribute a
          where a.attrelid = $1 and a.attnum = any(c.confkey) and a.attname <> all($2::text[])))))
    and not exists (
      select from pg_trigger g where g.tgrelid = $1 and not g.tgisinternal and g.tgtype & 8 <> 0) as replaceable,
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum) as columns`,
    [table.oid, key],
  );
  return rows[0] ?? { parkable: [], replaceable: false, columns: [] };
}

/** Pure. `indexes`: those of which values move. */
export function resolveLettingGo(
  { plan }: Pick<ApplyScope, 'plan'>,
  indexes: readonly MovableIndex[],
  facts: MoveFacts,
): LettingGo {
  const key = keyOf(plan.mapping).map(({ target }) => target);
  const delivered = deliveredColumns(plan.mapping).filter((name) => !key.includes(name));
  const parked = indexes.map(({ columns, nullsNotDistinct }) =>
    nullsNotDistinct
      ? undefined
      : columns.find((name) => delivered.includes(name) && facts.parkable.includes(name)),
  );
  const columns = parked.filter((name) => name !== undefined);
  if (columns.length === indexes.length) return { way: 'park', columns: [...new Set(columns)] };
  return facts.replaceable ? { way: 'replace', columns: facts.columns } : { way: 'none' };
}

/** `lines`: those whose row is to let go of its values; see `deleteDepartures`. */
export function letGo(scope: ApplyScope, lettingGo: LettingGo, lines: string): readonly string[] {
  const { target, mapping } = scope.plan;
  switch (lettingGo.way) {
    case 'park':
      return [
        `
update ${quoteTable(target)} t
set ${lettingGo.columns.map((name) => `${quoteIdentifier(name)} = null`).join(', ')}
from ${lines} s
where ${sameKey(mapping, scope.equals)}`,
      ];
    case 'replace':
      return [replaceRows(scope, lettingGo.columns, lines)];
    case 'none':
      return [];
    default:
      return lettingGo satisfies never;
  }
}

/** The sort reads all that is deleted before the first row is inserted. */
function replaceRows({ plan, equals }: ApplyScope, columns: readonly string[], lines: string): string {
  const { target, mapping } = plan;
  const delivered = new Set(deliveredColumns(mapping));
  const written = new Set(writtenColumns(mapping));
  const values = columns.map((name) => {
    if (delivered.has(name)) return `s.${quoteIdentifier(name)}`;
    if (!written.has(name)) return `g.${quoteIdentifier(name)}`;
    return name === mapping.metadata.syncedAt ? 'now()' : 'null';
  });
  const key = keyOf(mapping).map(({ target: name }) => name);
  return `
with gone as (
  delete from ${quoteTable(target)} t
  using ${lines} s
  where ${sameKey(mapping, equals)}
  returning t.*
)
insert into ${quoteTable(target)} (${columnList(columns)}) overriding system value
select ${values.join(', ')}
from (select * from gone order by ${columnList(key)}) g
join ${lines} s on ${sameKey(mapping, equals, 'g', 's')}`;
}
