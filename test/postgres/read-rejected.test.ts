import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { freshDatabase } from '../support/postgres.ts';
import { type Fixture, openFixture, signal } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

const reject = (sync: string, key: string, seen: string, attempts: number) =>
  fixture.query(
    `insert into lakeferry.rejected_rows (sync, key, key_digest, reason, column_name, version, first_seen, last_seen, attempts)
     values ($1, $2::jsonb, sha256($2::text::bytea), 'nul_character', 'name', 9007199254740993, '2026-11-20Z', $3, $4)`,
    [sync, key, seen, attempts],
  );

test('rejected rows are read newest first, at most so many, with the totals of all of them', async () => {
  await reject('fruit', '["b", null]', '2026-11-21 10:00Z', 1);
  await reject('fruit', '["a", "1"]', '2026-11-21 12:00Z', 3);
  await reject('fruit', '["c", "1"]', '2026-11-21 11:00Z', 5);
  await reject('nuts', '["a", "1"]', '2026-11-21 13:00Z', 7);
  const read = await fixture.target.readRejected('fruit', 2, signal);
  expect(read).toMatchObject({ keys: 3n, attempts: 9n });
  expect(read.newest.map(({ key }) => key)).toEqual([
    ['a', '1'],
    ['c', '1'],
  ]);
  expect(read.newest[0]).toMatchObject({
    reason: 'nul_character',
    column: 'name',
    version: 9007199254740993n,
    firstSeen: Date.UTC(2026, 10, 20),
    lastSeen: Date.UTC(2026, 10, 21, 12),
    attempts: 3n,
  });
  expect((await fixture.target.readRejected('fruit', 9, signal)).newest[2]?.key).toEqual(['b', null]);
  expect(await fixture.target.countRejected(signal)).toEqual(
    new Map([
      ['fruit', 3n],
      ['nuts', 1n],
    ]),
  );
  expect(await fixture.target.readRejected('trees', 9, signal)).toEqual({
    keys: 0n,
    attempts: 0n,
    newest: [],
  });
});

test('where Postgres refused a row, it says by which SQLSTATE and constraint', async () => {
  await fixture.query('alter table lakeferry.rejected_rows add column if not exists sqlstate text');
  await fixture.query('alter table lakeferry.rejected_rows add column if not exists constraint_name text');
  await reject('checked', '["a"]', '2026-11-21Z', 1);
  const [before] = (await fixture.target.readRejected('checked', 1, signal)).newest;
  expect(before).not.toHaveProperty('sqlState');
  expect(before).not.toHaveProperty('constraint');
  await fixture.query(
    "update lakeferry.rejected_rows set sqlstate = '23514', constraint_name = 'positive' where sync = 'checked'",
  );
  const [after] = (await fixture.target.readRejected('checked', 1, signal)).newest;
  expect(after).toMatchObject({ sqlState: '23514', constraint: 'positive' });
});

test('a database that Lakeferry never wrote to has no rejected rows', async () => {
  const database = await freshDatabase();
  const target = openPostgresTarget({ url: database.url, localProxy: database.proxy.address });
  try {
    expect(await target.countRejected(signal)).toEqual(new Map());
    expect(await target.readRejected('fruit', 9, signal)).toEqual({ keys: 0n, attempts: 0n, newest: [] });
  } finally {
    await target.close();
    await database.drop();
  }
});
