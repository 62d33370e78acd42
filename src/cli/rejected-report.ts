import type { RejectedKey, RejectedKeys } from '../target/target.ts';
import { formatAgo, formatCount, formatNumber } from './quantity.ts';
import type { Style } from './style.ts';
import { type Column, renderTable, type TableLayout } from './table.ts';
import { wrap } from './text.ts';

export interface RejectedOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly layout: TableLayout;
  readonly width: number;
  readonly style: Style;
}

/** Lines of `lakeferry rejected`: the newest keys, then how many there are in all and how a key leaves the list. */
export function renderRejected(sync: string, rejected: RejectedKeys, options: RejectedOptions): string[] {
  const { style, width } = options;
  if (rejected.keys === 0n) return [`${style.green(style.symbols.ok)} No row of ${sync} is rejected.`];
  const shown = BigInt(rejected.newest.length);
  const notes = [
    `${formatNumber(rejected.keys, 'key')} of ${sync} ${rejected.keys === 1n ? 'is' : 'are'} rejected, in ${formatNumber(rejected.attempts, 'change')}. All other rows are in the target.`,
    'A key leaves this list with the next change of its row that the target can hold, or that deletes it: correct the row at the source.',
  ];
  return [
    ...renderTable(columnsFor(rejected.newest, options), rejected.newest, options),
    '',
    ...notes.flatMap((note) => wrap(note, width)),
    ...(shown < rejected.keys
      ? [
          `Shown: the newest ${formatCount(shown)}. ${style.command(`All of them: lakeferry rejected ${sync} --limit ${rejected.keys}`)}`,
        ]
      : []),
    style.command(`After a change of the target: lakeferry rejected ${sync} --retry`),
  ];
}

/** The document of `lakeferry rejected --json`. Versions are decimal text, counts numbers, times ISO 8601 in UTC. */
export function rejectedJson(sync: string, { keys, attempts, newest }: RejectedKeys) {
  return {
    sync,
    keys: Number(keys),
    changes: Number(attempts),
    rows: newest.map((row) => ({
      key: row.key,
      reason: row.reason,
      column: row.column ?? null,
      sqlState: row.sqlState ?? null,
      constraint: row.constraint ?? null,
      version: row.version,
      firstSeen: new Date(row.firstSeen).toISOString(),
      lastSeen: new Date(row.lastSeen).toISOString(),
      changes: Number(row.attempts),
    })),
  };
}

function columnsFor(
  rows: readonly RejectedKey[],
  { now, layout, style }: RejectedOptions,
): Column<RejectedKey>[] {
  // A program that reads the lines finds each column in its place; a person sees those that say something.
  const has = (name: 'column' | 'sqlState' | 'constraint') =>
    layout === 'tabs' || rows.some((row) => row[name] !== undefined);
  const optional = (header: string, name: 'column' | 'sqlState' | 'constraint'): Column<RejectedKey>[] =>
    has(name) ? [{ header, cell: (row) => row[name] ?? '' }] : [];
  return [
    { header: 'KEY', cell: ({ key }) => keyText(key), paint: () => style.bold },
    { header: 'REASON', cell: ({ reason }) => reason },
    ...optional('COLUMN', 'column'),
    ...optional('SQLSTATE', 'sqlState'),
    ...optional('CONSTRAINT', 'constraint'),
    { header: 'VERSION', align: 'right', cell: ({ version }) => formatCount(version) },
    { header: 'CHANGES', align: 'right', cell: ({ attempts }) => formatCount(attempts) },
    { header: 'FIRST', align: 'right', cell: ({ firstSeen }) => formatAgo(firstSeen, now) },
    { header: 'LAST', align: 'right', cell: ({ lastSeen }) => formatAgo(lastSeen, now) },
  ];
}

/** One value as it is, several in parentheses. */
function keyText(key: readonly (string | null)[]): string {
  const values = key.map((value) => value ?? 'NULL');
  return values.length === 1 ? (values[0] ?? '') : `(${values.join(', ')})`;
}
