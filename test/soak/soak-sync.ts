import type { SyncConfig } from '../../src/config/sync-config.ts';
import { aSync } from '../support/syncs.ts';
import type { Random } from './random.ts';

/** One of the soak's tables: what is special about it, and how its rows are made. */
export interface SoakSync {
  readonly config: SyncConfig;
  /** Name of the source table in statements. */
  readonly source: string;
  /** Columns in order, name to type; all of them are synced. */
  readonly columns: readonly (readonly [name: string, type: 'int' | 'bigint' | 'string' | 'decimal(18,4)'])[];
  /** Rows that the table begins with. */
  readonly rows: number;
  /** Statements for Postgres, before the first load. */
  readonly prepare: readonly string[];
  /** Literals of a row with this key, in column order. */
  row(key: number, random: Random): readonly string[];
  /** Assignments of a random update, for whichever rows. */
  change(random: Random): string;
  /** A predicate over source columns: rows that the target cannot hold. */
  readonly refused?: string;
  /** Column, filled from the key, that is unique besides the key. */
  readonly unique?: string;
}

const TEXTS = [
  '',
  'a',
  'tab\\there',
  "o\\'brien",
  'back\\\\slash',
  'nul-free',
  'ümlaut',
  'line\\nbreak',
  '\\\\N',
];

const text = (random: Random) =>
  random.chance(0.1) ? 'cast(null as string)' : `'${random.pick(TEXTS)}${random.between(0, 99)}'`;
const amount = (random: Random) => `cast(${random.between(-1_000_000, 1_000_000)} / 100.0 as decimal(18,4))`;

type Kind = (name: string, source: string, target: string) => SoakSync;

const plain: Kind = (_, source, target) => ({
  config: aSync(source, target, ['id']),
  source,
  columns: [
    ['id', 'bigint'],
    ['name', 'string'],
    ['amount', 'decimal(18,4)'],
  ],
  rows: 300,
  prepare: [],
  row: (key, random) => [`${key}`, text(random), amount(random)],
  change: (random) => (random.chance(0.5) ? `name = ${text(random)}` : `amount = ${amount(random)}`),
});

const composite: Kind = (_, source, target) => ({
  config: aSync(source, target, ['region', 'id']),
  source,
  columns: [
    ['region', 'string'],
    ['id', 'int'],
    ['note', 'string'],
  ],
  rows: 200,
  prepare: [],
  row: (key, random) => [`'r${key % 3}'`, `${key}`, text(random)],
  change: (random) => `note = ${text(random)}`,
});

/** Values besides the key that must not meet, and swap between rows. */
const unique: Kind = (_, source, target) => ({
  config: aSync(source, target, ['id']),
  source,
  columns: [
    ['id', 'int'],
    ['code', 'int'],
    ['name', 'string'],
  ],
  rows: 60,
  prepare: [`create table ${target} (id integer primary key, code integer unique, name text)`],
  row: (key, random) => [`${key}`, `${key}`, text(random)],
  change: (random) => `name = ${text(random)}`,
  unique: 'code',
});

const quarantine: Kind = (_, source, target) => ({
  config: aSync(source, target, ['id'], { rejectedRows: 'quarantine', maxRejectedRows: 100_000 }),
  source,
  columns: [
    ['id', 'int'],
    ['name', 'string'],
    ['quantity', 'int'],
  ],
  rows: 120,
  prepare: [
    `create table ${target} (id integer primary key, name varchar(8), quantity integer check (quantity >= 0))`,
  ],
  row: (key, random) => [
    `${key}`,
    random.chance(0.1) ? `'much too long ${key}'` : `'n${key}'`,
    `${random.between(-1, 9)}`,
  ],
  change: (random) =>
    random.chance(0.5)
      ? `quantity = ${random.between(-2, 9)}`
      : `name = ${random.chance(0.3) ? "'far too long a name'" : "'short'"}`,
  refused: 'length(name) > 8 or quantity < 0',
});

const soft: Kind = (_, source, target) => ({
  config: aSync(source, target, ['id'], { deletes: { mode: 'soft', column: 'gone_at' } }),
  source,
  columns: [
    ['id', 'int'],
    ['name', 'string'],
  ],
  rows: 150,
  prepare: [],
  row: (key, random) => [`${key}`, text(random)],
  change: (random) => `name = ${text(random)}`,
});

const sliced: Kind = (_, source, target) => ({
  config: aSync(source, target, ['id'], { maxChunkRows: 100 }),
  source,
  columns: [
    ['id', 'bigint'],
    ['name', 'string'],
  ],
  rows: 400,
  prepare: [],
  row: (key, random) => [`${key}`, text(random)],
  change: (random) => `name = ${text(random)}`,
});

const KINDS = { plain, composite, unique, quarantine, soft, sliced } as const satisfies Record<string, Kind>;

export const SCHEMA = 'main.soak';

/** As many syncs as asked for, of each kind in turn. */
export function soakSyncs(count: number): readonly SoakSync[] {
  const kinds = Object.entries(KINDS);
  return Array.from({ length: count }, (_, index) => {
    const [kind, make] = kinds[index % kinds.length] as (typeof kinds)[number];
    const name = index < kinds.length ? kind : `${kind}_${Math.floor(index / kinds.length) + 1}`;
    return make(name, `${SCHEMA}.${name}`, `public.${name}`);
  });
}
