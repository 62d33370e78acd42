/** The guide's table, on both sides. Every row and value is made up from a number. */

export const SOURCE_SCHEMA = 'compare';
export const TARGET_SCHEMA = 'operational_data';

/** Columns that both opponents carry, with their Postgres types; the first is the key. */
export const COMPARED: readonly (readonly [name: string, type: string])[] = [
  ['customer_id', 'text'],
  ['full_name', 'text'],
  ['email', 'text'],
  ['segment', 'text'],
  ['last_purchase_date', 'timestamptz'],
  ['total_spend', 'numeric(10, 2)'],
  ['propensity_score', 'double precision'],
  ['created_at', 'timestamptz'],
];

/** Name of a source table in statements. */
export function sourceName(table: string): string {
  return `main.${SOURCE_SCHEMA}.${table}`;
}

export function createSource(table: string): string {
  return `create table ${sourceName(table)} (customer_id string not null, full_name string, email string,
    segment string, last_purchase_date timestamp, total_spend decimal(10, 2), propensity_score double,
    is_active boolean, created_at timestamp not null, updated_at timestamp not null)
    using delta tblproperties ('delta.enableChangeDataFeed' = 'true')`;
}

/** The guide's target; its MERGE needs `created_at`, which its own CREATE TABLE lacks. */
export function createTarget(table: string): string {
  return `create table ${TARGET_SCHEMA}.${table} (customer_id varchar(255) primary key, full_name text,
    email varchar(255) unique, segment varchar(100), last_purchase_date timestamptz, total_spend numeric(10, 2),
    propensity_score float, created_at timestamptz, updated_at timestamptz default now(), _commit_timestamp timestamp)`;
}

/** A select of the rows numbered `first` up to but without `end`. */
export function generatedRows(first: number, end: number): string {
  return `select concat('cust_', lpad(cast(id as string), 9, '0')), concat('Customer number ', id),
    concat('user', id, '@example.com'),
    case id % 4 when 0 then 'High Value' when 1 then 'New User' when 2 then 'Churn Risk' else 'Loyal Customer' end,
    timestamp'2024-01-01 00:00:00' + make_interval(0, 0, 0, 0, 0, 0, id + id % 1000 / 1000),
    cast(id % 100000 + id % 100 / 100 as decimal(10, 2)), (id % 1000) / 1000.0D, id % 7 <> 0,
    timestamp'2023-01-01 00:00:00' + make_interval(0, 0, 0, 0, 0, 0, id), timestamp'2024-06-01 00:00:00'
    from range(${first}, ${end}, 1, 2)`;
}

/** 60 % updates, 30 % inserts, 10 % deletes, in three commits on a table of the rows 0 to `rows`. */
export function mixedChanges(table: string, rows: number, changes: number): readonly string[] {
  const updates = Math.round(changes * 0.6);
  const inserts = Math.round(changes * 0.3);
  const deletes = changes - updates - inserts;
  const key = (row: number) => `'cust_${String(row).padStart(9, '0')}'`;
  const name = sourceName(table);
  return [
    `update ${name} set total_spend = total_spend + 1, segment = 'Loyal Customer' where customer_id < ${key(updates)}`,
    `insert into ${name} ${generatedRows(rows, rows + inserts)}`,
    `delete from ${name} where customer_id >= ${key(rows - deletes)} and customer_id < ${key(rows)}`,
  ];
}
