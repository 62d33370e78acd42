import type { SyncStatus } from '../sync/read-status.ts';
import { formatAgo, formatCount, formatInstant, formatLag, formatNumber } from './quantity.ts';
import { CHANGED, changesSince, type StatusColumn, withChangesMarked } from './status-changes.ts';
import type { Paint, Style, Symbols } from './style.ts';
import { type Attention, attentionOf, normalised } from './sync-status.ts';
import { renderTable, type TableLayout } from './table.ts';
import { padStart, printable, wrap } from './text.ts';

export interface StatusOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly layout: TableLayout;
  readonly width: number;
  readonly style: Style;
  /** What is looked at, e.g. `local stack`. */
  readonly title?: string;
  /** The look before this one: cells that are otherwise now are marked. */
  readonly earlier?: StatusLook;
}

export interface StatusLook {
  /** Milliseconds since the epoch, when the look began. */
  readonly at: number;
  readonly rows: readonly SyncStatus[];
}

const UNKNOWN = 'unknown';

/** Lines of `lakeferry status`: the table, then one sentence that counts, what changed, then for each sync at fault what to do. */
export function renderStatus(rows: readonly SyncStatus[], options: StatusOptions): string[] {
  const statuses = rows.map(normalised);
  const columns = columnsFor(options);
  const hasChanged = options.earlier && changesSince(options.earlier.rows.map(normalised));
  const shown = hasChanged ? withChangesMarked(columns, hasChanged, options) : columns;
  const remedies = statuses.flatMap((status) => remedyLines(status, options));
  const any = statuses.some((status) => columns.some((column) => hasChanged?.(column, status)));
  return [
    ...titleLines(options),
    ...renderTable(shown, statuses, options),
    '',
    ...wrap(sentence(statuses), options.width),
    ...changesLine(any, options),
    ...remedies,
  ];
}

function changesLine(any: boolean, { earlier, now }: StatusOptions): string[] {
  if (earlier === undefined) return [];
  return [`${any ? `${CHANGED} changed` : 'Nothing changed'} since ${formatInstant(earlier.at, now)}.`];
}

function titleLines({ title, now, width, layout }: StatusOptions): string[] {
  if (title === undefined || layout === 'tabs') return [];
  const room = Math.min(width, 80) - title.length;
  return [title + padStart(`  ${formatInstant(now, now)}`, room), ''];
}

function columnsFor({ now, style }: StatusOptions): StatusColumn[] {
  const paintOf = (status: SyncStatus): Paint => paints(style)[attentionOf(status)];
  return [
    { header: 'SYNC', cell: ({ sync }) => sync, paint: () => style.bold },
    {
      header: 'STATE',
      cell: (status) => `${symbolOf(status, style.symbols)} ${status.state}`,
      paint: paintOf,
    },
    { header: 'THROUGH', align: 'right', cell: ({ through }) => versionText(through) },
    { header: 'SOURCE', align: 'right', cell: ({ latest }) => versionText(latest) },
    {
      header: 'LAG',
      cell: ({ lag }) => (lag ? formatLag(lag) : UNKNOWN),
      changesBy: ({ lag }) => (lag ? versionText(lag.versions) : ''),
    },
    {
      header: 'LOOKED',
      align: 'right',
      cell: (status) => lookedText(status, now),
      changesBy: () => '',
    },
    {
      header: 'REJECTED',
      align: 'right',
      cell: ({ rejectedKeys }) => (rejectedKeys === undefined ? UNKNOWN : formatCount(rejectedKeys)),
    },
    { header: '', cell: remark, paint: paintOf },
  ];
}

/** The planner's last look at the source. */
function lookedText({ state, lookedAt }: SyncStatus, now: number): string {
  if (lookedAt !== undefined) return formatAgo(lookedAt, now);
  return state === 'unknown' ? UNKNOWN : 'never';
}

function versionText(version: bigint | 'none' | undefined): string {
  if (version === undefined) return UNKNOWN;
  return version === 'none' ? version : formatCount(version);
}

function paints(style: Style): Readonly<Record<Attention, Paint>> {
  const plain: Paint = (text) => text;
  const look = style.yellow;
  return {
    halted: style.red,
    late: look,
    unknown: look,
    drift: look,
    rejected: look,
    paused: style.dim,
    unloaded: look,
    fine: plain,
  };
}

function symbolOf(status: SyncStatus, symbols: Symbols): string {
  if (status.state === 'paused') return symbols.paused;
  switch (attentionOf(status)) {
    case 'halted':
      return symbols.bad;
    case 'late':
    case 'unknown':
    case 'drift':
    case 'rejected':
    case 'paused':
    case 'unloaded':
      return symbols.look;
    case 'fine':
      return status.state === 'planning' || status.state === 'applying' ? symbols.working : symbols.ok;
  }
}

/** `by ana, "index build"` */
function pausedWords({ by, reason }: NonNullable<SyncStatus['paused']>): string {
  return reason === '' ? `by ${by}` : `by ${by}, "${reason}"`;
}

function remark(status: SyncStatus): string {
  if (status.lastError) return status.lastError.kind;
  if (status.paused) return pausedWords(status.paused);
  if (status.overMaxLag) return ['over maxLag', ...chunkWords(status), ...paceWords(status)].join(', ');
  if (status.drift) return `drift: ${formatNumber(status.drift.length, 'new column')}`;
  const rejected = status.rejectedKeys ?? 0n;
  if (rejected > 0n) return `${formatNumber(rejected, 'row')} rejected`;
  if (attentionOf(status) === 'unloaded') return 'not loaded yet';
  return [...chunkWords(status), ...paceWords(status)].join(', ');
}

function chunkWords({ state, chunks }: SyncStatus): string[] {
  return state === 'applying' && chunks ? [`${chunks.done} of ${formatNumber(chunks.total, 'chunk')}`] : [];
}

function paceWords({ pace }: SyncStatus): string[] {
  return pace === undefined
    ? []
    : [`eased to ${Math.max(1, Math.round(pace * 100))} % while the target is slow`];
}

const COUNTED: readonly (readonly [Attention, string])[] = [
  ['halted', 'halted'],
  ['late', 'over maxLag'],
  ['unknown', 'not known in full'],
  ['drift', 'with drift'],
  ['rejected', 'with rejected rows'],
  ['paused', 'paused'],
  ['unloaded', 'not loaded yet'],
  ['fine', 'fine'],
];

/** Counts each sync once, by what matters most, and a pause with it. */
function sentence(statuses: readonly SyncStatus[]): string {
  const counts = COUNTED.flatMap(([attention, words]) => {
    const found = statuses.filter((status) => attentionOf(status) === attention);
    const suffixes = found.map(({ state }) =>
      state === 'paused' && attention !== 'paused' ? ' and paused' : '',
    );
    return ['', ' and paused'].flatMap((suffix) => {
      const count = suffixes.filter((each) => each === suffix).length;
      return count === 0 ? [] : [`${formatCount(count)} ${words}${suffix}`];
    });
  });
  return statuses.length === 0 ? 'No syncs.' : `${counts.join(', ')}.`;
}

/** The last line of each is what to do, unbroken, so that it can be pasted. */
function remedyLines(status: SyncStatus, { width, style, now }: StatusOptions): string[] {
  const { sync, lastError, rejectedKeys, drift, paused } = status;
  const lines: string[] = [];
  if (attentionOf(status) === 'unloaded') lines.push(style.command(`lakeferry run ${sync}`));
  if ((rejectedKeys ?? 0n) > 0n) {
    lines.push(style.command(`lakeferry rejected ${sync}`));
  }
  if (drift) {
    const columns = printable(drift.join(', '));
    lines.push(
      ...wrap(
        `New at the source and left out, since the rows that are loaded lack them: ${columns}.`,
        width - 4,
      ),
      style.command(`To take them in: drop the target table, then run "lakeferry run ${sync}".`),
    );
  }
  if (paused) {
    const who = printable(pausedWords(paused));
    lines.push(
      ...wrap(`Paused ${who}, ${formatAgo(paused.at, now)}; nothing new is planned until:`, width - 4),
      style.command(`lakeferry resume ${sync}`),
    );
  }
  if (attentionOf(status) === 'late') {
    lines.push(
      ...wrap(
        'Commits have been missing for longer than its maxLag. A run ticks now, and says what fails:',
        width - 4,
      ),
      style.command(`lakeferry run ${sync}`),
    );
  }
  if (lastError) {
    lines.push(...wrap(printable(lastError.message), width - 4), style.command(printable(lastError.remedy)));
  }
  if (lines.length === 0) return [];
  const heading = [style.bold(sync), ...headingWords(status, now)].join('  ');
  return ['', `  ${heading}`, ...lines.map((line) => `    ${line}`)];
}

/** The remark of the table, which is left out on a narrow one. Who paused the sync is said below. */
function headingWords(status: SyncStatus, now: number): string[] {
  const { lastError, paused } = status;
  if (lastError) return [`${lastError.kind}, ${formatAgo(lastError.at, now)}`];
  return paused ? [] : [printable(remark(status))];
}
