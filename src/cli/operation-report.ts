import { type Checkpoint, haltCauseOf } from '../checkpoint/checkpoint.ts';
import { throughOf } from '../plan/plan.ts';
import type { Operation } from '../sync/operate-sync.ts';
import { formatAgo, formatCount } from './quantity.ts';
import type { Style } from './style.ts';
import { printable, wrap } from './text.ts';

export interface OperatedSync {
  readonly sync: string;
  readonly operation: Operation;
}

export interface OperationOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly dryRun: boolean;
  readonly style: Style;
  readonly width: number;
}

/** Lines of `lakeferry pause` about one sync; the last one is what ends the pause. */
export function renderPause({ sync, operation }: OperatedSync, options: OperationOptions): string[] {
  const { style, dryRun } = options;
  const { changed, before, after } = operation;
  const name = style.bold(sync);
  const head = changed
    ? `${name} ${dryRun ? 'would be' : 'is'} paused.`
    : `${name} was paused already, ${pausedWords(after, options.now)}.`;
  const notes = [
    'Nothing new is planned until it is resumed. Neon keeps serving what it has.',
    ...(before.state === 'planning' ? ['A planner was at work: it stops at its next step.'] : []),
    ...planNotes(after),
    ...haltNotes(after, 'It is halted as well, and will be again after the pause'),
  ];
  return [
    `${style.dim(style.symbols.paused)} ${head}`,
    ...indented(notes, options),
    `  ${style.command(`lakeferry resume ${sync}`)}`,
  ];
}

/** Lines of `lakeferry resume` about one sync; the last one is what to do now, where there is something. */
export function renderResume({ sync, operation }: OperatedSync, options: OperationOptions): string[] {
  const { style, dryRun, now } = options;
  const { changed, after } = operation;
  const name = style.bold(sync);
  const cause = haltCauseOf(after);
  if (cause !== undefined) {
    const head = changed
      ? `${name} ${dryRun ? 'would be' : 'is'} paused no more, but halted`
      : `${name} is not paused but halted`;
    return [
      `${style.red(style.symbols.bad)} ${head}: ${cause.kind}, ${formatAgo(cause.at, now)}.`,
      ...indented([cause.message], options),
      `  ${style.command(printable(cause.remedy))}`,
    ];
  }
  const ok = style.green(style.symbols.ok);
  if (!changed) return [`${ok} ${name} is not paused.`];
  return [
    `${ok} ${name} ${dryRun ? 'would go' : 'goes'} on at the next tick of its schedule.`,
    ...indented(planNotes(after), options),
    `  ${style.command(`At once: lakeferry run ${sync}`)}`,
  ];
}

/** The document of `lakeferry pause --json` and `lakeferry resume --json`. Times are ISO 8601 in UTC. */
export function operationsJson(operated: readonly OperatedSync[], dryRun: boolean) {
  return { dryRun, syncs: operated.map(operationValue) };
}

function operationValue({ sync, operation: { changed, after } }: OperatedSync) {
  const cause = haltCauseOf(after);
  const plan = 'plan' in after ? after.plan : undefined;
  return {
    sync,
    changed,
    state: after.state,
    paused: after.state === 'paused' ? { by: after.by, reason: after.reason, at: isoTime(after.at) } : null,
    halt: cause === undefined ? null : { ...cause, at: isoTime(cause.at) },
    plan: plan === undefined ? null : { id: plan.id, through: throughOf(plan) },
  };
}

/** `by ana, 2 d ago: index build` */
function pausedWords(checkpoint: Checkpoint, now: number): string {
  if (checkpoint.state !== 'paused') return '';
  const { by, at, reason } = checkpoint;
  return `by ${printable(by)}, ${formatAgo(at, now)}${reason === '' ? '' : `: ${printable(reason)}`}`;
}

function planNotes(after: Checkpoint): string[] {
  if (!('plan' in after) || after.plan === undefined) return [];
  const through = formatCount(throughOf(after.plan));
  return after.state === 'paused'
    ? [`A plan is in flight, through version ${through}: its chunks that were sent are still applied.`]
    : [`Its plan in flight, through version ${through}, goes on where it was.`];
}

function haltNotes(after: Checkpoint, words: string): string[] {
  const cause = haltCauseOf(after);
  return cause === undefined ? [] : [`${words}: ${cause.kind}.`];
}

function indented(texts: readonly string[], { width }: OperationOptions): string[] {
  return texts.flatMap((text) => wrap(printable(text), width - 2)).map((line) => `  ${line}`);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
