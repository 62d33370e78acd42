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

/**
 * Lines of a table. Where it is wider than `width` the remarks are left out first; what is still too wide is laid
 * out as blocks.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly layout: TableLayout; readonly width: number; readonly style: Style },
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  if (options.layout === 'tabs') return tabs(columns, cells);
  if (options.layout === 'blocks') return blocks(columns, rows, cells);
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.header), ...cells.map((line) => stringWidth(line[index] as string))),
  );
  const named = columns.filter((column) => column.header !== '');
  const widthOfColumns = (shown: readonly Column<Row>[]): number =>
    shown.reduce((sum, column) => sum + (widths[columns.indexOf(column)] as number) + 2, -2);
  if (widthOfColumns(named) > options.width) return blocks(columns, rows, cells);
  if (widthOfColumns(columns) > options.width) return renderTable(named, rows, options);
  const padded = (text: string, index: number): string =>
    (columns[index]?.align === 'right' ? padStart : padEnd)(text, widths[index] as number);
  const line = (texts: readonly string[], paints: readonly (Paint | undefined)[]): string => {
    const last = texts.findLastIndex((text) => text !== '');
    const shown = texts.slice(0, last + 1).map((text, index) => {
      const cell = index === last ? padded(text, index).trimEnd() : padded(text, index);
      return text === '' ? cell : (paints[index]?.(cell) ?? cell);
    });
    return shown.join('  ');
  };
  const headers = columns.map((column) => column.header);
  return [
    options.style.dim(line(headers, [])),
    ...rows.map((row, at) => line(cells[at] as string[], paintsOf(columns, row))),
  ];
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
