import stringWidth from 'string-width';
import { displayTable } from '../schema/table-name.ts';
import type { NextPreview, PlanPreview, Standing } from '../sync/plan-preview.ts';
import { NAME_WIDTH, type PlanLine, renderLine } from './plan-line.ts';
import { isHeldUp, planSentence } from './plan-sentence.ts';
import { CommonCauses } from './plan-unknowns.ts';
import { changesLines, deletesLines, schemaLines, windowText, workText } from './plan-work-report.ts';
import { formatAgo, formatCount, formatInstant, formatNumber } from './quantity.ts';
import type { Style } from './style.ts';
import { padEnd, printable, wrap } from './text.ts';

export interface PlanOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly width: number;
  readonly style: Style;
}

/**
 * Lines of `lakeferry plan`: what would be done for each sync, then one sentence that counts, then the reasons for which
 * several things are not known.
 */
export function renderPlan(previews: readonly PlanPreview[], options: PlanOptions): string[] {
  const causes = new CommonCauses(previews);
  const blocks = previews.map((preview, at) => [
    ...headline(preview, at === 0, options),
    ...linesOf(preview, causes, options).flatMap((line) => renderLine(line, options)),
  ]);
  const [only, ...others] = blocks;
  const quiet = only?.length === 1 && others.length === 0 && previews[0]?.next?.step === 'nothing';
  const screen = blocks.flatMap((block, at) => (at === 0 ? block : ['', ...block]));
  return quiet
    ? screen
    : [...screen, '', ...wrap(planSentence(previews), options.width), ...causes.lines(options)];
}

function headline(
  { config, next, lookedAt }: PlanPreview,
  first: boolean,
  { now, width, style }: PlanOptions,
): string[] {
  const name = style.bold(printable(config.name));
  if (next?.step === 'nothing') {
    return wrap(
      `${name} is up to date at version ${formatCount(next.version)} (looked ${formatAgo(lookedAt, now)}).`,
      width,
    );
  }
  const { arrow } = style.symbols;
  const tables = `${displayTable(config.source)} ${arrow} ${displayTable(config.target)}`;
  const head = `${padEnd(name, NAME_WIDTH)}  ${printable(tables)}`;
  if (!first) return [head];
  const note = '(nothing is written by this command)';
  const fits = stringWidth(head) + 2 + note.length <= width;
  return fits ? [`${head}  ${style.dim(note)}`] : [head, `  ${style.dim(note)}`];
}

function linesOf(preview: PlanPreview, causes: CommonCauses, options: PlanOptions): PlanLine[] {
  const { next } = preview;
  return [
    ...standingLines(preview.config.name, preview.standing, options),
    ...(next ? nextLines(preview, next, options) : []),
    ...(next?.step === 'plan' ? [] : schemaLines(preview, undefined, options.style)),
    ...rejectedLines(preview, options.style),
    ...haltLines(preview, options.style),
    ...causes.linesOf(preview, options.style),
  ];
}

function standingLines(sync: string, standing: Standing, options: PlanOptions): PlanLine[] {
  const { now, style } = options;
  const { symbols } = style;
  switch (standing.state) {
    case 'free':
    case 'applying':
    case 'unknown':
      return [];
    case 'undeployed':
      return [
        { name: 'state', text: `${symbols.look} no deployment is seen that would do this. ${standing.why}` },
      ];
    case 'planning': {
      const until = formatInstant(standing.leaseUntil, now);
      const text = `${symbols.working} another planner is at work, until ${until} at the latest`;
      return [{ name: 'state', text }];
    }
    case 'halted': {
      const { kind, message, remedy, at } = standing.cause;
      const text = `${symbols.bad} halted ${formatAgo(at, now)}, ${kind}: ${message} Below is what a run would do; nothing is planned until:`;
      return [{ name: 'state', text, paste: [remedy] }];
    }
    case 'paused': {
      const { by, reason, at, cause } = standing;
      const why = reason === '' ? '' : `, "${reason}"`;
      const text = `${symbols.paused} paused by ${by} ${formatAgo(at, now)}${why}; nothing is planned until:`;
      const paused = { name: 'state', text, paste: [`lakeferry resume ${sync}`] };
      return cause ? [paused, ...standingLines(sync, { state: 'halted', cause }, options)] : [paused];
    }
    default:
      return standing satisfies never;
  }
}

function nextLines(preview: PlanPreview, next: NextPreview, options: PlanOptions): PlanLine[] {
  switch (next.step) {
    case 'nothing':
      return [];
    case 'goes_on':
      return goesOnLines(next, isHeldUp(preview), options.style);
    case 'plan': {
      const { work } = next.plan;
      return [
        { name: work.kind, text: windowText(next, options.now) },
        ...changesLines(next),
        { name: 'work', text: workText(next.plan) },
        ...schemaLines(preview, next.table, options.style),
        ...deletesLines(preview, next, options.style),
      ];
    }
    default:
      return next satisfies never;
  }
}

function goesOnLines(
  { plan, done, latest }: Extract<NextPreview, { step: 'goes_on' }>,
  heldUp: boolean,
  { symbols }: Style,
): PlanLine[] {
  const { work, slices } = plan;
  const what =
    work.kind === 'window'
      ? `the window through ${formatCount(work.through)}`
      : `${work.kind === 'retry' ? 'the retry of rejected rows' : 'the load'} at version ${formatCount(work.version)}`;
  const progress =
    done === undefined
      ? ''
      : `, ${formatCount(done)} of ${formatNumber(slices, 'slice')} known to be applied`;
  const through = work.kind === 'window' ? work.through : work.version;
  const waiting = latest === undefined || latest <= through ? 0n : latest - through;
  const course = heldUp
    ? 'waits: chunks that were sent are still applied, and it goes on after that'
    : 'is in flight, and nothing else is planned before its end';
  const line = { name: 'plan', text: `${symbols.working} ${what} ${course}${progress}` };
  if (waiting === 0n) return [line];
  const then = `${formatNumber(waiting, 'more commit')}, through ${formatCount(through + waiting)}`;
  return [line, { name: 'then', text: then }];
}

function rejectedLines({ config, rejectedKeys = 0n }: PlanPreview, { symbols }: Style): PlanLine[] {
  if (rejectedKeys === 0n) return [];
  const text = `${symbols.look} ${formatNumber(rejectedKeys, 'row')} put aside, which no tick tries again by itself:`;
  return [{ name: 'rejected', text, paste: [`lakeferry rejected ${config.name}`] }];
}

/** What deletes are held up for stands with the deletes; what the sync is halted for already, with its state. */
function haltLines({ standing, halts }: PlanPreview, { symbols }: Style): PlanLine[] {
  const now = 'cause' in standing ? standing.cause : undefined;
  return halts
    .filter(({ of }) => of !== 'deletes')
    .map(({ kind, message, remedy }) =>
      kind === now?.kind && message === now.message
        ? { name: 'halt', text: `${symbols.bad} expected again, ${kind}: nothing has changed so far` }
        : { name: 'halt', text: `${symbols.bad} expected, ${kind}: ${message}`, paste: [remedy] },
    );
}
