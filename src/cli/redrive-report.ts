import type { LettersOfSync, Survey } from '../sync/redrive.ts';
import { formatCount, formatNumber } from './quantity.ts';
import type { Style } from './style.ts';
import { type Column, renderTable, type TableLayout } from './table.ts';
import { wrap } from './text.ts';

export interface RedriveOptions {
  readonly layout: TableLayout;
  readonly width: number;
  readonly style: Style;
}

/** What a redrive did; of SQS' own, no more is known than about how many messages there were, and it moved. */
export interface Moved {
  readonly moved: number;
  readonly total?: number;
  readonly left?: number;
  readonly complete?: boolean;
}

const UNKNOWN = 'unknown';

/** Lines of `lakeferry redrive --dry-run`, for all syncs or one. */
export function renderSurvey(survey: Survey, sync: string | undefined, options: RedriveOptions): string[] {
  const { would, stay } = split(survey, sync);
  const table =
    survey.syncs.length === 0 ? [] : [...renderTable(columnsFor(options), survey.syncs, options), ''];
  const least = survey.complete ? '' : 'at least ';
  const notes = [
    would === 0
      ? `There are no dead letters${of(sync)}.`
      : `Would move ${least}${formatNumber(would, 'message')}${of(sync)} back to the chunk queue.`,
    ...(stay > 0 ? [`${capital(least)}${formatNumber(stay, 'message')} of others would stay.`] : []),
    ...(survey.unreadable > 0 ? [unreadableNote(survey.unreadable)] : []),
    ...(would > 0
      ? ['Only messages of the open plan change rows: those of earlier plans are ignored when they come.']
      : []),
    ...(survey.complete
      ? []
      : ['There were more than could be looked at; SQS tells of a message only to whoever receives it.']),
  ];
  return [...table, ...notes.flatMap((note) => wrap(note, options.width))];
}

/** Lines of `lakeferry redrive` after a move of everything, or of one sync's messages. */
export function renderRedriven(
  { moved, total = moved, left, complete }: Moved,
  sync: string | undefined,
  { style, width }: RedriveOptions,
): string[] {
  const { ok, look } = style.symbols;
  const head =
    total === 0
      ? `${style.green(ok)} There are no dead letters${of(sync)}.`
      : `${style.green(ok)} Moved ${formatNumber(moved, 'message')}${of(sync)} back to the chunk queue.`;
  const notes = [
    ...(moved > 0
      ? ['What is still missing is applied; messages of earlier plans, and doubled ones, change nothing.']
      : []),
    ...(left === undefined || left === 0
      ? []
      : [`${formatNumber(left, 'message')} of other syncs stayed in the dead-letter queue.`]),
  ];
  const again = `${style.yellow(look)} There were more than could be gone through. ${style.command(`Again: lakeferry redrive${sync === undefined ? '' : ` ${sync}`}`)}`;
  return [
    head,
    ...notes.flatMap((note) => wrap(note, width - 2)).map((line) => `  ${line}`),
    ...(complete === false ? [again] : []),
  ];
}

/** The document of `lakeferry redrive --dry-run --json`. */
export function surveyJson(survey: Survey, sync: string | undefined) {
  const { would, stay } = split(survey, sync);
  return {
    dryRun: true,
    sync: sync ?? null,
    move: would,
    stay,
    unreadable: survey.unreadable,
    complete: survey.complete,
    syncs: survey.syncs.map(({ ofOpenPlan, ...letters }) => ({
      ...letters,
      ofOpenPlan: ofOpenPlan ?? UNKNOWN,
    })),
  };
}

/** The document of `lakeferry redrive --json`; `stay` is not known where everything was moved by SQS. */
export function redrivenJson({ moved, left, complete }: Moved, sync: string | undefined) {
  return {
    dryRun: false,
    sync: sync ?? null,
    moved,
    stay: left ?? UNKNOWN,
    complete: complete ?? true,
  };
}

/** Messages that would go and that would stay: SQS' own move takes all of them, the unreadable ones too. */
function split({ syncs, unreadable }: Survey, sync: string | undefined) {
  const all = syncs.reduce((sum, { messages }) => sum + messages, 0) + unreadable;
  const would = sync === undefined ? all : (syncs.find((each) => each.sync === sync)?.messages ?? 0);
  return { would, stay: all - would };
}

function columnsFor({ style }: RedriveOptions): Column<LettersOfSync>[] {
  return [
    { header: 'SYNC', cell: ({ sync }) => sync, paint: () => style.bold },
    { header: 'MESSAGES', align: 'right', cell: ({ messages }) => formatCount(messages) },
    {
      header: 'OPEN PLAN',
      align: 'right',
      cell: ({ ofOpenPlan }) => (ofOpenPlan === undefined ? UNKNOWN : formatCount(ofOpenPlan)),
    },
    {
      header: 'EARLIER PLANS',
      align: 'right',
      cell: ({ messages, ofOpenPlan }) =>
        ofOpenPlan === undefined ? UNKNOWN : formatCount(messages - ofOpenPlan),
    },
  ];
}

function unreadableNote(count: number): string {
  return `${formatNumber(count, 'message')} cannot be read by this version of Lakeferry.`;
}

function of(sync: string | undefined): string {
  return sync === undefined ? '' : ` of ${sync}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
