import stringWidth from 'string-width';
import type { Output } from './io.ts';
import { widthOf } from './io.ts';
import type { Paint, Style } from './style.ts';
import { padEnd, padStart, printable } from './text.ts';

export interface Column<Row> {
  /** Upper case; empty for a column of remarks, which stands last and has no name. */
  readonly header: string;
  readonly align?: 'left' | 'right';
  cell(row: Row): string;
  paint?(row: Row): Paint;
}

/**
 * `table`: columns without borders. `blocks`: one `key: value` line per cell, a blank line between rows. `tabs`: one
 * line per row, cells separated by tabs, for other programs.
 */
export type TableLayout = 'table' | 'blocks' | 'tabs';

export function layoutFor(output: Output): TableLayout {
  if (!output.isTTY) return 'tabs';
  return widthOf(output) < 80 ? 'blocks' : 'table';
}

/** Lines of a table. One that is wider than `width` is laid out as blocks. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly layout: TableLayout; readonly width: number; readonly style: Style },
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  if (options.layout === 'tabs') return tabs(columns, cells);
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.header), ...cells.map((line) => stringWidth(line[index] as string))),
  );
  const total = widths.reduce((sum, width) => sum + width, 0) + 2 * (widths.length - 1);
  if (options.layout === 'blocks' || total > options.width) return blocks(columns, rows, cells);
  const line = (texts: readonly string[], paints: readonly (Paint | undefined)[]): string =>
    texts
      .map((text, index) => {
        const right = columns[index]?.align === 'right';
        const padded = (right ? padStart : padEnd)(text, widths[index] as number);
        return paints[index]?.(padded) ?? padded;
      })
      .join('  ')
      .trimEnd();
  const header = line(
    columns.map((column) => column.header),
    columns.map(() => options.style.dim),
  );
  return [header, ...rows.map((row, at) => line(cells[at] as string[], paintsOf(columns, row)))];
}

function tabs<Row>(columns: readonly Column<Row>[], cells: readonly (readonly string[])[]): string[] {
  return [columns.map((column) => column.header), ...cells].map((line) => line.join('\t'));
}

function blocks<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cells: readonly (readonly string[])[],
): string[] {
  return rows.flatMap((row, at) => {
    const paints = paintsOf(columns, row);
    const lines = columns.flatMap((column, index) => {
      const text = cells[at]?.[index] ?? '';
      if (text === '') return [];
      const painted = paints[index]?.(text) ?? text;
      return [column.header === '' ? `  ${painted}` : `${column.header.toLowerCase()}: ${painted}`];
    });
    return at === 0 ? lines : ['', ...lines];
  });
}

function paintsOf<Row>(columns: readonly Column<Row>[], row: Row): (Paint | undefined)[] {
  return columns.map((column) => column.paint?.(row));
}
