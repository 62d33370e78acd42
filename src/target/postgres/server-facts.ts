import type { ServerFacts } from '../survey.ts';
import { readSchemaForm } from './migrations.ts';
import { quoteIdentifier } from './sql.ts';
import type { Transaction } from './transaction.ts';

interface StoredFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly database: string;
  readonly role: string;
  readonly now: Date;
  readonly maxConnections: number;
  readonly reservedConnections: number;
  readonly usedConnections: number;
  /** Of the schema `lakeferry`: null where there is none. */
  readonly usable: boolean | null;
  readonly creatable: boolean | null;
  /** Tables of it that the role may not read and write. */
  readonly closed: readonly string[];
  /** Relations of it that the role may not alter. */
  readonly foreign: readonly string[];
}

export async function readServer(tx: Transaction, pooled: boolean): Promise<ServerFacts> {
  const { rows } = await tx.query<StoredFacts>(`
with schema as (
  select oid, has_schema_privilege(oid, 'usage') as usable, has_schema_privilege(oid, 'create') as creatable
  from pg_namespace
  where nspname = 'lakeferry'
),
relations as (
  select c.oid, c.relname, c.relkind, c.relowner
  from pg_class c
  join schema s on s.oid = c.relnamespace
  where c.relkind in ('r', 'v')
)
select
  current_setting('server_version') as version,
  current_setting('server_version_num')::int as "versionNumber",
  current_database()::text as database,
  current_user::text as role,
  clock_timestamp() as now,
  current_setting('max_connections')::int as "maxConnections",
  current_setting('superuser_reserved_connections')::int
    + coalesce(current_setting('reserved_connections', true)::int, 0) as "reservedConnections",
  (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as "usedConnections",
  (select usable from schema) as usable,
  (select creatable from schema) as creatable,
  array(
    select relname::text from relations
    where relkind = 'r' and not (has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
      and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete'))
    order by 1) as closed,
  array(
    select relname::text from relations
    where not pg_has_role(relowner, 'usage')
    order by 1) as "foreign"`);
  const facts = rows[0] as StoredFacts;
  const readable = facts.usable === true && !facts.closed.includes('migrations');
  const schema = facts.usable === null ? 'missing' : readable ? await readSchemaForm(tx) : 'unknown';
  return {
    pooled,
    version: facts.version.split(' ')[0] as string,
    majorVersion: Math.trunc(facts.versionNumber / 10_000),
    database: facts.database,
    role: facts.role,
    now: facts.now.getTime(),
    maxConnections: facts.maxConnections,
    reservedConnections: facts.reservedConnections,
    usedConnections: facts.usedConnections,
    schema,
    missingGrants: [...(await grantsForSchema(tx, facts)), ...grantsInSchema(facts, schema)],
  };
}

/** An owner of a database may make a schema for another role only as a member of it, but may always grant. */
async function grantsForSchema(tx: Transaction, { role, usable, creatable }: StoredFacts): Promise<string[]> {
  const grant = `grant usage, create on schema lakeferry to ${quoteIdentifier(role)};`;
  if (usable === null) {
    const { rows } = await tx.query<{ readonly may: boolean }>(
      "select has_database_privilege(current_database(), 'create') as may",
    );
    return rows[0]?.may ? [] : [`create schema lakeferry; ${grant}`];
  }
  return usable && creatable ? [] : [grant];
}

/** A schema of an older form is altered, which only owners may. */
function grantsInSchema({ role, closed, foreign }: StoredFacts, schema: ServerFacts['schema']): string[] {
  const to = quoteIdentifier(role);
  if (schema === 'older' && foreign.length > 0) {
    return foreign.map((name) => `alter table lakeferry.${quoteIdentifier(name)} owner to ${to};`);
  }
  if (closed.length === 0) return [];
  return [`grant select, insert, update, delete on all tables in schema lakeferry to ${to};`];
}
