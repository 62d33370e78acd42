import { describe, expect, test } from 'vitest';
import type { Mapping } from '../../src/plan/mapping.ts';
import { COPY_BUFFER_BYTES, copyBuffers } from '../../src/target/postgres/copy-buffers.ts';
import { quoteIdentifier, quoteTable } from '../../src/target/postgres/sql.ts';
import {
  copyIntoStage,
  copyIntoTarget,
  createStage,
  markDepartures,
  mergeArrivals,
} from '../../src/target/postgres/statements.ts';
import { pagesOf, rejectedPage } from '../support/pages.ts';

const table = { schema: 'public', table: 'orders' };
const equals = ['operator(pg_catalog.=)', 'operator(public.=)'];
const column = (target: string) => ({ source: target, target, sourceType: 'string', targetType: 'text' });
const mapping: Mapping = {
  keyColumns: 2,
  columns: ['shop', 'id', 'operation', 'a "b"'].map(column),
  deletes: { mode: 'soft', column: 'gone' },
  metadata: { commitVersion: 'v', syncedAt: 'at' },
  nulCharacters: 'reject',
  rejectedRows: 'halt',
  maxRejectedRows: 1_000,
  maxDeletePercent: 50,
};

describe('a name', () => {
  test.each([
    ['id', '"id"'],
    ['Select', '"Select"'],
    ['a"b', '"a""b"'],
    ["x'; drop table y; --", `"x'; drop table y; --"`],
    ['é'.repeat(31), `"${'é'.repeat(31)}"`],
  ])('%j is quoted', (name, quoted) => {
    expect(quoteIdentifier(name)).toBe(quoted);
  });

  test.each(['', 'x'.repeat(64), 'é'.repeat(32), 'a\0'])('%j is refused', (name) => {
    expect(() => quoteIdentifier(name)).toThrow(expect.objectContaining({ kind: 'target_incompatible' }));
  });

  test('of a table is quoted part by part', () => {
    expect(quoteTable({ schema: 'a.b', table: 'c' })).toBe('"a.b"."c"');
  });
});

describe('statements read as SQL', () => {
  test('the stage has a name for the operation that no column has', () => {
    expect(createStage(table, mapping)).toBe(`
create temporary table pg_temp.lakeferry_stage on commit drop as
select null::"char" as "_operation", t."shop", t."id", t."operation", t."a ""b""", t."v"
from "public"."orders" t
with no data`);
    expect(copyIntoStage(mapping)).toBe(
      'copy pg_temp.lakeferry_stage ("_operation", "shop", "id", "operation", "a ""b""", "v") from stdin',
    );
    expect(copyIntoTarget(table, mapping)).toBe(
      'copy "public"."orders" ("shop", "id", "operation", "a ""b""", "v", "at") from stdin',
    );
  });

  test('the merge compares data, and writes metadata with it', () => {
    expect(mergeArrivals(table, mapping, equals, 'key')).toBe(`
merge into "public"."orders" t
using (
  select * from pg_temp.lakeferry_stage
  where "_operation" = 'u'
  order by "shop", "id"
) s
on t."shop" operator(pg_catalog.=) s."shop" and t."id" operator(public.=) s."id"
when matched and (row(t."operation", t."a ""b""")::record *<> row(s."operation", s."a ""b""")::record or t."gone" is not null) then
  update set "operation" = s."operation", "a ""b""" = s."a ""b""", "v" = s."v", "at" = now(), "gone" = null
when not matched then
  insert ("shop", "id", "operation", "a ""b""", "v", "at") values (s."shop", s."id", s."operation", s."a ""b""", s."v", now())`);
  });

  test('the merge of a large stage sorts nothing', () => {
    expect(mergeArrivals(table, mapping, equals, 'any')).not.toContain('order by');
  });

  test('a soft delete marks what is not marked', () => {
    expect(markDepartures(table, mapping, 'gone', equals)).toBe(`
update "public"."orders" t
set "gone" = now(), "at" = now()
from pg_temp.lakeferry_stage s
where s."_operation" = 'd' and t."shop" operator(pg_catalog.=) s."shop" and t."id" operator(public.=) s."id" and t."gone" is null`);
  });
});

describe('COPY data', () => {
  async function buffersOf(...arguments_: Parameters<typeof copyBuffers>): Promise<Buffer[]> {
    const buffers: Buffer[] = [];
    for await (const buffer of copyBuffers(...arguments_)) buffers.push(buffer);
    return buffers;
  }
  const text = (buffers: readonly Buffer[]) => Buffer.concat(buffers).toString();

  test('gathers small pages into one buffer', async () => {
    const buffers = await buffersOf(
      pagesOf(
        [
          ['1', 'a'],
          ['2', null],
          ['3', '\n'],
        ],
        1,
      )(),
      undefined,
    );
    expect(buffers).toHaveLength(1);
    expect(text(buffers)).toBe('1\ta\n2\t\\N\n3\t\\n\n');
  });

  test('cuts large pages', async () => {
    const long = 'ü'.repeat(COPY_BUFFER_BYTES);
    const buffers = await buffersOf(
      pagesOf([
        ['1', long],
        ['2', 'a'],
      ])(),
      undefined,
    );
    expect(Math.max(...buffers.map(({ length }) => length))).toBe(COPY_BUFFER_BYTES);
    expect(text(buffers)).toBe(`1\t${long}\n2\ta\n`);
  });

  test('ends every line with the last field', async () => {
    const buffers = await buffersOf(pagesOf([['1'], ['2'], ['3']], 2)(), 'now');
    expect(text(buffers)).toBe('1\tnow\n2\tnow\n3\tnow\n');
  });

  test('of no lines is none', async () => {
    const pages = async function* () {
      yield rejectedPage([]);
    };
    expect(await buffersOf(pages(), 'now')).toEqual([]);
  });

  test('of one empty text is one line', async () => {
    expect(text(await buffersOf(pagesOf([['']])(), undefined))).toBe('\n');
  });
});
