import { canBeKey, type DeltaType, isNested, parseDeltaType } from '../types/delta-type.ts';
import { defaultPostgresType, holdsWithoutLoss, parsePostgresType } from '../types/postgres-type.ts';
import { code, listed, pageText, table } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';

/** Types that may stand under `columns.types`, as they are written there. */
const CANDIDATES = [
  ...['boolean', 'smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'],
  ...['text', 'varchar', 'varchar(40)', 'citext', 'uuid', 'inet', 'cidr', 'macaddr', 'bytea'],
  ...['date', 'timestamptz', 'timestamp', 'jsonb', 'json'],
];

interface Shown {
  readonly name: string;
  /** A type of that name, as DESCRIBE TABLE prints it. */
  readonly type: string;
  readonly note: string;
}

const SHOWN: readonly Shown[] = [
  { name: 'BOOLEAN', type: 'boolean', note: '' },
  { name: 'TINYINT, SMALLINT', type: 'smallint', note: '' },
  { name: 'INT', type: 'int', note: 'a value out of range of a smaller type is refused by Postgres' },
  { name: 'BIGINT', type: 'bigint', note: 'likewise' },
  { name: 'FLOAT', type: 'float', note: 'NaN, ±Infinity, −0.0 and denormals included' },
  { name: 'DOUBLE', type: 'double', note: 'the same; `numeric` has no −0.0' },
  {
    name: 'DECIMAL(p,s)',
    type: 'decimal(38,6)',
    note: 'up to 38 digits; also `numeric(p′,s′)` with s′ ≥ s, and integers where s is 0',
  },
  {
    name: 'STRING, VARCHAR, CHAR',
    type: 'string',
    note: 'longer than `varchar(n)`: the row is rejected, blanks at the end too',
  },
  { name: 'BINARY', type: 'binary', note: '' },
  { name: 'DATE', type: 'date', note: 'years 0001 to 9999' },
  { name: 'TIMESTAMP', type: 'timestamp', note: 'to the microsecond; a `timestamp` holds it in UTC' },
  { name: 'TIMESTAMP_NTZ', type: 'timestamp_ntz', note: 'to the microsecond' },
  { name: 'ARRAY', type: 'array<string>', note: 'of scalars also `T[]`, where T is allowed for the element' },
  { name: 'MAP', type: 'map<string,int>', note: 'keys that are nested or intervals have no counterpart' },
  { name: 'STRUCT', type: 'struct<a:int>', note: '' },
  { name: 'VARIANT', type: 'variant', note: '' },
  { name: 'INTERVAL, VOID', type: 'void', note: 'exclude the column' },
];

/** Delta's types and the Postgres types that hold them. */
export const typeMapping: ReferencePage = {
  path: 'docs/reference/type-mapping.md',
  make: () =>
    pageText([
      madeFrom('src/types/postgres-type.ts'),
      '',
      '# How each Delta type is held',
      '',
      "Values travel as text in Postgres' COPY format, from the SQL warehouse to Postgres. Each arrives unchanged, or its row is",
      'rejected, or the sync halts: nothing is rounded, cut or read otherwise in silence. `columns.types` of a sync chooses',
      'another type; one that could lose something is refused before anything runs. A column that is in the target already',
      'keeps its type, if that type is among the allowed ones.',
      '',
      ...table(
        ['Delta', 'Postgres', 'or, under `columns.types`', ''],
        SHOWN.map(({ name, type, note }) => {
          const delta = parseDeltaType(type);
          return [name, usual(name, delta), listed(others(delta).map(code)), note];
        }),
      ),
      '',
      '**U+0000** in text: Postgres cannot hold it. `nulCharacters: reject` (the default) rejects the row, `strip` takes the',
      'character out. Inside nested types too.',
      '',
      '**Text whose bytes are not UTF-8** is rejected, row by row; inside nested types Spark itself shows U+FFFD in its place.',
      '',
      '**Dates and times** before the year 1 and after 9999 are rejected row by row; a `text` column holds them as Spark writes',
      'them.',
      '',
      "**Nested types** are JSON as Databricks' `to_json` writes it, with NULL fields kept, timestamps to the microsecond in",
      'UTC, NaN and Infinity as strings, and binary as base64. Keys of maps are text: dates and decimals as Spark casts them,',
      'times and binary as where they are values. `jsonb` orders keys and keeps the last of equal ones, as it always does.',
      '',
      `**Keys** may be of any type but ${listed(noKeys())}, and the nested ones. Text keys compare byte by byte, whatever the`,
      "collation of the source column: give the target's column a deterministic collation (the default).",
      '',
      '**Columns that Lakeferry fills** (`metadata`, `softDeleteColumn`) are `bigint` and `timestamptz`; a `timestamp` that is',
      'there already holds the time in UTC.',
      '',
      '**Changes** are found by the stored image of a row: 0.0 replaces −0.0, and 1.00 replaces 1.0 in a plain `numeric`.',
    ]),
};

/** As people write it; Postgres prints `timestamp with time zone`. */
const SHORT: Readonly<Record<string, string>> = {
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
};

function usual(name: string, delta: DeltaType): string {
  const type = defaultPostgresType(delta);
  if (type === undefined) return 'none';
  return code(delta.kind === 'decimal' ? name.replace('DECIMAL', 'numeric') : (SHORT[type] ?? type));
}

/** What else holds every value, or refuses it with an error. */
function others(delta: DeltaType): string[] {
  const usualType = defaultPostgresType(delta);
  return CANDIDATES.filter((candidate) => {
    const target = parsePostgresType(candidate);
    if (target === undefined || !holdsWithoutLoss(delta, target)) return false;
    return (
      usualType === undefined ||
      target.name !== parsePostgresType(usualType)?.name ||
      delta.kind === 'decimal'
    );
  }).map((candidate) => candidate.replace('(40)', '(n)'));
}

/** Names of the scalar types that cannot identify a row. */
function noKeys(): string[] {
  return SHOWN.filter(({ type }) => {
    const delta = parseDeltaType(type);
    return delta.kind !== 'unknown' && !isNested(delta) && !canBeKey(delta);
  }).map(({ name }) => name);
}
