import { describe, expect, it } from 'vitest';
import type { ColumnRules, SyncConfig } from '../../src/config/sync-config.ts';
import { mappingDigest } from '../../src/plan/mapping.ts';
import type { SourceColumn } from '../../src/schema/source-column.ts';
import { targetKey } from '../../src/sync/read-mapping.ts';
import { keepLoadedColumns, resolveMapping } from '../../src/sync/resolve-mapping.ts';
import { aSync } from '../support/syncs.ts';

const SOURCE: SourceColumn[] = [
  { name: 'name', type: 'string', comment: 'as printed' },
  { name: 'Id', type: 'bigint' },
  { name: 'tags', type: 'array<string>' },
  { name: 'price', type: 'decimal(10,2)' },
];

function config(columns: Partial<ColumnRules> = {}, over: Partial<SyncConfig> = {}): SyncConfig {
  return aSync('main.gold.items', 'app.items', ['id'], {
    columns: { exclude: [], rename: {}, types: {}, ...columns },
    ...over,
  });
}

const pairs = (columns: Partial<ColumnRules>, existing?: ReadonlyMap<string, string>) =>
  resolveMapping(config(columns), SOURCE, existing).columns.map(
    ({ target, targetType }) => `${target} ${targetType}`,
  );

describe('a mapping', () => {
  it('takes all columns, the key first, whatever the case of its name', () => {
    expect(pairs({})).toEqual(['Id bigint', 'name text', 'tags jsonb', 'price numeric(10,2)']);
  });

  it('follows include, exclude, rename and types', () => {
    expect(pairs({ include: ['price'] })).toEqual(['Id bigint', 'price numeric(10,2)']);
    expect(pairs({ exclude: ['tags', 'name'], rename: { id: 'item_id' } })).toEqual([
      'item_id bigint',
      'price numeric(10,2)',
    ]);
    expect(pairs({ include: ['tags'], types: { tags: 'text[]' } })).toEqual(['Id bigint', 'tags text[]']);
  });

  it('keeps the type of a target column that is there and holds the values', () => {
    const existing = new Map([
      ['name', 'character varying(255)'],
      ['price', 'integer'],
    ]);
    expect(pairs({}, existing)).toEqual([
      'Id bigint',
      'name character varying(255)',
      'tags jsonb',
      'price numeric(10,2)',
    ]);
  });

  it('names every column that the source lacks, and what it has', () => {
    expect(() =>
      resolveMapping(config({ exclude: ['colour'], rename: { size: 's' } }), SOURCE, undefined),
    ).toThrowError(
      expect.objectContaining({
        kind: 'source_column_missing',
        message: 'main.gold.items has no column colour, size. It has name, Id, tags, price.',
      }),
    );
  });

  it('names every column that cannot be mapped', () => {
    const odd = [
      ...SOURCE,
      { name: 'span', type: 'interval day to second' },
      { name: 'score', type: 'double' },
    ];
    const act = () =>
      resolveMapping(config({ types: { score: 'real' } }, { primaryKey: ['tags'] }), odd, undefined);
    expect(act).toThrowError(/tags \(array<string>\) cannot be a key column/);
    expect(act).toThrowError(/span has the type interval day to second/);
    expect(act).toThrowError(/score \(double\) does not fit the type real/);
  });

  it('refuses two columns under one target name and names that Postgres would cut', () => {
    expect(() => pairs({ rename: { name: 'price' } })).toThrowError(
      /two source columns would fill the target column price/,
    );
    expect(() => pairs({ rename: { name: 'é'.repeat(32) } })).toThrowError(/longer than the 63 bytes/);
  });
});

it('has the target key of the settings, but for the case of names that are not renamed', () => {
  const keyOf = (rename: ColumnRules['rename']) => {
    const settings = config({ rename });
    const [key] = resolveMapping(settings, SOURCE, undefined).columns;
    return [...targetKey(settings), key?.target];
  };
  expect(keyOf({})).toEqual(['id', 'Id']);
  expect(keyOf({ ID: 'item_id' })).toEqual(['item_id', 'item_id']);
});

describe('a mapping of a loaded target', () => {
  const loaded = resolveMapping(config(), SOURCE, undefined);
  const wider = [...SOURCE, { name: 'colour', type: 'string' }];

  it('leaves out a column that came to the source since', () => {
    const kept = keepLoadedColumns(resolveMapping(config(), wider, undefined), loaded, config());
    expect(kept.leftOut).toEqual(['colour']);
    expect(mappingDigest(kept.mapping)).toBe(mappingDigest(loaded));
  });

  it.each<Partial<ColumnRules>>([
    { include: ['name', 'tags', 'price', 'Colour'] },
    { rename: { colour: 'color' } },
    { rename: { Colour: 'color' } },
    { types: { COLOUR: 'varchar(9)' } },
  ])('takes it in when the configuration asks for it by name, whatever its case: %j', (rules) => {
    const asking = config(rules);
    const kept = keepLoadedColumns(resolveMapping(asking, wider, undefined), loaded, asking);
    expect(kept.leftOut).toEqual([]);
    expect(mappingDigest(kept.mapping)).not.toBe(mappingDigest(loaded));
  });

  it('does not hide that something else changed too', () => {
    const strip = config({}, { nulCharacters: 'strip' });
    const kept = keepLoadedColumns(resolveMapping(strip, wider, undefined), loaded, strip);
    expect(kept.leftOut).toEqual([]);
  });

  it('is the same whatever the order of the source columns', () => {
    expect(mappingDigest(resolveMapping(config(), [...SOURCE].reverse(), undefined))).toBe(
      mappingDigest(loaded),
    );
  });
});
