import type { Mapping } from '../plan/mapping.ts';
import type { Plan } from '../plan/plan.ts';
import type { ChangesPreview, DeletesPreview, PlanPreview, WorkPreview } from '../sync/plan-preview.ts';
import { MIN_BRAKED_DELETES, type TableFinding } from '../target/survey.ts';
import type { PlanLine } from './plan-line.ts';
import { formatCount, formatInstant, formatNumber } from './quantity.ts';
import type { Style } from './style.ts';

/** The lines of `lakeferry plan` about one plan. What is estimated has "about" or "at most", what is counted "exactly". */

export function windowText({ plan: { work }, committed }: WorkPreview, now: number): string {
  if (work.kind !== 'window') return `version ${formatCount(work.version)}, whole`;
  const commits = formatNumber(work.through - work.after, 'commit');
  const times = committed === undefined ? '' : `, ${formatSpan(committed, now)}`;
  return `after ${formatCount(work.after)} through ${formatCount(work.through)}: ${commits}${times}`;
}

/** `21 Nov 14:28:40 to 14:31:25 UTC` */
function formatSpan({ first, last }: { readonly first: number; readonly last: number }, now: number): string {
  const [from, until] = [formatInstant(first, now), formatInstant(last, now)];
  if (from === until) return from;
  const [day, time] = [until.slice(0, -'14:31:25 UTC'.length), until.slice(-'14:31:25 UTC'.length)];
  return from.startsWith(day) ? `${from.slice(0, -' UTC'.length)} to ${time}` : `${from} to ${until}`;
}

export function changesLines({ plan, changes }: WorkPreview): PlanLine[] {
  return [{ name: 'changes', text: changesText(plan, changes) }];
}

function changesText({ work, mapping }: Plan, changes: ChangesPreview): string {
  if (changes.kind === 'exact') {
    const { upserts, deletes, rejected } = changes;
    const rows = work.kind === 'window' ? 'upsert' : 'row';
    return [
      `exactly ${formatNumber(upserts, rows)}`,
      ...(work.kind === 'window' ? [formatNumber(deletes, 'delete')] : []),
      ...(rejected === 0 ? [] : [`${formatNumber(rejected, 'row')} that Postgres cannot hold`]),
    ].join(', ');
  }
  const { rows, from } = changes;
  if (from === 'history') {
    return `about ${formatCount(rows)} (an estimate from DESCRIBE HISTORY; --exact counts them)`;
  }
  if (work.kind === 'window') {
    return `at most ${formatCount(rows)} (change rows, since DESCRIBE HISTORY does not tell; --exact counts what they come to)`;
  }
  const before = mapping.where === undefined ? '' : ' before the filter';
  return `at most ${formatNumber(rows, 'row')} (all of the source${before}; --exact counts those that fit)`;
}

export function workText({ slices, writers, divisible, work }: Plan): string {
  const readers = work.kind === 'snapshot' ? 'see the table fill' : 'see some changes before others';
  if (slices > 1) {
    const atOnce = Math.min(slices, writers);
    return `${formatNumber(slices, 'slice')}, ${formatNumber(slices, 'chunk')}, one transaction each, ${formatCount(atOnce)} at once; readers never wait, and ${readers}`;
  }
  const halved = divisible ? ', unless it has to be halved to end in time' : '';
  return `1 slice, 1 chunk, one transaction${halved}; readers never wait, and see all of it at once`;
}

export function schemaLines(
  { config, leftOut }: PlanPreview,
  table: TableFinding | undefined,
  { symbols }: Style,
): PlanLine[] {
  const lines = table === undefined ? [] : tableLines(table);
  if (leftOut.length === 0) return lines;
  const columns = leftOut.map(({ name, type }) => `${name} ${type}`).join(', ');
  const text = `${symbols.look} ${formatNumber(leftOut.length, 'new column')} left out, since the rows that are loaded lack them: ${columns}. To take them in:`;
  const remedy = `drop the target table, then run "lakeferry run ${config.name}".`;
  return [...lines, { name: lines.length === 0 ? 'schema' : '', text, paste: [remedy] }];
}

function tableLines(table: TableFinding): PlanLine[] {
  switch (table.outcome) {
    case 'missing':
      return [{ name: 'schema', text: '+ the table is created:', sql: ddlLines(table.statements) }];
    case 'fits': {
      const others = table.untouched;
      const theirs =
        others.length === 0
          ? ''
          : `; ${formatNumber(others.length, 'column')} of yours that Lakeferry does not touch: ${others.join(', ')}`;
      return [{ name: 'schema', text: `= the table fits${theirs}` }];
    }
    case 'unfit':
      return [];
    default:
      return table satisfies never;
  }
}

function ddlLines(statements: readonly string[]): string[] {
  return statements.flatMap((statement) => `${statement};`.split('\n'));
}

export function deletesLines(
  { config, halts }: PlanPreview,
  { plan, deletes }: WorkPreview,
  { symbols }: Style,
): PlanLine[] {
  if (plan.work.kind !== 'window') return [];
  if (plan.mapping.deletes.mode === 'ignore') {
    return [{ name: 'deletes', text: 'are left out, as the configuration says' }];
  }
  if (deletes === undefined) return [];
  const text = deletesText(plan, deletes);
  if (!halts.some(({ of }) => of === 'deletes')) return [{ name: 'deletes', text }];
  return [
    {
      name: 'deletes',
      text: `${symbols.look} ${text} The writer is expected to halt before them. After the halt, if the rows are meant to go:`,
      paste: [`lakeferry approve ${config.name}`],
    },
  ];
}

function deletesText({ mapping }: Plan, { kind, rows, weight }: DeletesPreview): string {
  const filtered =
    mapping.where === undefined ? '' : ', which does not tell what enters or leaves the filter';
  const source = kind === 'exact' ? '' : ` (an estimate from DESCRIBE HISTORY${filtered})`;
  const amount =
    kind === 'exact' ? `exactly ${formatNumber(rows, 'row')}` : `about ${formatNumber(rows, 'row')}`;
  if (weight === undefined) return `${rows === 0 && kind === 'exact' ? 'none' : amount}${source}`;
  const whole = `${weight.estimated ? 'about ' : ''}${formatCount(weight.rows)} in the target`;
  return `${amount}, ${percentOf(rows, weight.rows)} of ${whole}${source}. ${brakeText(mapping, rows)}`;
}

function brakeText({ maxDeletePercent }: Mapping, rows: number): string {
  if (maxDeletePercent === 100) return 'There is no brake.';
  if (rows >= MIN_BRAKED_DELETES) return `The brake is ${maxDeletePercent} %.`;
  return `The brake of ${maxDeletePercent} % leaves fewer than ${formatNumber(MIN_BRAKED_DELETES, 'row')} alone.`;
}

function percentOf(part: number, whole: number): string {
  const percent = whole === 0 ? 100 : Math.min(100, (part * 100) / whole);
  return percent > 0 && percent < 1 ? 'less than 1 %' : `${Math.round(percent)} %`;
}
