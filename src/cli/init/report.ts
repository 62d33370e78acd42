import { additionText, type ConfigAddition } from '../../config/config-addition.ts';
import type { MappedColumn, Mapping } from '../../plan/mapping.ts';
import type { SourceColumn } from '../../schema/source-column.ts';
import { type CliIo, widthOf } from '../io.ts';
import { type Style, styleFor } from '../style.ts';
import { type Column, layoutFor, renderTable, type TableLayout } from '../table.ts';
import { printable, truncate } from '../text.ts';

/** What `lakeferry init` came to. */
export interface Initialised {
  readonly file: string;
  /** Whether the file was there before. */
  readonly existed: boolean;
  readonly addition: ConfigAddition;
  /** The whole text of the file, as it is now or would be. */
  readonly text: string;
  /** What was seen of the source; absent where nobody looked. */
  readonly looked?: { readonly columns: readonly SourceColumn[]; readonly mapping: Mapping };
  /** The command line that comes next. */
  readonly next: string;
}

/** One column of the source, and what becomes of it. */
interface Fate {
  readonly source: SourceColumn;
  readonly mapped: MappedColumn | undefined;
  readonly remark: string;
}

const MAX_TYPE = 40;

/** Lines of the answer; the last one is the next command, or without a change how to make it. */
export function renderInitialised(done: Initialised, dryRun: boolean, io: CliIo): string[] {
  const style = styleFor(io.stdout, io.env);
  const { sync } = done.addition;
  const { arrow, ok } = style.symbols;
  const head = `${style.bold(sync.name)}   ${printable(sync.source)} ${arrow} ${printable(sync.target)}   key ${printable(sync.primaryKey.join(', '))}`;
  const wrote = done.existed
    ? `Added the sync ${sync.name} to ${done.file}.`
    : `Wrote ${done.file} with the sync ${sync.name}.`;
  const written = dryRun
    ? [`${done.existed ? 'Would be added to' : 'Would be written to'} ${done.file}; nothing was written:`, '']
    : [`${style.green(ok)} ${wrote} Next:`, ''];
  const text = done.existed ? additionText(done.addition) : done.text;
  return [
    head,
    '',
    ...tableLines(done, style, io),
    ...written,
    ...(dryRun ? text.trimEnd().split('\n') : [style.bold(done.next)]),
  ];
}

function tableLines({ looked, addition }: Initialised, style: Style, io: CliIo): string[] {
  if (!looked) return ['The source was not looked at: "lakeferry doctor" does.', ''];
  const layout = layoutFor(io.stdout);
  const rows = fates(looked, addition);
  return [...renderTable(columnsFor(layout, style), rows, { layout, width: widthOf(io.stdout), style }), ''];
}

function columnsFor(layout: TableLayout, style: Style): Column<Fate>[] {
  const { arrow, ellipsis } = style.symbols;
  const type = (text: string) => (layout === 'tabs' ? text : truncate(text, MAX_TYPE, ellipsis));
  return [
    { header: 'COLUMN', cell: ({ source }) => source.name, paint: () => style.bold },
    { header: 'DELTA TYPE', cell: ({ source }) => type(source.type) },
    {
      header: 'POSTGRES TYPE',
      cell: ({ mapped }) => {
        if (!mapped) return '';
        return layout === 'tabs' ? mapped.targetType : `${arrow} ${mapped.targetType}`;
      },
    },
    { header: '', cell: ({ remark }) => remark, paint: ({ mapped }) => (mapped ? style.dim : style.yellow) },
  ];
}

/** The source's columns in its own order. */
function fates({ columns, mapping }: NonNullable<Initialised['looked']>, { sync }: ConfigAddition): Fate[] {
  const remarkOf = (column: string, isKey: boolean): string => {
    if (isKey) return 'key';
    if (sync.exclude.includes(column)) return 'left out';
    return sync.notExcluded.some((each) => each.column === column) ? 'cannot go as it is' : '';
  };
  return columns.map((source) => {
    const at = mapping.columns.findIndex((column) => column.source === source.name);
    return {
      source,
      mapped: mapping.columns[at],
      remark: remarkOf(source.name, at >= 0 && at < mapping.keyColumns),
    };
  });
}

/** The document of `lakeferry init --json`. `columns` is null where nobody looked; of a dry run `text` is the file. */
export function initialisedJson(done: Initialised, dryRun: boolean) {
  const { file, existed, addition, text, looked, next } = done;
  const { name, source, target, primaryKey, exclude, schedule } = addition.sync;
  return {
    dryRun,
    file,
    created: !existed,
    sync: { name, source, target, primaryKey, exclude, schedule: schedule ?? null },
    columns: looked
      ? fates(looked, addition).map(({ source: column, mapped }) => ({
          name: column.name,
          sourceType: column.type,
          target: mapped?.target ?? null,
          targetType: mapped?.targetType ?? null,
        }))
      : null,
    ...(dryRun && { text }),
    next,
  };
}
