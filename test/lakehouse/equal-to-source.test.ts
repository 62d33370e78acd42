import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectEqualToSource, expectSyncedEqual } from '../support/equal-to-source.ts';
import { type Lake, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

/** The comparison that the other suites here rest on: it must not call equal what is not. */
let lake: Lake;

beforeAll(async () => {
  lake = await startLake();
  await lake.sql('create schema main.compared');
});
afterAll(() => lake?.close());

it('calls a target equal only if every value of every row is', async () => {
  const source = 'main.compared.items';
  const config = aSync(source, 'public.items', ['id']);
  await lake.sql(
    `create table ${source} (id int, t string, r float, d double, b binary, at timestamp, s struct<n:int>) using delta`,
  );
  await lake.sql(
    `insert into ${source}
     select 1, 'a', float('0.1'), double('-0.0'), X'00FF', timestamp'2024-02-29 12:34:56.123456', named_struct('n', int(null))
     union all select 2, null, float('NaN'), double('1e300'), null, null, null`,
  );
  await expectSyncedEqual(lake, config);
  const changes = [
    "set t = 'A' where id = 1",
    "set t = '' where id = 2",
    'set r = 0.10000001 where id = 1',
    'set d = 0 where id = 1',
    "set b = '\\x00fe' where id = 1",
    "set at = at + interval '1 microsecond' where id = 1",
    "set s = '{}' where id = 1",
    "set s = 'null' where id = 2",
    'set id = 3 where id = 2',
  ];
  for (const change of changes) {
    await lake.database.query('create table public.kept as table public.items');
    await lake.database.query(`update public.items ${change}`);
    await expect(expectEqualToSource(lake, config), change).rejects.toThrow();
    await lake.database.query('truncate public.items');
    await lake.database.query('insert into public.items table public.kept');
    await lake.database.query('drop table public.kept');
  }
  await expectEqualToSource(lake, config);
  await lake.database.query('delete from public.items where id = 2');
  await expect(expectEqualToSource(lake, config)).rejects.toThrow();
  await lake.database.query('alter table public.items drop column t');
  await expect(expectEqualToSource(lake, config)).rejects.toThrow();
});
