import type { FaultyStack } from '../support/faulty-stack.ts';
import type { SoakSync } from './soak-sync.ts';

/** How a target compares with its source at the version that it shows. */
export type Comparison =
  | { readonly outcome: 'equal'; readonly through: string; readonly rows: number }
  /** A plan is being applied, or nothing was loaded yet: there is nothing to compare with. */
  | { readonly outcome: 'open' }
  | { readonly outcome: 'different'; readonly through: string; readonly differences: readonly string[] };

type Rows = ReadonlyMap<string, string>;

/** Of each kind of difference, so many keys are named. */
const SHOWN_KEYS = 5;

/**
 * Row by row, in all columns, with the source `version as of` what the target says of itself, in one snapshot of
 * Postgres. Rows that were put aside are exactly those that the target cannot hold, and are left out; rows that were
 * deleted softly are exactly those that the source lacks.
 */
export async function compare(stack: FaultyStack, sync: SoakSync): Promise<Comparison> {
  const seen = await stack.inSnapshot(async (client) => {
    const { rows } = await client.query('select open, through::text from lakeferry.syncs where sync = $1', [
      sync.config.name,
    ]);
    const [row] = rows as { open: boolean; through: string | null }[];
    if (row === undefined || row.open || row.through === null) return undefined;
    const { deletes } = sync.config;
    const gone = deletes.mode === 'soft' ? `${deletes.column} is not null` : 'false';
    const target = await client.query(
      `select ${textColumns(sync, '::text')}, ${gone} as gone from ${sync.config.target.schema}.${sync.config.target.table}`,
    );
    const rejected = await client.query(
      "select array_to_string(array(select jsonb_array_elements_text(key)), '|') as key from lakeferry.rejected_rows where sync = $1",
      [sync.config.name],
    );
    return {
      through: row.through,
      target: target.rows as Record<string, string | boolean | null>[],
      rejected: new Set((rejected.rows as { key: string }[]).map(({ key }) => key)),
    };
  });
  if (seen === undefined) return { outcome: 'open' };
  const { through, rejected } = seen;
  const source = await stack.sql(
    `select ${sync.columns.map(([name]) => `cast(${name} as string) as ${name}`).join(', ')},
       ${sync.refused === undefined ? 'false' : `coalesce(${sync.refused}, false)`} as refused
     from ${sync.source} version as of ${through}`,
  );
  const refused = new Set(source.filter((row) => row['refused'] === true).map((row) => keyOf(sync, row)));
  const live = seen.target.filter((row) => row['gone'] !== true);
  const withoutRejected = (rows: Rows) => new Map([...rows].filter(([key]) => !rejected.has(key)));
  const expected = linesOf(sync, source);
  const differences = [
    ...setDifferences('rejected', refused, rejected),
    ...lineDifferences(withoutRejected(expected), withoutRejected(linesOf(sync, live))),
    ...named('soft-deleted, but in the source', goneButThere(sync, seen.target, expected)),
    ...(linesOf(sync, seen.target).size === seen.target.length ? [] : ['a key stands twice in the target']),
  ];
  if (differences.length > 0) return { outcome: 'different', through, differences };
  return { outcome: 'equal', through, rows: expected.size };
}

function textColumns({ columns }: SoakSync, cast: string): string {
  return columns.map(([name]) => `${name}${cast} as ${name}`).join(', ');
}

function keyOf({ config }: SoakSync, row: Readonly<Record<string, unknown>>): string {
  return config.primaryKey.map((name) => String(row[name])).join('|');
}

function linesOf(sync: SoakSync, rows: readonly Readonly<Record<string, unknown>>[]): Rows {
  return new Map(
    rows.map((row) => [keyOf(sync, row), JSON.stringify(sync.columns.map(([name]) => row[name] ?? null))]),
  );
}

function goneButThere(
  sync: SoakSync,
  target: readonly Readonly<Record<string, unknown>>[],
  expected: Rows,
): string[] {
  return target
    .filter((row) => row['gone'] === true && expected.has(keyOf(sync, row)))
    .map((row) => keyOf(sync, row));
}

function lineDifferences(expected: Rows, found: Rows): string[] {
  const missing = [...expected.keys()].filter((key) => !found.has(key));
  const extra = [...found.keys()].filter((key) => !expected.has(key));
  const different = [...expected]
    .filter(([key, line]) => found.has(key) && found.get(key) !== line)
    .map(([key]) => key);
  return [...named('missing', missing), ...named('extra', extra), ...named('different', different)];
}

function setDifferences(what: string, expected: ReadonlySet<string>, found: ReadonlySet<string>): string[] {
  return [
    ...named(
      `not ${what}`,
      [...expected].filter((key) => !found.has(key)),
    ),
    ...named(
      `${what} without a reason`,
      [...found].filter((key) => !expected.has(key)),
    ),
  ];
}

function named(what: string, keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const more = keys.length > SHOWN_KEYS ? ', …' : '';
  return [`${keys.length} ${what} (${keys.slice(0, SHOWN_KEYS).join(', ')}${more})`];
}
