import { inspect } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { arrival, type Fields } from '../support/pages.ts';
import { type Fixture, failureOf, mappingOf, openFixture, Sync, signal, windowFrom } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const SECRET = 'hidden';

/** Text of everything that a log could print of an error, its causes included. */
function everythingIn(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true });
}

describe('a row that Postgres refuses', () => {
  test.each([
    ['no number', 'value integer', '', 'hidden', '22P02', { column: 'value' }],
    ['a number out of range', 'value integer', '', '99999999999', '22003', { column: 'value' }],
    ['a numeric that overflows', 'value numeric(4,2)', '', '12345', '22003', { column: 'value' }],
    ['no date', 'value date', '', 'hidden', '22007', { column: 'value' }],
    ['a date out of range', 'value date', '', '2026-13-45', '22008', { column: 'value' }],
    ['no JSON', 'value jsonb', '', '{hidden', '22P02', { column: 'value' }],
    ['a text too long', 'value character varying(3)', '', 'hidden', '22001', { column: 'value' }],
    ['a NULL', 'value text', 'alter table $t alter value set not null', null, '23502', { column: 'value' }],
    [
      'a check',
      'value text',
      "alter table $t add constraint ck check (value <> 'hidden')",
      'hidden',
      '23514',
      { constraint: 'ck' },
    ],
    [
      'a foreign key',
      'value integer',
      'alter table $t add constraint fk foreign key (value) references $t (id)',
      '77777',
      '23503',
      { constraint: 'fk' },
    ],
    [
      'an exclusion',
      'value text',
      'alter table $t add constraint ex exclude using btree (value with =)',
      'taken',
      '23P01',
      { constraint: 'ex' },
    ],
    [
      'an index entry too large',
      'value text',
      'create index on $t (value)',
      `hidden${'x'.repeat(10)}`,
      '54000',
      {},
    ],
    [
      'a trigger',
      'value text',
      `create function public.refuse() returns trigger language plpgsql as 'begin raise exception ''no %'', new.value; end';
       create trigger refuse before insert on $t for each row execute function public.refuse()`,
      'hidden',
      'P0001',
      {},
    ],
  ])(
    'for %s is told by SQLSTATE and place, never by value',
    async (_, column, ddl, value, sqlState, place) => {
      const sync = new Sync(fixture, mappingOf(['id integer', column]));
      await sync.load(sqlState === '23P01' ? [['1', 'taken']] : []);
      if (ddl !== '') await fixture.query(ddl.replaceAll('$t', sync.qualified));
      // Only what does not compress is too large for an index.
      const text = sqlState === '54000' ? `${value}${incompressible(20_000)}` : value;

      const failure = await failureOf(sync.advance(0, [arrival('424242', text)]));

      expect(failure).toMatchObject({
        kind: 'row_rejected',
        fields: { sqlState, sync: sync.name, ...place },
      });
      for (const name of Object.values(place)) expect(failure.message).toContain(JSON.stringify(name));
      const told = everythingIn(failure);
      for (const secret of [SECRET, '424242', '99999999999', '12345', '77777', '13-45']) {
        expect(told).not.toContain(secret);
      }
      expect((await sync.state()).row).toMatchObject({ through: 0n, open: true });
    },
  );

  test.each([
    ['too few fields', [arrival('1')]],
    ['too many fields', [arrival('1', 'a', `a, line 1, column ${SECRET}: x`)]],
  ] satisfies [string, Fields[]][])('with %s is a fault of ours', async (_, lines) => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([]);
    const failure = await failureOf(sync.advance(0, lines));
    expect(failure).toMatchObject({ kind: 'internal', fields: { sqlState: '22P04' } });
    expect(everythingIn(failure)).not.toContain(SECRET);
  });

  test('for a key that comes twice in a window is the source’s fault', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([['1', 'a']]);
    for (const id of ['1', '2']) {
      const plan = await sync.opened(windowFrom(0));
      const failure = await failureOf(sync.apply(plan, [arrival(id, 'b'), arrival(id, 'c')]));
      expect(failure.kind).toBe('duplicate_source_key');
    }
  });
});

describe('a target', () => {
  test('that changed its columns since is incompatible, by name', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    await fixture.query(`alter table ${sync.qualified} rename name to title`);
    const failure = await failureOf(sync.apply(plan, [arrival('1', 'a')]));
    expect(failure).toMatchObject({ kind: 'target_incompatible', fields: { sqlState: '42703' } });
    expect(failure.message).toContain('name');
  });

  test('that lost its key index is incompatible', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    await fixture.query(`alter table ${sync.qualified} drop constraint ${sync.name}_pkey`);
    expect((await failureOf(sync.apply(plan, [arrival('1', 'a')]))).kind).toBe('target_incompatible');
  });

  test('whose rows are hidden by row security is refused, not taken for empty', async () => {
    const role = `hidden_${fixture.name}`;
    await fixture.query(`create role ${role} login password 'secret'`);
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.ensureTable();
    await fixture.query(`
      insert into ${sync.qualified} values (1, 'theirs');
      alter table ${sync.qualified} enable row level security;
      grant all on ${sync.qualified} to ${role};
      grant usage on schema lakeferry to ${role};
      grant all on all tables in schema lakeferry to ${role}`);
    const target = fixture.targetAs(role, 'secret');
    const failure = await failureOf(target.readState(sync.name, sync.table, sync.key, signal));
    await target.close();
    expect(failure).toMatchObject({ kind: 'target_permission', fields: { sqlState: '42501' } });
    await fixture.query(`drop owned by ${role}`);
    await fixture.query(`drop role ${role}`);
  });

  test('that is locked by somebody is busy', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text']));
    await sync.load([]);
    const plan = await sync.opened(windowFrom(0));
    const target = fixture.limitedTarget({ lockMs: 50 });
    const apply = () =>
      target.apply(
        { plan, slice: 0, of: 1 },
        async function* () {},
        async () => {
          throw new Error('The table was not locked.');
        },
        signal,
      );
    const failure = await whileLocked(sync.qualified, () => failureOf(apply()));
    await target.close();
    expect(failure).toMatchObject({ kind: 'target_busy', fields: { sqlState: '55P03' } });
  });
});

describe('a connection', () => {
  const kindOf = async (connection: Parameters<typeof openPostgresTarget>[0]) => {
    const target = openPostgresTarget(connection);
    const failure = await failureOf(target.migrate(signal));
    await target.close();
    expect(everythingIn(failure)).not.toContain('pa55word');
    return failure.kind;
  };
  const url = (change: (url: URL) => void) => {
    const changed = new URL(fixture.url);
    change(changed);
    return changed.href;
  };

  test('with a wrong password is unauthorized', async () => {
    const wrong = url((to) => {
      to.password = 'pa55word';
    });
    expect(await kindOf({ ...fixture.connection, url: wrong })).toBe('target_unauthorized');
  });

  test('to a database that is not there says so', async () => {
    const elsewhere = url((to) => {
      to.pathname = '/nowhere';
    });
    expect(await kindOf({ ...fixture.connection, url: elsewhere })).toBe('target_missing');
  });

  test('that cannot be made is unavailable', async () => {
    expect(await kindOf({ ...fixture.connection, localProxy: '127.0.0.1:1' })).toBe('target_unavailable');
    fixture.proxy.faults.refuseConnections(1);
    expect(await kindOf(fixture.connection)).toBe('target_unavailable');
  });

  test('with a URL that is none is refused without telling it', async () => {
    expect(await kindOf({ url: 'postgresql://me:pa55word@[nowhere/db' })).toBe('config_invalid');
  });
});

/** Runs the work while another session holds the strongest lock on the table. */
async function whileLocked<T>(table: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client(fixture.url);
  await client.connect();
  await client.query(`begin; lock table ${table}`);
  try {
    return await work();
  } finally {
    await client.end();
  }
}

function incompressible(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(0x4e00 + (state % 20_000));
  }).join('');
}
