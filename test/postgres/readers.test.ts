import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/plan/mapping.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { arrival, departure, type Fields } from '../support/pages.ts';
import {
  type Fixture,
  locksAreWaitedFor,
  mappingOf,
  openFixture,
  Sync,
  signal,
  snapshot,
  windowFrom,
} from './fixture.ts';

let fixture: Fixture;
let reader: pg.Client;
let holder: pg.Client;
beforeAll(async () => {
  fixture = await openFixture();
  [reader, holder] = [1, 2].map(() => new pg.Client({ connectionString: fixture.url })) as [
    pg.Client,
    pg.Client,
  ];
  await Promise.all([reader.connect(), holder.connect()]);
  await reader.query("set lock_timeout = '1ms'");
  await fixture.query(HOLD);
});
afterAll(async () => {
  await Promise.all([reader?.end(), holder?.end()]);
  await fixture?.drop();
});

/** A writer that has written its rows waits before it commits, while the holder has the lock. */
const HOLD = `
create function public.hold() returns trigger language plpgsql as
  $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
create trigger hold after update on lakeferry.applied_slices for each row
  when (new.parts <> old.parts) execute function public.hold()`;

async function betweenWriteAndCommit(
  sync: Sync,
  plan: Plan,
  lines: readonly Fields[],
  look: () => Promise<void>,
): Promise<void> {
  await holder.query('select pg_advisory_lock(1)');
  const applied = sync.apply(plan, lines);
  try {
    await Promise.race([locksAreWaitedFor(fixture), applied]);
    await look();
  } finally {
    await holder.query('select pg_advisory_unlock(1)');
  }
  expect(await applied).toMatchObject({ outcome: 'applied' });
}

/** Rows 1 to 4, in a table that `ddl` changed. */
async function loaded(ddl = '', settings: Partial<Mapping> = {}): Promise<Sync> {
  const sync = new Sync(fixture, mappingOf(['id integer', 'email text', 'n integer'], settings));
  await sync.load(BEFORE);
  if (ddl !== '') await fixture.query(ddl.replaceAll('$t', sync.qualified));
  return sync;
}

/** What a reader sees who would rather fail than wait for a lock. */
async function seenAtOnce(sync: Sync): Promise<readonly Fields[]> {
  await reader.query('select * from lakeferry.freshness');
  const { rows } = await reader.query<{ row: Fields }>(
    `select array[id::text, email, n::text] as row from ${sync.qualified} order by id`,
  );
  return rows.map(({ row }) => row);
}

const BEFORE: readonly Fields[] = ['a', 'b', 'c', 'd'].map((email, n) => [String(n + 1), email, '0']);
const UNIQUE = 'alter table $t add unique (email)';
const CHANGES = [arrival('1', 'A', '1'), arrival('5', 'e', '1'), departure(['2'], 3)];
const CHANGED: readonly Fields[] = [['1', 'A', '1'], ...BEFORE.slice(2), ['5', 'e', '1']];
const SWAP = [arrival('1', 'b', '1'), arrival('2', 'a', '1')];
const SWAPPED: readonly Fields[] = [['1', 'b', '1'], ['2', 'a', '1'], ...BEFORE.slice(2)];

describe.each([
  ['upserts and deletes', '', {}, CHANGES, CHANGED],
  ['values that are swapped', UNIQUE, {}, SWAP, SWAPPED],
  [
    'values that are swapped and cannot be parked',
    `${UNIQUE}; alter table $t alter email set not null`,
    {},
    SWAP,
    SWAPPED,
  ],
  [
    'rows of which one is put aside',
    'alter table $t add check (n < 9)',
    { rejectedRows: 'quarantine' },
    [...CHANGES, arrival('6', 'f', '9')],
    CHANGED,
  ],
] as const)('while a window of %s is applied', (_, ddl, settings, lines, after) => {
  test('readers see all that was before, at once, until they see all that is after', async () => {
    const sync = await loaded(ddl, settings);
    const plan = await sync.opened(windowFrom(0));
    await betweenWriteAndCommit(sync, plan, lines, async () => {
      expect(await seenAtOnce(sync)).toEqual(BEFORE);
      const locks = await locksOnTable(sync);
      expect(locks).toContain('RowExclusiveLock');
      expect(locks).not.toContain('AccessExclusiveLock');
    });
    expect(await seenAtOnce(sync)).toEqual(after);
    await sync.target.finish(plan, signal);
  });

  test('a reader who stays in a transaction keeps what was before, and nobody waits for it', async () => {
    const sync = await loaded(ddl, settings);
    await reader.query('begin isolation level repeatable read');
    try {
      expect(await seenAtOnce(sync)).toEqual(BEFORE);
      await sync.advance(0, lines);
      expect(await seenAtOnce(sync)).toEqual(BEFORE);
    } finally {
      await reader.query('rollback');
    }
    expect(await seenAtOnce(sync)).toEqual(after);
  });
});

test('a first load into a table that is there is read at once, too', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'email text', 'n integer']));
  await fixture.query(`create table ${sync.qualified} (id integer primary key, email text, n integer)`);
  await sync.ensureTable();
  const plan = await sync.opened(snapshot(0));
  await betweenWriteAndCommit(sync, plan, BEFORE, async () => expect(await seenAtOnce(sync)).toEqual([]));
  await sync.target.finish(plan, signal);
  expect(await seenAtOnce(sync)).toEqual(BEFORE);
});

async function locksOnTable(sync: Sync): Promise<readonly string[]> {
  const locks = await fixture.query<{ mode: string }>(
    'select distinct mode from pg_locks where relation = $1::regclass',
    [sync.qualified],
  );
  return locks.map(({ mode }) => mode);
}
