import type { Plan } from '../../plan/plan.ts';
import { displayTable, type TargetTable } from '../../schema/table-name.ts';
import type { MissingRights } from '../survey.ts';
import type { CatalogType } from './column-fit.ts';
import { ownColumns } from './columns.ts';
import { quoteIdentifier, quoteTable, typeText } from './sql.ts';
import { readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

export interface ColumnFacts extends CatalogType {
  readonly name: string;
  /** As the server prints it, for people. */
  readonly typeName: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** A generated column, or an identity that takes no value from outside. */
  readonly generatedAlways: boolean;
  /** False where different texts may be equal. */
  readonly deterministic: boolean;
}

export async function readColumns(tx: Transaction, oid: number): Promise<readonly ColumnFacts[]> {
  const { rows } = await tx.query<ColumnFacts>(
    `
select
  a.attname::text as name,
  a.atttypid as oid,
  a.atttypmod as modifier,
  format_type(a.atttypid, a.atttypmod) as "typeName",
  a.attnotnull as "notNull",
  a.atthasdef or a.attidentity <> '' as "hasDefault",
  a.attgenerated <> '' or a.attidentity = 'a' as "generatedAlways",
  coalesce(c.collisdeterministic, true) as deterministic
from pg_attribute a
left join pg_collation c on c.oid = a.attcollation
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
order by a.attnum`,
    [oid],
  );
  return rows;
}

/** Name to type of each column; undefined when there is no such table. */
export async function readColumnTypes(
  tx: Transaction,
  table: TargetTable,
): Promise<ReadonlyMap<string, string> | undefined> {
  await useOwnSearchPath(tx);
  const found = await readTable(tx, table);
  if (found === undefined) return undefined;
  const columns = await readColumns(tx, found.oid);
  return new Map(columns.map(({ name, typeName }) => [name, typeName]));
}

/**
 * Lets type names be read and printed as the role's own sessions do: an extension's types live in a schema of its
 * path. The server's own names come first all the same.
 */
export async function useOwnSearchPath(tx: Transaction): Promise<void> {
  await tx.query(
    `
select set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(reset_val, '')), true)
from pg_settings
where name = 'search_path'`,
  );
}

/** What the server makes of the type texts: of the mapped columns, in their order, then of our own. */
export async function readMappedTypes(
  tx: Transaction,
  { target, mapping }: Pick<Plan, 'target' | 'mapping'>,
): Promise<ReadonlyMap<string, CatalogType>> {
  const wanted = [
    ...mapping.columns.map(({ target: name, targetType }) => ({
      name,
      type: typeText(targetType, target, name),
    })),
    ...ownColumns(mapping),
  ];
  const nulls = wanted.map(({ name, type }) => `null::${type} as ${quoteIdentifier(name)}`);
  const { fields } = await tx.query(`select ${nulls.join(', ')}`);
  return new Map(
    fields.map(({ name, dataTypeID, dataTypeModifier }) => [
      name,
      { oid: dataTypeID, modifier: dataTypeModifier },
    ]),
  );
}

/** What the current role lacks to write a table; undefined when it lacks nothing. */
export async function readMissingRights(
  tx: Transaction,
  oid: number,
  { target, mapping }: Pick<Plan, 'target' | 'mapping'>,
): Promise<MissingRights | undefined> {
  const needed = ['select', 'insert', 'update', ...(mapping.deletes.mode === 'hard' ? ['delete'] : [])];
  const { rows } = await tx.query<{
    readonly role: string;
    readonly usage: boolean;
    readonly missing: string[];
  }>(
    `
select
  current_user::text as role,
  has_schema_privilege((select relnamespace from pg_class where oid = $1), 'usage') as usage,
  array(select p from unnest($2::text[]) p where not has_table_privilege($1::oid, p)) as missing`,
    [oid, needed],
  );
  const [found] = rows;
  if (!found || (found.usage && found.missing.length === 0)) return undefined;
  const role = quoteIdentifier(found.role);
  const missing = found.missing.join(', ');
  const lacks = [
    ...(found.usage
      ? []
      : [
          {
            right: `usage on the schema ${target.schema}`,
            grant: `grant usage on schema ${quoteIdentifier(target.schema)} to ${role};`,
          },
        ]),
    ...(missing === ''
      ? []
      : [
          {
            right: `${missing} on ${displayTable(target)}`,
            grant: `grant ${missing} on table ${quoteTable(target)} to ${role};`,
          },
        ]),
  ];
  return {
    role: found.role,
    rights: lacks.map(({ right }) => right).join(' and '),
    grant: lacks.map(({ grant }) => grant).join(' '),
  };
}

/** The same to create a table: in its schema, or where that is missing, too, in the database. */
export async function readMissingToCreate(
  tx: Transaction,
  target: TargetTable,
): Promise<MissingRights | undefined> {
  const { rows } = await tx.query<{
    readonly role: string;
    readonly schema: boolean | null;
    readonly created: boolean;
  }>(
    `
select
  current_user::text as role,
  (select has_schema_privilege(oid, 'create') and has_schema_privilege(oid, 'usage')
   from pg_namespace where nspname = $1) as schema,
  has_database_privilege(current_database(), 'create') as created`,
    [target.schema],
  );
  const [found] = rows;
  if (!found) return undefined;
  const role = quoteIdentifier(found.role);
  const schema = quoteIdentifier(target.schema);
  if (found.schema ?? found.created) return undefined;
  const grant = `grant usage, create on schema ${schema} to ${role};`;
  return found.schema === null
    ? { role: found.role, rights: 'create on the database', grant: `create schema ${schema}; ${grant}` }
    : { role: found.role, rights: `usage, create on the schema ${target.schema}`, grant };
}
