import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, mappingOf, openFixture, Sync } from '../postgres/fixture.ts';
import { arrival, departure, type Fields } from '../support/pages.ts';

let fixture: Fixture;
let sync: Sync;
let through = 0;
beforeAll(async () => {
  fixture = await openFixture();
  const columns = ['id integer', 'email text', 'code uuid', 'n integer', 'boss integer'];
  sync = new Sync(fixture, mappingOf(columns, { rejectedRows: 'quarantine' }));
  await sync.load([]);
  await fixture.query(`
    alter table ${sync.qualified} alter n set not null, add unique (email), add check (n >= 0);
    alter table ${sync.qualified} add foreign key (boss) references ${sync.qualified};
    create table public.children (parent integer references ${sync.qualified})`);
});
afterAll(() => fixture.drop());

interface Row {
  readonly id: number;
  readonly email: string | null;
  readonly boss: number | null;
}
interface Arrival extends Row {
  readonly flaw: 'none' | 'unreadable' | 'null' | 'check';
}

const ids = fc.integer({ min: 1, max: 7 });
const emails = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { freq: 6 });
const bosses = fc.option(ids, { freq: 1 });
const flaws = fc.constantFrom(
  'none' as const,
  'none' as const,
  'none' as const,
  'unreadable' as const,
  'null' as const,
  'check' as const,
);
const uniqueEmails = { selector: ({ email }: Row) => email ?? Symbol('none') };
const scenario = fc.record({
  before: fc
    .uniqueArray(fc.record({ id: ids, email: emails, boss: bosses }), { selector: ({ id }) => id })
    .map((rows) => withoutStrangers(withoutDoubles(rows))),
  arrivals: fc
    .uniqueArray(fc.record({ id: ids, email: emails, boss: bosses, flaw: flaws }), {
      selector: ({ id }) => id,
    })
    .map(withoutDoubles),
  departures: fc.uniqueArray(ids, { maxLength: 3 }),
  children: fc.uniqueArray(ids, { maxLength: 1 }),
});

/** An email is held, or wanted, by one row. */
function withoutDoubles<R extends Row>(rows: readonly R[]): R[] {
  return rows.filter(
    ({ email }, at) => email === null || rows.findIndex((row) => uniqueEmails.selector(row) === email) === at,
  );
}

function withoutStrangers(rows: readonly Row[]): Row[] {
  const known = new Set(rows.map(({ id }) => id));
  return rows.map((row) => (row.boss !== null && known.has(row.boss) ? row : { ...row, boss: null }));
}

/**
 * The largest set of changes that can all be made: what has a flaw goes out first, then whatever stands in the way of
 * others that stay, until nothing does.
 */
function expected(
  before: readonly Row[],
  arrivals: readonly Arrival[],
  departures: readonly number[],
  children: readonly number[],
) {
  const changes = new Map<number, Arrival | 'departs'>();
  for (const id of departures) if (before.some((row) => row.id === id)) changes.set(id, 'departs');
  for (const row of arrivals) changes.set(row.id, row);
  const rejected = new Set<number>();
  const reject = (id: number) => changes.delete(id) && rejected.add(id);
  const after = () => {
    const rows = new Map(before.map((row) => [row.id, row]));
    for (const [id, change] of changes) {
      if (change === 'departs') rows.delete(id);
      else rows.set(id, change);
    }
    return rows;
  };
  for (const row of arrivals) if (row.flaw !== 'none') reject(row.id);
  for (const id of children) if (changes.get(id) === 'departs') reject(id);
  for (let size = -1; size !== changes.size; ) {
    size = changes.size;
    for (const [id, change] of [...changes]) {
      const rows = after();
      const stands =
        change === 'departs'
          ? [...rows.values()].some(({ boss }) => boss === id)
          : (change.boss !== null && !rows.has(change.boss)) ||
            (change.email !== null &&
              [...rows.values()].some((row) => row.id !== id && row.email === change.email));
      if (stands) reject(id);
    }
  }
  return { rows: after(), rejected };
}

test('all good changes of a window are made, and exactly the others are rejected', {
  timeout: 600_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ before, arrivals, departures, children }) => {
      const gone = departures.filter((id) => !arrivals.some((row) => row.id === id));
      const held = children.filter((id) => before.some((row) => row.id === id));
      await reset(before, held);
      const lines = [...arrivals.map(lineOf), ...gone.map((id) => departure([String(id)], 5))];
      await sync.advance(through, lines);
      through += 1;

      const model = expected(before, arrivals, gone, held);
      const rows = await fixture.query<Row>(`select id, email, boss from ${sync.qualified} order by id`);
      const rejected = await fixture.query<{ id: number }>(
        'select (key ->> 0)::int as id from lakeferry.rejected_rows where sync = $1 order by 1',
        [sync.name],
      );
      expect(rows).toEqual(
        [...model.rows.values()]
          .map(({ id, email, boss }) => ({ id, email, boss }))
          .toSorted((a, b) => a.id - b.id),
      );
      expect(rejected.map(({ id }) => id)).toEqual([...model.rejected].toSorted((a, b) => a - b));
    }),
    { numRuns: 30 },
  );
});

async function reset(before: readonly Row[], children: readonly number[]): Promise<void> {
  await fixture.query(
    `delete from public.children; delete from ${sync.qualified}; delete from lakeferry.rejected_rows`,
  );
  await fixture.query(
    `insert into ${sync.qualified} (id, email, n, boss)
     select id, email, 0, boss from jsonb_to_recordset($1) as (id integer, email text, boss integer)`,
    [JSON.stringify(before)],
  );
  await fixture.query('insert into public.children select unnest($1::int[])', [children]);
}

function lineOf({ id, email, boss, flaw }: Arrival): Fields {
  const code = flaw === 'unreadable' ? 'x' : null;
  const n = flaw === 'null' ? null : flaw === 'check' ? '-1' : '1';
  return arrival(String(id), email, code, n, boss === null ? null : String(boss));
}
