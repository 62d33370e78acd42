import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Clinic, NEON_SECRET, PASSWORD, type Planted, TOKEN_SECRET, wrong } from '../support/doctor.ts';

let clinic: Clinic;

beforeAll(async () => {
  clinic = await Clinic.open();
});
beforeEach(() => clinic.heal());
afterAll(() => clinic?.close());

const FAULTS: Readonly<Record<string, Planted>> = {
  'a table that is not there': {
    plant: () => clinic.withTable('main.shop.gone', 'id'),
    finds: { area: 'databricks', check: 'table', subject: 'main.shop.gone', text: /does not exist/ },
    fix: /You: .*Correct syncs\.more\.source/,
  },
  'a table that the principal may not read': {
    plant: async () => {
      const error = { errorClass: 'INSUFFICIENT_PERMISSIONS', sqlState: '42501', message: 'no SELECT' };
      clinic.cli.stack.faults.add({
        on: 'execute',
        match: /^describe detail/,
        times: 1_000,
        fault: { kind: 'error', ...error },
      });
    },
    finds: { area: 'databricks', check: 'table', subject: 'main.shop.fruit', text: /may not read/ },
    fix: /owner of main\.shop\.fruit.*grant use catalog on catalog `main` to `local`;.*grant select on table `main`\.`shop`\.`fruit` to `local`;/,
  },
  'a change feed that is off': {
    plant: async () => {
      await clinic.sql(
        'create table main.shop.quiet (id int) tblproperties (delta.enableChangeDataFeed = false)',
      );
      await clinic.withTable('main.shop.quiet', 'id');
    },
    finds: { area: 'databricks', check: 'change feed', subject: 'main.shop.quiet', text: /is off/ },
    fix: /owner of main\.shop\.quiet.*alter table .* set tblproperties/,
    heals: (statement) => clinic.sql(statement),
  },
  'changes that are kept for a day': {
    plant: async () => {
      await clinic.sql(
        "create table main.shop.brief (id int) tblproperties (delta.deletedFileRetentionDuration = 'interval 24 hours')",
      );
      await clinic.withTable('main.shop.brief', 'id');
    },
    finds: { area: 'databricks', check: 'retention', subject: 'main.shop.brief', text: /kept for 1 day:/ },
    fix: /deletedFileRetentionDuration/,
    heals: (statement) => clinic.sql(statement),
  },
  'a key that is none': {
    plant: () => clinic.withSync('primaryKey: kind'),
    finds: {
      area: 'databricks',
      check: 'key',
      subject: 'main.shop.fruit',
      text: /^1 key \(kind\) with more than one row/,
    },
    fix: /syncs\.fruit\.primaryKey/,
  },
  'a key column that is not there': {
    plant: () => clinic.withSync('primaryKey: number'),
    finds: { area: 'databricks', check: 'columns', subject: 'main.shop.fruit', text: /has no column number/ },
    fix: /column names of syncs\.fruit/,
  },
  'a type that does not fit': {
    plant: () => clinic.withSync('primaryKey: id, columns: { types: { name: integer } }'),
    finds: {
      area: 'databricks',
      check: 'columns',
      subject: 'main.shop.fruit',
      text: /does not fit the type integer/,
    },
    fix: /syncs\.fruit\.columns\.types/,
  },
  'a filter that the warehouse does not understand': {
    plant: () => clinic.withSync('primaryKey: id, where: colour = 1'),
    finds: { area: 'databricks', check: 'key', subject: 'main.shop.fruit', text: /refused the query/ },
    fix: /column names of syncs\.fruit/,
  },
  'a token that is not valid': {
    plant: async () => {
      clinic.deployed.secrets.set(TOKEN_SECRET, JSON.stringify({ token: PASSWORD }));
    },
    finds: { area: 'databricks', check: 'answer', subject: 'warehouse', text: /refused the credentials/ },
    fix: /workspace admin.*CAN USE/,
  },
  'a password that is wrong': {
    plant: async () => {
      const url = new URL(clinic.cli.stack.info.postgres);
      url.password = PASSWORD;
      clinic.deployed.secrets.set(NEON_SECRET, JSON.stringify({ url: url.href }));
    },
    finds: { area: 'neon', check: 'answer', subject: 'server', text: /refused/ },
    fix: /password of NEON_URL/,
  },
  'a direct host of another role': {
    plant: async () => {
      const undo = await clinic.connectAs('other');
      const { url } = JSON.parse(clinic.deployed.secrets.get(NEON_SECRET) as string);
      const both = { url: clinic.cli.stack.info.postgres, directUrl: url };
      clinic.deployed.secrets.set(NEON_SECRET, JSON.stringify(both));
      return undo;
    },
    finds: { area: 'neon', check: 'direct host', subject: 'server', text: /as other/ },
    fix: /the same database and the same role/,
  },
  'a role that may not make our schema': {
    plant: async () => {
      const undo = await clinic.connectAs('maker', ['grant create on schema public']);
      return async () => {
        await undo();
        await clinic.postgres.query('drop schema if exists lakeferry, shop cascade');
      };
    },
    finds: { area: 'neon', check: 'schema lakeferry', subject: 'role maker', text: /may not create/ },
    fix: /owner of the database.*create schema lakeferry; grant .* to "maker";/,
    heals: async (statement) => {
      await clinic.postgres.query(statement);
    },
  },
  'a target table that the role may not write': {
    plant: async () => {
      await clinic.postgres.query(
        'create schema lakeferry_shop; create table lakeferry_shop.fruit (id bigint primary key)',
      );
      const undo = await clinic.connectAs('guest', [
        'grant create on database app',
        'grant usage on schema lakeferry_shop',
      ]);
      await clinic.tellOfDeployment(
        clinic.healthy.replace(
          'target: shop.fruit, primaryKey: id',
          'target: lakeferry_shop.fruit, primaryKey: id, columns: { include: [id] }',
        ),
      );
      return async () => {
        await undo();
        await clinic.postgres.query('drop schema lakeferry_shop cascade');
      };
    },
    finds: { area: 'neon', check: 'grants', subject: 'lakeferry_shop.fruit', text: /lacks rights/ },
    fix: /grant select, insert, update, delete on table "lakeferry_shop"."fruit" to "guest";/,
    heals: (statement) => clinic.postgres.query(statement),
  },
  'a target table that does not fit': {
    plant: async () => {
      await clinic.postgres.query('create schema shop; create table shop.fruit (id bigint, name text)');
      return () => clinic.postgres.query('drop schema shop cascade').then(() => undefined);
    },
    finds: {
      area: 'neon',
      check: 'table',
      subject: 'shop.fruit',
      text: /lacks the columns "kind".*no primary key/,
    },
    fix: /Change shop\.fruit accordingly/,
  },
  'rows of others in the target': {
    plant: async () => {
      await clinic.postgres.query(
        `create schema shop; create table shop.fruit (id bigint primary key, name text, kind text); insert into shop.fruit values (7, 'a', '${PASSWORD}')`,
      );
      return () => clinic.postgres.query('drop schema shop cascade').then(() => undefined);
    },
    finds: { area: 'neon', check: 'rows', subject: 'shop.fruit', text: /did not write/ },
    fix: /Empty shop\.fruit/,
  },
  'more writers than connections': {
    plant: () => clinic.withSync('primaryKey: id, maxWriters: 100'),
    finds: {
      area: 'neon',
      check: 'max_connections',
      subject: 'connections',
      text: /^100 writers and 1 planner at most, of \d+/,
    },
    fix: /Lower maxWriters/,
  },
};

describe('a planted fault is found, and its fix named:', () => {
  it.each(Object.entries(FAULTS))('%s', (_, fault) => clinic.expectFound(fault));
});

it('takes rows without a key for a problem only where they are not put aside', async () => {
  await clinic.sql('create table main.shop.holes as select 1 as id union all select null');
  await clinic.withTable('main.shop.holes', 'id');
  const halting = await clinic.examine();
  expect(wrong(halting)).toEqual([
    expect.objectContaining({
      subject: 'main.shop.holes',
      verdict: 'problem',
      text: '1 row with NULL in the key (id), at which the sync will halt',
      fix: expect.objectContaining({ advice: expect.stringContaining('rejectedRows: quarantine') }),
    }),
  ]);
  expect(halting.code).toBe(3);
  await clinic.withTable('main.shop.holes', 'id, rejectedRows: quarantine');
  const aside = await clinic.examine();
  expect(wrong(aside)).toEqual([
    expect.objectContaining({
      subject: 'main.shop.holes',
      verdict: 'note',
      text: '1 row with NULL in the key (id), put aside by rejectedRows: quarantine',
      fix: null,
    }),
  ]);
  expect(aside.code).toBe(0);
});

it('counts the writers of every sync, whichever it is asked about', async () => {
  const more = '  more: { source: main.shop.more, target: shop.more, primaryKey: id, maxWriters: 100 }\n';
  await clinic.tellOfDeployment(clinic.healthy + more);
  const found = await clinic.examine('fruit');
  expect(wrong(found).map(({ subject, text }) => `${subject}: ${text.replace(/, of .*/, '')}`)).toEqual([
    'connections: 104 writers and 2 planners at most',
  ]);
});

it('names what ties the rows of a table together, and what to do where that is too slow', async () => {
  await clinic.postgres.query(`create schema shop; create table shop.fruit (
    id bigint primary key, name text unique, kind text, parent bigint references shop.fruit)`);
  try {
    const notes = wrong(await clinic.examine());
    expect(notes.map(({ check, verdict }) => `${check}: ${verdict}`)).toEqual([
      'unique: note',
      'foreign key: note',
    ]);
    for (const { fix } of notes) expect(fix?.advice).toContain('shop.fruit');
  } finally {
    await clinic.postgres.query('drop schema shop cascade');
  }
});

it('what cannot be looked at is said of the tables when the warehouse does not answer, and of nothing else', async () => {
  clinic.deployed.secrets.set(TOKEN_SECRET, JSON.stringify({ token: 'wrong' }));
  const found = await clinic.examine();
  expect(wrong(found).map(({ subject, verdict }) => `${subject}: ${verdict}`)).toEqual([
    'warehouse: problem',
    'main.shop.fruit: unchecked',
    'shop.fruit: unchecked',
  ]);
  expect(await clinic.screen()).toContain('Not checked: main.shop.fruit (table), shop.fruit (table).');
});
