import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrival, departure, type Fields } from '../support/pages.ts';
import { type Fixture, mappingOf, openFixture, Sync, snapshot } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

/** Rows that refer to others by `boss`; one with a negative `n` is refused. */
async function staff(rows: readonly Fields[], maxRejectedRows = 1_000): Promise<Sync> {
  const mapping = mappingOf(['id integer', 'boss integer', 'n integer'], {
    rejectedRows: 'quarantine',
    maxRejectedRows,
  });
  const sync = new Sync(fixture, mapping);
  await sync.load(rows);
  await fixture.query(
    `alter table ${sync.qualified} add constraint boss foreign key (boss) references ${sync.qualified}, add check (n >= 0)`,
  );
  return sync;
}

const BAD = arrival('99', null, '-1');
const ids = async (sync: Sync) => (await sync.rows(['id'])).flat();

async function rejectedKeys(sync: Sync) {
  const rows = await fixture.query<{ id: string }>(
    'select key ->> 0 as id from lakeferry.rejected_rows where sync = $1 order by (key ->> 0)::int',
    [sync.name],
  );
  return rows.map(({ id }) => id);
}

test('a table that refers to itself is told from others', async () => {
  const sync = new Sync(fixture, mappingOf(['id integer', 'boss integer']));
  await sync.ensureTable();
  await fixture.query(
    `create table public.others (id integer primary key, one integer references ${sync.qualified})`,
  );
  await fixture.query(`alter table ${sync.qualified} add foreign key (boss) references public.others`);
  expect((await sync.state()).table?.refersToItself).toBe(false);
  await fixture.query(`alter table ${sync.qualified} add foreign key (boss) references ${sync.qualified}`);
  expect((await sync.state()).table?.refersToItself).toBe(true);
});

describe('rows of one chunk that refer to each other', () => {
  test.each([
    ['a row before the one it refers to', [arrival('1', '5', '0'), arrival('5', null, '0')], ['1', '5']],
    ['two that refer to each other', [arrival('1', '6', '0'), arrival('6', '1', '0')], ['1', '6']],
    ['one that refers to itself', [arrival('4', '4', '0')], ['4']],
  ])('are written though another row is refused: %s', async (_, lines, expected) => {
    const sync = await staff([]);
    await sync.advance(0, [...lines, arrival('2', null, '0'), arrival('3', null, '0'), BAD]);
    expect(await ids(sync)).toEqual([...expected, '2', '3'].toSorted());
    expect(await rejectedKeys(sync)).toEqual(['99']);
  });

  test('are written however long their chain is and however few may be rejected', async () => {
    const sync = await staff([], 2);
    const chain = Array.from({ length: 200 }, (_, id) =>
      arrival(String(id), id === 199 ? null : String(id + 1), '0'),
    );
    await sync.advance(0, [...chain, arrival('500', '501', '0'), arrival('501', null, '-1')]);
    expect(await ids(sync)).toHaveLength(200);
    expect(await rejectedKeys(sync)).toEqual(['500', '501']);
  });

  test('are written by a first load', async () => {
    const sync = await staff([]);
    await fixture.query(`drop table ${sync.qualified}`);
    await sync.ensureTable();
    await fixture.query(
      `alter table ${sync.qualified} add foreign key (boss) references ${sync.qualified}, add check (n >= 0)`,
    );
    const plan = await sync.opened(snapshot(1));
    await sync.apply(plan, [
      ['1', '6', '0'],
      ['2', '5', '0'],
      ['5', null, '0'],
      ['6', '1', '0'],
      ['7', '8', '0'],
      ['8', null, '-1'],
    ]);
    expect(await ids(sync)).toEqual(['1', '2', '5', '6']);
    expect(await rejectedKeys(sync)).toEqual(['7', '8']);
  });

  test('that are there already do not hold each other back', async () => {
    const sync = await staff([
      ['1', null, '0'],
      ['2', '1', '0'],
    ]);
    await fixture.query(`update ${sync.qualified} set boss = 2 where id = 1`);
    await sync.advance(0, [arrival('1', '2', '-1'), arrival('2', '1', '7')]);
    expect(await sync.rows()).toEqual([
      ['1', '2', '0'],
      ['2', '1', '7'],
    ]);
    expect(await rejectedKeys(sync)).toEqual(['1']);
  });

  test('depart together, in whatever order their keys are', async () => {
    const chain = Array.from(
      { length: 40 },
      (_, id): Fields => [String(id), id === 0 ? null : String(id - 1), '0'],
    );
    const sync = await staff([...chain, ['90', null, '0']], 2);
    await fixture.query(`create table public.kept (row integer references ${sync.qualified})`);
    await fixture.query('insert into public.kept values (90)');
    await sync.advance(
      0,
      [...chain, ['90']].map(([id = null]) => departure([id], 3)),
    );
    expect(await ids(sync)).toEqual(['90']);
    expect(await rejectedKeys(sync)).toEqual(['90']);
  });

  test('depart once the rows that referred to them refer to others', async () => {
    const sync = await staff([
      ['1', null, '0'],
      ['2', '1', '0'],
      ['3', null, '0'],
    ]);
    await fixture.query(`create unique index on ${sync.qualified} (n) where n > 0`);
    await fixture.query(`update ${sync.qualified} set n = 5 where id = 1`);
    // 4 takes the value that 1 frees, and 1 departs only once 2 has left it.
    await sync.advance(0, [departure(['1'], 3), arrival('2', '3', '0'), arrival('4', null, '5'), BAD]);
    expect(await sync.rows()).toEqual([
      ['2', '3', '0'],
      ['3', null, '0'],
      ['4', null, '5'],
    ]);
    expect(await rejectedKeys(sync)).toEqual(['99']);
  });
});
