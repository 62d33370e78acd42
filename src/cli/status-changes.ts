import type { SyncStatus } from '../sync/read-status.ts';
import type { Style } from './style.ts';
import type { Column, TableLayout } from './table.ts';

/** A column of the status screen. */
export interface StatusColumn extends Column<SyncStatus> {
  /** What must be another for the cell to have changed, where that is not its whole text: an age grows by itself. */
  changesBy?(status: SyncStatus): string;
}

/** Stands behind what changed; the bold type repeats it. */
export const CHANGED = '*';

/** The sync's cell shows something else than it did in the look before. A sync that was not there has no change. */
export type HasChanged = (column: StatusColumn, status: SyncStatus) => boolean;

export function changesSince(earlier: readonly SyncStatus[]): HasChanged {
  const before = new Map(earlier.map((status) => [status.sync, status]));
  return (column, status) => {
    const old = before.get(status.sync);
    if (old === undefined || column.cell(status) === '') return false;
    const shown = (each: SyncStatus) => column.changesBy?.(each) ?? column.cell(each);
    return shown(status) !== shown(old);
  };
}

/** The columns with a sign behind what changed. Numbers have a place for it, so that they stay below each other. */
export function withChangesMarked(
  columns: readonly StatusColumn[],
  hasChanged: HasChanged,
  { style, layout }: { readonly style: Style; readonly layout: TableLayout },
): readonly StatusColumn[] {
  return columns.map((column) => {
    const unchanged = layout === 'table' && column.align === 'right' ? ' ' : '';
    return {
      ...column,
      cell: (status) => `${column.cell(status)}${hasChanged(column, status) ? CHANGED : unchanged}`,
      paint: (status) => {
        const paint = column.paint?.(status) ?? ((text: string) => text);
        return hasChanged(column, status) ? (text) => style.bold(paint(text)) : paint;
      },
    };
  });
}
