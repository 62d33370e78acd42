import { SyncError } from '../../error/sync-error.ts';
import { readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** In order; a migration that was ever released never changes. Its number is its place, from 1. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'syncs, ledger, rejected rows, freshness',
    sql: `
create table lakeferry.syncs (
  sync text primary key,
  revision uuid not null default gen_random_uuid(),
  plan_id uuid,
  plan jsonb,
  plan_committed_at timestamptz,
  open boolean not null default false,
  through bigint,
  through_committed_at timestamptz,
  reach bigint,
  source_table_id text,
  mapping_digest text,
  target_oid oid,
  rows_upserted bigint not null default 0,
  rows_deleted bigint not null default 0,
  rows_rejected bigint not null default 0,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  constraint an_open_plan_is_stored check (not open or (plan_id is not null and plan is not null))
);
comment on table lakeferry.syncs is
  'Lakeferry: one row for each sync, the truth of what its target table holds. Do not change it by hand.';
comment on column lakeferry.syncs.revision is 'New at every change; a plan opens only under the revision it was made from.';
comment on column lakeferry.syncs.plan_id is 'The plan opened last.';
comment on column lakeferry.syncs.plan_committed_at is 'Commit time of the last version of that plan.';
comment on column lakeferry.syncs.open is 'Whether that plan may still write.';
comment on column lakeferry.syncs.through is 'The target equals the source at this commit version. Null until the first load is complete.';
comment on column lakeferry.syncs.through_committed_at is 'When the source committed that version.';
comment on column lakeferry.syncs.reach is 'Highest version of which rows may be in the target, since a plan up to it was opened.';
comment on column lakeferry.syncs.source_table_id is 'Delta''s id of the source table that the versions belong to.';
comment on column lakeferry.syncs.mapping_digest is 'Digest of the settings by which the rows were written.';
comment on column lakeferry.syncs.target_oid is 'The target table that the rows were written to; another oid is another table.';
comment on column lakeferry.syncs.rows_upserted is 'Rows inserted or changed by finished plans, ever.';
comment on column lakeferry.syncs.rows_deleted is 'Rows deleted by finished plans, ever.';
comment on column lakeferry.syncs.rows_rejected is 'Rows put aside by finished plans, ever.';
comment on column lakeferry.syncs.finished_at is 'When a plan was last finished.';

create table lakeferry.applied_slices (
  plan_id uuid not null,
  slice integer not null,
  sync text not null,
  upserted bigint not null default 0,
  deleted bigint not null default 0,
  rejected bigint not null default 0,
  applied_at timestamptz not null default now(),
  primary key (plan_id, slice)
);
comment on table lakeferry.applied_slices is
  'Lakeferry: the ledger. A slice of the open plan stands here if and only if its rows are in the target.';

create table lakeferry.rejected_rows (
  sync text not null,
  key jsonb not null,
  key_digest bytea not null,
  reason text not null,
  column_name text not null,
  version bigint not null,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  attempts bigint not null,
  primary key (sync, key_digest)
);
comment on table lakeferry.rejected_rows is
  'Lakeferry: source rows that the target could not hold and that were put aside. Holds their keys: grant with care.';
comment on column lakeferry.rejected_rows.key is 'Text of the key''s values, in key order.';
comment on column lakeferry.rejected_rows.key_digest is 'SHA-256 of the key: keys may be longer than an index entry.';
comment on column lakeferry.rejected_rows.column_name is 'The source column at fault.';
comment on column lakeferry.rejected_rows.version is 'Commit version of the newest change that was rejected.';
comment on column lakeferry.rejected_rows.attempts is 'How many changes of this key were rejected.';

create view lakeferry.freshness as
select
  s.sync,
  s.through,
  s.through_committed_at,
  now() - s.through_committed_at as lag,
  s.open,
  s.rows_upserted,
  s.rows_deleted,
  s.rows_rejected,
  (select count(*) from lakeferry.rejected_rows r where r.sync = s.sync) as rejected_keys,
  s.finished_at
from lakeferry.syncs s;
comment on view lakeferry.freshness is
  'Lakeferry: how fresh each target table is. Holds no row data: grant usage on the schema and select on this view to whoever wants to know.';
comment on column lakeferry.freshness.lag is
  'Age of the newest source commit in the target. It grows while the source makes no commit, too.';
comment on column lakeferry.freshness.open is 'Whether changes are being written at this moment.';
`,
  },
  {
    name: 'rejected rows that Postgres refused',
    sql: `
alter table lakeferry.rejected_rows
  alter column column_name drop not null,
  add column sqlstate text,
  add column constraint_name text;
comment on column lakeferry.rejected_rows.column_name is 'The source column at fault, where one is.';
comment on column lakeferry.rejected_rows.sqlstate is 'Where Postgres refused the row (reason "refused"): why.';
comment on column lakeferry.rejected_rows.constraint_name is 'The constraint or unique index that refused it, if one did.';
comment on column lakeferry.rejected_rows.version is
  'Commit version of the newest change that was rejected; of a row that Postgres refused, the last one of its window.';
`,
  },
  {
    name: 'slices in parts, approved deletes',
    sql: `
alter table lakeferry.applied_slices
  add column parts jsonb not null default '[]',
  add column rows_read bigint not null default 0,
  add column took_ms bigint not null default 0;
comment on table lakeferry.applied_slices is
  'Lakeferry: the ledger. A slice of the open plan, or a part of one, stands here if and only if its rows are in the target.';
comment on column lakeferry.applied_slices.parts is
  'What is applied of the slice: the key hashes that give "slice" modulo "of".';
alter table lakeferry.syncs add column approved_plan_id uuid;
comment on column lakeferry.syncs.approved_plan_id is
  'The plan that a person lets delete more rows than the configuration allows.';
comment on column lakeferry.applied_slices.rows_read is 'Lines that the source gave.';
comment on column lakeferry.applied_slices.took_ms is 'What its transactions took.';
`,
  },
];

/** Any constant will do as long as nobody else uses it: "lakeferr" as a number. */
const LOCK = 7_809_641_312_090_944_114n;

/**
 * Brings the `lakeferry` schema to this version's form, in one transaction. Of many at once, one does the work and
 * the others wait for it. A schema that is up to date needs no more rights than reading it.
 */
export async function migrate(tx: Transaction): Promise<void> {
  if ((await readVersion(tx)) === MIGRATIONS.length) return;
  await tx.query('select pg_catalog.pg_advisory_xact_lock($1)', [LOCK]);
  const before = await readVersion(tx);
  if (before === MIGRATIONS.length) return;
  if (before === undefined) await install(tx);
  for (const [at, { name, sql }] of MIGRATIONS.entries()) {
    if (at < (before ?? 0)) continue;
    await tx.query(sql);
    await tx.query('insert into lakeferry.migrations (version, name) values ($1, $2)', [at + 1, name]);
  }
  await tx.commit();
}

/** How the schema's form compares to this version's. */
export async function readSchemaForm(tx: Transaction): Promise<'missing' | 'older' | 'current' | 'newer'> {
  const version = await readInstalled(tx);
  if (version === undefined) return 'missing';
  if (version === MIGRATIONS.length) return 'current';
  return version < MIGRATIONS.length ? 'older' : 'newer';
}

/** Undefined when nothing is installed. Throws `target_incompatible` for a schema newer than this program. */
async function readVersion(tx: Transaction): Promise<number | undefined> {
  const version = await readInstalled(tx);
  if (version === undefined || version <= MIGRATIONS.length) return version;
  throw new SyncError(
    'target_incompatible',
    `The schema "lakeferry" of the database has form ${version}, and this version of Lakeferry knows forms up to ${MIGRATIONS.length}: install the newer one.`,
  );
}

async function readInstalled(tx: Transaction): Promise<number | undefined> {
  // Read from the catalog's tables: after a wait for a lock, to_regclass may still answer from an old cache.
  const table = await readTable(tx, { schema: 'lakeferry', table: 'migrations' });
  if (table === undefined) return undefined;
  const applied = await tx.query<{ readonly version: number }>(
    'select coalesce(max(version), 0)::int as version from lakeferry.migrations',
  );
  return applied.rows[0]?.version ?? 0;
}

async function install(tx: Transaction): Promise<void> {
  const schema = await tx.query("select from pg_catalog.pg_namespace where nspname = 'lakeferry'");
  // The comment is for its owner to make, who may be another where the schema was made for us.
  if (schema.count === 0) {
    await tx.query(`
create schema lakeferry;
comment on schema lakeferry is 'Lakeferry keeps tables equal to Delta tables; what it knows of them is here.'`);
  }
  await tx.query(`
create table lakeferry.migrations (
  version integer primary key,
  name text not null,
  applied_at timestamptz not null default now()
);
comment on table lakeferry.migrations is 'Lakeferry: the forms of this schema that were installed.'`);
}
