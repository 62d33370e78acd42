import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { readSchemaEffect } from '../../src/source/databricks/history.ts';
import type { HistoryEntry } from '../../src/source/source.ts';
import { checkColumnsKept } from '../../src/sync/check-columns-kept.ts';
import { aPlan } from '../support/plans.ts';

const v = parseCommitVersion;
const { mapping, source } = aPlan();
const mapped = mapping.columns[1]?.source ?? '';

type Commit = Pick<HistoryEntry, 'lostColumns' | 'keptColumns' | 'restored'>;

/** A history of commits from version 1, of which `after < v <= through` is the window. The planner is not told of its first `untold` ones. */
async function check(
  commits: readonly Commit[],
  window: { after: number; through: number },
  untold = 0,
): Promise<string> {
  const all = commits.map((commit, at) => ({ version: v(at + 1), committedAt: 0, operation: '', ...commit }));
  const between = ({ after, through }: { after: bigint; through: bigint }) =>
    all.filter(({ version }) => version > after && version <= through);
  const range = { after: v(window.after), through: v(window.through) };
  const effects = async (asked: { after: bigint; through: bigint }) =>
    between(asked).filter((commit) => Object.keys(commit).length > 3);
  return checkColumnsKept(source, range, between(range).slice(untold), mapping, effects).then(
    () => 'kept',
    (error: { kind: string; fields: { version: string } }) => `${error.kind} at ${error.fields.version}`,
  );
}

const write: Commit = {};
const drop: Commit = { lostColumns: ['unmapped', mapped.toUpperCase()] };

describe('the columns of a window', () => {
  it('are kept by commits that drop nothing, or what the sync does not copy', async () => {
    expect(await check([write, { lostColumns: ['unmapped'] }], { after: 0, through: 2 })).toBe('kept');
  });

  it('are lost where a column of their name was dropped or renamed', async () => {
    expect(await check([write, drop, write], { after: 1, through: 3 })).toBe('schema_break at 2');
  });

  it('are lost where the list of columns was replaced by one without them', async () => {
    const names = mapping.columns.map((column) => column.source);
    expect(await check([{ keptColumns: names }], { after: 0, through: 1 })).toBe('kept');
    expect(await check([{ keptColumns: names.slice(1) }], { after: 0, through: 1 })).toBe(
      'schema_break at 1',
    );
  });

  it('are lost where that was before what the history tells of the window', async () => {
    expect(await check([drop, write, write], { after: 0, through: 3 }, 1)).toBe('schema_break at 1');
    expect(await check([drop, write, write], { after: 0, through: 3 }, 3)).toBe('schema_break at 1');
    expect(await check([write, write, write], { after: 0, through: 3 }, 1)).toBe('kept');
  });

  it('are kept where that was before the window', async () => {
    expect(await check([write, drop, write], { after: 2, through: 3 })).toBe('kept');
  });

  it('are lost where a restore goes back to before that', async () => {
    expect(await check([write, drop, write, { restored: v(1) }], { after: 3, through: 4 })).toBe(
      'schema_break at 2',
    );
    expect(await check([write, drop, write, { restored: v(2) }], { after: 3, through: 4 })).toBe('kept');
  });

  it('are lost where a restore undoes a restore that went back to before that', async () => {
    const history = [write, drop, { restored: v(1) }, write, { restored: v(2) }];
    expect(await check(history, { after: 4, through: 5 })).toBe('schema_break at 2');
  });
});

describe('the parameters of a commit', () => {
  it.each([
    ['DROP COLUMNS', { columns: '["a","s.x","`b.c`.d","`tick``s`"]' }, ['a', 's', 'b.c', 'tick`s']],
    ['RENAME COLUMN', { oldColumnPath: '`b.c`', newColumnPath: 'd' }, ['b.c']],
    ['RENAME COLUMN', '{"oldColumnPath":"s.x","newColumnPath":"s.y"}', ['s']],
  ])('name the columns that a %s took away', (operation, parameters, lostColumns) => {
    expect(readSchemaEffect(operation, parameters)).toEqual({ lostColumns });
  });

  it('name the columns that a REPLACE COLUMNS left', () => {
    const columns = '[{"name":"id","type":"integer"},{"name":"a.b","type":"string"}]';
    expect(readSchemaEffect('REPLACE COLUMNS', { columns })).toEqual({ keptColumns: ['id', 'a.b'] });
  });

  it('name the version that a RESTORE went back to, and none where it went by time', () => {
    expect(readSchemaEffect('RESTORE', { version: '7', timestamp: null })).toEqual({ restored: 7n });
    expect(readSchemaEffect('RESTORE', { version: null, timestamp: '2024-01-01' })).toEqual({ restored: 0n });
  });

  it('say nothing where they are absent, or the commit is another', () => {
    expect(readSchemaEffect('DROP COLUMNS', null)).toEqual({});
    expect(readSchemaEffect('WRITE', { columns: '["a"]' })).toEqual({});
  });

  it.each([
    ['DROP COLUMNS', { columns: 'a' }],
    ['REPLACE COLUMNS', { columns: '["a"]' }],
    ['RENAME COLUMN', {}],
  ])('are refused where they do not name what a %s took away', (operation, parameters) => {
    expect(() => readSchemaEffect(operation, parameters)).toThrow(
      expect.objectContaining({ kind: 'source_failed' }),
    );
  });
});
