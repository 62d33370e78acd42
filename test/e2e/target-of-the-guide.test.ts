import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lake, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

let lake: Lake;

beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake?.close());

it("loads and follows into a table of the guide's own types, constraints and extra columns", async () => {
  const source = 'main.default.customers';
  await lake.sql(
    `create table ${source} (customer_id string not null, email string, last_purchase_date timestamp,
      total_spend decimal(10,2), propensity_score double, is_active boolean) using delta`,
  );
  await lake.sql(
    `insert into ${source} values
      ('cust_001', 'alice@example.com', timestamp'2024-02-29 12:34:56.123456', 250.75, 0.85, true),
      ('cust_002', 'bob@example.com', null, null, cast('NaN' as double), null)`,
  );
  await lake.database.query('create schema operational_data');
  await lake.database.query(
    `create table operational_data.customers (customer_id varchar(255) primary key, email varchar(255) unique,
      last_purchase_date timestamp with time zone, total_spend numeric(10, 2), propensity_score float,
      updated_at timestamp with time zone default now(), _commit_timestamp timestamp)`,
  );
  const config = aSync(source, 'operational_data.customers', ['customer_id'], {
    columns: { exclude: ['is_active'], rename: {}, types: {} },
    metadata: { commitTimestamp: '_commit_timestamp' },
  });
  expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });

  // The freed address goes to another row in one window: departures come first.
  await lake.sql(
    `update ${source} set customer_id = 'cust_100', total_spend = 1 where customer_id = 'cust_001'`,
  );
  await lake.sql(`delete from ${source} where customer_id = 'cust_002'`);
  await lake.sql(`insert into ${source} values ('cust_003', 'bob@example.com', null, 5, 0.5, true)`);
  expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });

  const [latest] = await lake.sql(`describe history ${source} limit 1`);
  const rows = await lake.database.query(
    `select customer_id, email, last_purchase_date::text as bought, total_spend::text as spend,
       updated_at is not null as kept, _commit_timestamp::text as committed
     from operational_data.customers order by 1`,
  );
  if (!latest) throw new Error('the table has no history');
  const committed = (latest['timestamp'] as Date).toISOString().replace('T', ' ').replace('Z', '');
  expect(rows).toEqual([
    {
      customer_id: 'cust_003',
      email: 'bob@example.com',
      bought: null,
      spend: '5.00',
      kept: true,
      committed: expect.stringMatching(new RegExp(`^${committed.slice(0, 19)}`)),
    },
    {
      customer_id: 'cust_100',
      email: 'alice@example.com',
      bought: '2024-02-29 12:34:56.123456+00',
      spend: '1.00',
      kept: true,
      committed: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/),
    },
  ]);
});
