import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRelations } from '../../src/reference/relations.ts';
import { type Fixture, openFixture } from './fixture.ts';

/** What docs/reference/sql-views.md is made from, against a real database. */

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.drop());

const SHORT: Readonly<Record<string, string>> = { 'timestamp with time zone': 'timestamptz' };

it('is read from the migrations as Postgres has it: relations, columns, types and comments', async () => {
  const columns = await fixture.query<{
    readonly relation: string;
    readonly view: boolean;
    readonly comment: string;
    readonly column: string;
    readonly type: string;
    readonly says: string | null;
  }>(`
    select c.relname as relation, c.relkind = 'v' as view, obj_description(c.oid) as comment,
      a.attname as column, format_type(a.atttypid, a.atttypmod) as type, col_description(c.oid, a.attnum) as says
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'lakeferry'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0
      and not a.attisdropped and c.relname <> 'migrations'
    order by c.relname, a.attnum`);
  const relations = readRelations();
  const found = relations
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, isView, comment, columns: of }) =>
      of.map(({ name: column, type }) => ({ relation: name, view: isView, comment, column, type })),
    );
  expect(found).toEqual(
    columns.map(({ says: _, type, ...rest }) => ({ ...rest, type: SHORT[type] ?? type })),
  );
  for (const { relation, column, says } of columns.filter((each) => each.says !== null)) {
    const read = relations.find(({ name }) => name === relation)?.columns.find(({ name }) => name === column);
    expect(read?.comment, `${relation}.${column}`).toBe(says);
  }
});
