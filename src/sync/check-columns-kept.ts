import type { Window } from '../change/window.ts';
import { SyncError } from '../error/sync-error.ts';
import type { Mapping } from '../plan/mapping.ts';
import { isSameColumn } from '../schema/source-column.ts';
import { displayTable, type SourceTable } from '../schema/table-name.ts';
import type { HistoryEntry } from '../source/source.ts';

/** See `Source`. */
type ReadSchemaEffects = (range: Window) => Promise<readonly HistoryEntry[]>;

/**
 * The names and types of a table's columns tell nothing of this: with column mapping, a column can go and another
 * come under its name, and a restore can bring the first one back. Rows that are not written anew then show other
 * values without a change row, so that the window would leave them as they were.
 *
 * `history` is the window's, as far as it is told. Throws `schema_break`, with the column and the version.
 */
export async function checkColumnsKept(
  table: SourceTable,
  window: Window,
  history: readonly HistoryEntry[],
  mapping: Mapping,
  readSchemaEffects: ReadSchemaEffects,
): Promise<void> {
  const isWhole = BigInt(history.length) === window.through - window.after;
  const effects = isWhole ? history : await readSchemaEffects(window);
  for (const entry of await withRestored(window, effects, readSchemaEffects)) {
    const lost = mapping.columns.find(({ source }) => isLost(source, entry))?.source;
    if (lost === undefined) continue;
    const { version } = entry;
    throw new SyncError(
      'schema_break',
      `The column ${lost} of ${displayTable(table)} is not the one that was synced: version ${version} dropped or renamed a column of this name, and what rows lose or win by that is not in the change feed.`,
      { table: displayTable(table), version: String(version) },
    );
  }
}

function isLost(column: string, { lostColumns = [], keptColumns }: HistoryEntry): boolean {
  const among = (names: readonly string[]) => names.some((name) => isSameColumn(name, column));
  return among(lostColumns) || (keptColumns !== undefined && !among(keptColumns));
}

/** The window's commits, and those that a restore among them undid. */
async function withRestored(
  { after, through }: Window,
  effects: readonly HistoryEntry[],
  readSchemaEffects: ReadSchemaEffects,
): Promise<readonly HistoryEntry[]> {
  const restored = effects.flatMap((entry) => (entry.restored === undefined ? [] : [entry.restored]));
  const oldest = restored.reduce((a, b) => (a < b ? a : b), after);
  if (oldest === after) return effects;
  const longer = { after: oldest, through };
  return withRestored(longer, await readSchemaEffects(longer), readSchemaEffects);
}
