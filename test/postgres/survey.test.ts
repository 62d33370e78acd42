import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { freshDatabase } from '../support/postgres.ts';
import { type Fixture, mappingOf, openFixture, Sync, signal, snapshot } from './fixture.ts';

const MAPPING = mappingOf(['id bigint', 'name text']);
const SQL_OF_EVERYTHING = `
select array(select nspname::text from pg_namespace order by 1) as schemas,
       array(select relname::text from pg_class order by 1) as relations`;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

async function newRole(name: string, ...grants: readonly string[]) {
  await fixture.query(`create role ${name} login password 'secret'`);
  for (const grant of grants) await fixture.query(`${grant} to ${name}`);
  return fixture.targetAs(name, 'secret');
}

describe('a look at the target', () => {
  test('shows the row of a sync and its table, as a planner reads them', async () => {
    const sync = new Sync(fixture, MAPPING);
    await sync.load([['1', 'one']]);
    const look = await fixture.target.lookAt(sync.name, sync.table, sync.key, signal);
    expect(look).toEqual(await sync.state());
    expect(look.row.through).toBeDefined();
  });

  test('makes no row for a sync that was never seen', async () => {
    const sync = new Sync(fixture, MAPPING);
    const look = await fixture.target.lookAt(sync.name, sync.table, sync.key, signal);
    expect(look).toEqual({
      row: { revision: '', open: false, rowsUpserted: 0n, rowsDeleted: 0n, rowsRejected: 0n },
    });
    expect(await fixture.query('select from lakeferry.syncs where sync = $1', [sync.name])).toEqual([]);
  });

  test('is had from a schema that an earlier version made, too', async () => {
    const old = await openFixture();
    try {
      const sync = new Sync(old, MAPPING);
      await sync.load([['1', 'one']]);
      await old.query('alter table lakeferry.syncs drop column approved_plan_id');
      const { row } = await old.target.lookAt(sync.name, sync.table, sync.key, signal);
      expect(row).toMatchObject({ open: false, through: 0n });
      expect((await old.target.readRows(signal)).get(sync.name)).toEqual(row);
    } finally {
      await old.drop();
    }
  });

  test('needs no schema of ours, and leaves the database as it is', async () => {
    const empty = await freshDatabase();
    const target = openPostgresTarget({ url: empty.url, localProxy: empty.proxy.address });
    try {
      const before = await empty.query(SQL_OF_EVERYTHING);
      const table = { schema: 'app', table: 'fruit' };
      expect((await target.lookAt('fruit', table, ['id'], signal)).row.revision).toBe('');
      const check = await target.checkTable({ sync: 'fruit', target: table, mapping: MAPPING }, signal);
      expect(check.outcome).toBe('missing');
      expect(await target.readServer('direct', signal)).toMatchObject({
        schema: 'missing',
        missingGrants: [],
      });
      expect(await empty.query(SQL_OF_EVERYTHING)).toEqual(before);
      if (check.outcome === 'missing') for (const statement of check.statements) await empty.query(statement);
      expect(await target.checkTable({ sync: 'fruit', target: table, mapping: MAPPING }, signal)).toEqual({
        outcome: 'fits',
        untouched: [],
      });
    } finally {
      await target.close();
      await empty.drop();
    }
  });
});

describe('a check of the table', () => {
  const checkOf = (sync: Sync, target = fixture.target) =>
    target.checkTable({ sync: sync.name, target: sync.table, mapping: MAPPING }, signal);

  test('names what is not ours', async () => {
    const sync = new Sync(fixture, MAPPING);
    await fixture.query(`create table ${sync.qualified} (id bigint primary key, name text, note text)`);
    expect(await checkOf(sync)).toEqual({ outcome: 'fits', untouched: ['note'] });
  });

  test('names every misfit', async () => {
    const sync = new Sync(fixture, MAPPING);
    await fixture.query(`create table ${sync.qualified} (id bigint)`);
    const check = await checkOf(sync);
    expect(check).toMatchObject({
      outcome: 'unfit',
      problems: [
        expect.stringContaining('lacks the columns "name" text'),
        expect.stringContaining('no primary key'),
      ],
    });
  });

  test('gives the grant that a role lacks, on the table or to create it', async () => {
    const role = await newRole('checker');
    const there = new Sync(fixture, MAPPING);
    await fixture.query(`create table ${there.qualified} (id bigint primary key, name text)`);
    expect(await checkOf(there, role)).toEqual({
      outcome: 'forbidden',
      role: 'checker',
      rights: `select, insert, update, delete on public.${there.table.table}`,
      grant: `grant select, insert, update, delete on table ${there.qualified} to "checker";`,
      finding: { outcome: 'fits', untouched: [] },
    });
    const absent = new Sync(fixture, MAPPING);
    expect(await checkOf(absent, role)).toEqual({
      outcome: 'forbidden',
      role: 'checker',
      rights: 'usage, create on the schema public',
      grant: 'grant usage, create on schema "public" to "checker";',
      finding: await checkOf(absent),
    });
    const nowhere = new Sync(fixture, MAPPING, { schema: 'elsewhere', table: 'fruit' });
    expect(await checkOf(nowhere, role)).toEqual({
      outcome: 'forbidden',
      role: 'checker',
      rights: 'create on the database',
      grant: 'create schema "elsewhere"; grant usage, create on schema "elsewhere" to "checker";',
      finding: await checkOf(nowhere),
    });
    await fixture.query('create schema closed');
    const closed = new Sync(fixture, MAPPING, { schema: 'closed', table: 'fruit' });
    await fixture.query('create table closed.fruit (id bigint primary key, name text)');
    expect(await checkOf(closed, role)).toMatchObject({
      rights: 'usage on the schema closed and select, insert, update, delete on closed.fruit',
      grant:
        'grant usage on schema "closed" to "checker"; grant select, insert, update, delete on table "closed"."fruit" to "checker";',
    });
    for (const sync of [there, absent, nowhere, closed]) {
      const check = await checkOf(sync, role);
      if (check.outcome === 'forbidden') await fixture.query(check.grant);
      expect(['fits', 'missing']).toContain((await checkOf(sync, role)).outcome);
    }
    await role.close();
  });
});

describe('a table that is to be loaded', () => {
  const isFree = (sync: Sync) => fixture.target.isFreeToLoad(sync.name, sync.table, signal);

  test('is free while it is missing or empty, and not once it holds rows of somebody', async () => {
    const sync = new Sync(fixture, MAPPING);
    expect(await isFree(sync)).toBe(true);
    await sync.ensureTable();
    expect(await isFree(sync)).toBe(true);
    await fixture.query(`insert into ${sync.qualified} values (1, 'theirs')`);
    expect(await isFree(sync)).toBe(false);
  });

  test('is free while it holds nothing but what an unfinished load left', async () => {
    const sync = new Sync(fixture, MAPPING);
    await sync.ensureTable();
    const plan = await sync.opened(snapshot(0), { slices: 2 });
    await sync.apply(plan, [['1', 'one']]);
    expect(await isFree(sync)).toBe(true);
    expect(await sync.rows()).toHaveLength(1);
    await fixture.query(`insert into ${sync.qualified} values (2, 'theirs')`);
    expect(await isFree(sync)).toBe(false);
  });

  test('is not free when it is loaded, nor is another table of that name', async () => {
    const sync = new Sync(fixture, MAPPING);
    await sync.load([['1', 'one']]);
    expect(await isFree(sync)).toBe(false);
    const unfinished = new Sync(fixture, MAPPING);
    await unfinished.ensureTable();
    await unfinished.apply(await unfinished.opened(snapshot(0), { slices: 2 }), [['1', 'one']]);
    await fixture.query(
      `alter table ${unfinished.qualified} rename to gone_${unfinished.name};
       create table ${unfinished.qualified} as table public.gone_${unfinished.name}`,
    );
    expect(await isFree(unfinished)).toBe(false);
  });
});

describe('what the server tells', () => {
  test('is its version, its clock, its connections and the form of our schema', async () => {
    const facts = await fixture.target.readServer('pooled', signal);
    expect(facts).toMatchObject({ pooled: false, schema: 'current', missingGrants: [] });
    expect(facts.version).toMatch(new RegExp(`^${facts.majorVersion}\\.`));
    expect(facts.maxConnections).toBeGreaterThan(facts.reservedConnections);
    expect(facts.usedConnections).toBeGreaterThan(0);
    expect(Math.abs(facts.now - Date.now())).toBeLessThan(60_000);
  });

  test('is an older form before a migration ran, a newer one after a downgrade', async () => {
    const { query } = fixture;
    const formOf = async () => (await fixture.target.readServer('pooled', signal)).schema;
    await query('insert into lakeferry.migrations (version, name) values (999, $1)', ['of tomorrow']);
    expect(await formOf()).toBe('newer');
    await query('delete from lakeferry.migrations where version = 999');
    await query('update lakeferry.migrations set version = version - 100');
    expect(await formOf()).toBe('older');
    const role = await newRole(
      'guest',
      'grant usage, create on schema lakeferry',
      'grant select, insert, update, delete on all tables in schema lakeferry',
    );
    expect((await role.readServer('pooled', signal)).missingGrants).toContain(
      'alter table lakeferry."syncs" owner to "guest";',
    );
    await role.close();
    await query('update lakeferry.migrations set version = version + 100');
  });

  test('is what the role lacks to keep the schema, as statements that give it', async () => {
    const role = await newRole('keeper');
    const grants: string[] = [];
    for (;;) {
      const { missingGrants } = await role.readServer('pooled', signal);
      if (missingGrants.length === 0) break;
      grants.push(...missingGrants);
      for (const grant of missingGrants) await fixture.query(grant);
    }
    expect(grants).toEqual([
      'grant usage, create on schema lakeferry to "keeper";',
      'grant select, insert, update, delete on all tables in schema lakeferry to "keeper";',
    ]);
    await role.migrate(signal);
    await role.close();
  });

  test('is what makes the schema, for an owner of the database who is no superuser', async () => {
    const empty = await freshDatabase();
    await empty.query("create role maker login password 'secret'; create role warden");
    await empty.query(`alter database ${empty.name} owner to warden`);
    const url = new URL(empty.url);
    url.username = 'maker';
    url.password = 'secret';
    const target = openPostgresTarget({ url: url.href, localProxy: empty.proxy.address });
    try {
      const { missingGrants } = await target.readServer('direct', signal);
      expect(missingGrants).toEqual([
        'create schema lakeferry; grant usage, create on schema lakeferry to "maker";',
      ]);
      await empty.query(`set role warden; ${missingGrants[0]}; reset role`);
      expect((await target.readServer('direct', signal)).missingGrants).toEqual([]);
      await target.migrate(signal);
    } finally {
      await target.close();
      await empty.query(
        'drop owned by maker cascade; drop role maker; reassign owned by warden to current_user',
      );
      await empty.query('drop owned by warden; drop role warden');
      await empty.drop();
    }
  });
});
