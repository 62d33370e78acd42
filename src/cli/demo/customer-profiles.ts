import { parseConfig } from '../../config/parse-config.ts';
import { formatCount, formatNumber } from '../quantity.ts';

/** The guide's table, its six rows and a sync of it: what `lakeferry.yaml` ships with, too. */

export const SOURCE = 'hive_metastore.operational_source_data.customer_profiles_delta';
export const TARGET = 'operational_data.customer_profiles';

export const DEMO_CONFIG = parseConfig(
  `
connections:
  databricks: {}
  neon: {}
syncs:
  customer_profiles:
    source: ${SOURCE}
    target: ${TARGET}
    primaryKey: customer_id
    maxChunkRows: 50000
    maxWriters: 2
    metadata: { commitTimestamp: _commit_timestamp, syncedAt: _synced_at }
`,
  'the demo',
);

export const SYNC = 'customer_profiles';

export const CREATE_TABLE: readonly string[] = [
  'create schema if not exists hive_metastore.operational_source_data',
  `create table ${SOURCE} (
  customer_id string not null comment 'Key of the customer',
  full_name string comment 'Name as the customer writes it',
  email string comment 'Where mail goes',
  segment string comment 'Group that marketing put the customer in',
  last_purchase_date timestamp comment 'When the customer last bought something',
  total_spend decimal(10, 2) comment 'Sum of all purchases',
  propensity_score double comment 'How likely a purchase or a departure is',
  is_active boolean comment 'Whether the account is in use',
  created_at timestamp not null default current_timestamp() comment 'When the record was made',
  updated_at timestamp not null default current_timestamp() comment 'When the record last changed'
)
using delta
tblproperties ('delta.enableChangeDataFeed' = 'true', 'delta.feature.allowColumnDefaults' = 'enabled')`,
];

const ago = (days: number) => `current_timestamp() - interval '${days}' days`;

type Customer = readonly [
  id: string,
  name: string,
  mail: string,
  segment: string,
  purchased: number,
  spend: string,
  score: string,
  active: boolean,
  created: number,
  updated: number,
];

const SIX: readonly Customer[] = [
  ['cust_001', 'Alice Wonderland', 'alice.wonder', 'High Value', 10, '250.75', '0.85', true, 90, 10],
  ['cust_002', 'Bob The Builder', 'bob.builder', 'New User', 2, '50.20', '0.65', true, 5, 2],
  ['cust_003', 'Charlie Chaplin', 'charlie.chap', 'Churn Risk', 120, '800.00', '0.23', true, 365, 60],
  ['cust_004', 'Diana Prince', 'diana.prince', 'Loyal Customer', 5, '1250.50', '0.92', true, 180, 5],
  ['cust_005', 'Edward Scissorhands', 'ed.hands', 'Inactive', 400, '150.00', '0.10', false, 500, 300],
  ['cust_006', 'Fiona Gallagher', 'fiona.g', 'High Value', 1, '320.00', '0.78', true, 30, 1],
];

function insert(customers: readonly Customer[]): string {
  const rows = customers.map(
    ([id, name, mail, segment, purchased, spend, score, active, created, updated]) =>
      `('${id}', '${name}', '${mail}@example.com', '${segment}', ${ago(purchased)}, ${spend}, ${score}, ${active}, ${ago(created)}, ${ago(updated)})`,
  );
  return `insert into ${SOURCE}
(customer_id, full_name, email, segment, last_purchase_date, total_spend, propensity_score, is_active, created_at, updated_at)
values
${rows.join(',\n')}`;
}

export const INSERT_SIX = insert(SIX);

/** One commit each, with what a person reads of it. */
export const CHANGES: readonly { readonly says: string; readonly statement: string }[] = [
  {
    says: 'cust_007 is new',
    statement: insert([['cust_007', 'Grace Hopper', 'grace.h', 'New User', 0, '19.99', '0.71', true, 0, 0]]),
  },
  {
    says: 'cust_002 buys something',
    statement: `update ${SOURCE} set total_spend = total_spend + 120, last_purchase_date = current_timestamp(), updated_at = current_timestamp() where customer_id = 'cust_002'`,
  },
  {
    says: 'cust_002 again: now a loyal customer',
    statement: `update ${SOURCE} set segment = 'Loyal Customer', updated_at = current_timestamp() where customer_id = 'cust_002'`,
  },
  { says: 'cust_005 is deleted', statement: `delete from ${SOURCE} where customer_id = 'cust_005'` },
  {
    says: 'cust_003 gets another key, cust_303',
    statement: `update ${SOURCE} set customer_id = 'cust_303', updated_at = current_timestamp() where customer_id = 'cust_003'`,
  },
];

/** For `--keep`: a change to try by hand. */
export const TRY_STATEMENT = `update ${SOURCE} set segment = 'Churn Risk' where customer_id = 'cust_001'`;

/** One insert of `rows` generated customers. */
export function insertGenerated(rows: number): string {
  return `insert into ${SOURCE} ${generated(`range(${rows})`, 'id')}`;
}

/** About `changes` changes in four commits: 60 % updates, 30 % inserts, 10 % deletes, and a few keys that move. */
export function generatedChanges(
  rows: number,
  changes: number,
): readonly { readonly says: string; readonly statement: string }[] {
  const updates = Math.min(rows, Math.round(changes * 0.6));
  const inserts = Math.round(changes * 0.3);
  const deletes = Math.min(rows - updates, Math.max(0, changes - updates - inserts));
  const numbers = `cast(substring(customer_id, 6) as bigint)`;
  const moved = Math.min(5, updates);
  return [
    {
      says: `${formatCount(updates)} updated`,
      statement: `update ${SOURCE} set total_spend = total_spend + 1, updated_at = current_timestamp() where ${numbers} < ${updates}`,
    },
    {
      says: `${formatCount(inserts)} inserted`,
      statement: `insert into ${SOURCE} ${generated(`range(${inserts})`, `id + ${rows}`)}`,
    },
    {
      says: `${formatCount(deletes)} deleted`,
      statement: `delete from ${SOURCE} where ${numbers} >= ${rows - deletes} and ${numbers} < ${rows}`,
    },
    {
      says: `${formatNumber(moved, 'key')} moved`,
      statement: `update ${SOURCE} set customer_id = concat(customer_id, '_moved') where ${numbers} < ${moved}`,
    },
  ];
}

function generated(from: string, number: string): string {
  return `select
  concat('cust_', lpad(cast(${number} as string), 9, '0')),
  concat('Customer ', cast(${number} as string)),
  concat('customer', cast(${number} as string), '@example.com'),
  case (${number}) % 4 when 0 then 'High Value' when 1 then 'New User' when 2 then 'Loyal Customer' else 'Inactive' end,
  timestamp'2024-01-01 00:00:00' + interval '1' second * (${number}),
  cast((${number}) % 100000 as decimal(10, 2)),
  ((${number}) % 1000) / 1000.0,
  (${number}) % 7 <> 0,
  timestamp'2023-01-01 00:00:00' + interval '1' second * (${number}),
  timestamp'2024-01-01 00:00:00' + interval '1' second * (${number})
from ${from}`;
}
