import type { Area, Finding, Fix, Verdict } from '../doctor/finding.ts';
import type { ExitCode } from './io.ts';
import { formatNumber } from './quantity.ts';
import type { Paint, Style } from './style.ts';
import { padEnd, printable, wrap } from './text.ts';

export interface DoctorOptions {
  /** Name of the configuration file. */
  readonly file: string;
  readonly syncs: number;
  readonly offline: boolean;
  readonly width: number;
  readonly style: Style;
}

const AREA_NAMES: Readonly<Record<Area, string>> = {
  machine: 'This machine',
  databricks: 'Databricks',
  neon: 'Neon',
  stack: 'Deployed stack',
};

const AREA_WIDTH = Math.max(...Object.values(AREA_NAMES).map((name) => name.length));
/** A subject that is longer gets a line of its own, as do all of them on a narrow terminal. */
const MAX_SUBJECT_WIDTH = 36;
const NARROW = 80;

/** What was looked at, one line for each thing; then what to do, in order; then what was not looked at. */
export function renderDoctor(findings: readonly Finding[], options: DoctorOptions): string[] {
  const { file, syncs, offline, style } = options;
  const good = style.green(style.symbols.ok);
  return [
    `${padEnd(file, AREA_WIDTH)}  ${good} ${formatNumber(syncs, 'sync')}, no problems`,
    ...(Object.keys(AREA_NAMES) as Area[]).flatMap((area) => areaLines(area, findings, options)),
    '',
    ...(offline
      ? ['Nothing was asked over a network; without --offline, the rest is looked at, too.']
      : [...uncheckedLines(findings, options), ...fixLines(findings, options)]),
  ];
}

function areaLines(area: Area, findings: readonly Finding[], options: DoctorOptions): string[] {
  const ofArea = findings.filter((finding) => finding.area === area);
  const subjects = [...new Set(ofArea.map(({ subject }) => subject))];
  const lengths = subjects.map((subject) => subject.length).filter((length) => length <= MAX_SUBJECT_WIDTH);
  const subjectWidth = Math.max(0, ...lengths);
  return subjects.flatMap((subject, at) => {
    const label = at === 0 ? AREA_NAMES[area] : '';
    const lines = subjectLines(
      ofArea.filter((finding) => finding.subject === subject),
      options,
    );
    return placed(label, subject, lines, subjectWidth, options);
  });
}

interface Line {
  readonly verdict: Verdict;
  readonly text: string;
}

/** What is fine on one line, everything else on a line of its own, the worst first. */
function subjectLines(findings: readonly Finding[], { style }: DoctorOptions): Line[] {
  const of = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict);
  const fine = of('ok').map(({ text }) => text);
  return [
    ...(['problem', 'note', 'unchecked'] as const).flatMap(of),
    ...(fine.length === 0 ? [] : [{ verdict: 'ok' as const, text: fine.join(` ${style.symbols.dot} `) }]),
  ];
}

function placed(
  label: string,
  subject: string,
  lines: readonly Line[],
  subjectWidth: number,
  { width, style }: DoctorOptions,
): string[] {
  const narrow = width < NARROW;
  const ownLine = narrow || subject.length > subjectWidth;
  const left = narrow ? '' : `${padEnd(label, AREA_WIDTH)}  `;
  const indent = narrow ? 2 : left.length + (ownLine ? 2 : subjectWidth + 2);
  const texts = lines.flatMap(({ verdict, text }) => {
    const words = verdict === 'unchecked' ? `not checked: ${text}` : text;
    return wrap(printable(words), Math.max(20, width - indent - 2)).map((line, at) =>
      at === 0 ? `${paints(style)[verdict](signs(style)[verdict])} ${line}` : `  ${line}`,
    );
  });
  const name = printable(subject);
  if (!ownLine) {
    return texts.map((text, at) => {
      const head = at === 0 ? `${left}${padEnd(name, subjectWidth)}  ` : ' '.repeat(indent);
      return `${head}${text}`;
    });
  }
  const heading = narrow && label !== '' ? [style.bold(label)] : [];
  return [...heading, `${left}${name}`, ...texts.map((text) => `${' '.repeat(indent)}${text}`)];
}

function signs({ symbols }: Style): Readonly<Record<Verdict, string>> {
  return { ok: symbols.ok, note: symbols.look, problem: symbols.bad, unchecked: '?' };
}

function paints(style: Style): Readonly<Record<Verdict, Paint>> {
  return { ok: style.green, note: style.yellow, problem: style.red, unchecked: style.yellow };
}

function uncheckedLines(findings: readonly Finding[], { width }: DoctorOptions): string[] {
  const left = findings.filter(({ verdict }) => verdict === 'unchecked');
  if (left.length === 0) return [];
  const names = [...new Set(left.map(({ subject, check }) => `${subject} (${check})`))];
  return [...wrap(printable(`Not checked: ${names.join(', ')}.`), width), ''];
}

/**
 * Problems first, then notes and what could not be looked at; what the same words mend stands once. Lines to paste are
 * never broken.
 */
function fixLines(findings: readonly Finding[], { width, style }: DoctorOptions): string[] {
  const problems = findings.filter(({ verdict }) => verdict === 'problem');
  const notes = findings.filter(({ verdict }) => verdict === 'note');
  const summary = summaryOf(problems.length, notes.length, findings);
  const unchecked = findings.filter(({ verdict }) => verdict === 'unchecked');
  const fixes = new Map<string, Fix>();
  for (const { fix } of [...problems, ...notes, ...unchecked]) {
    if (fix) fixes.set(JSON.stringify(fix), fix);
  }
  if (fixes.size === 0) return [summary];
  return [
    `${summary} ${fixes.size === 1 ? 'What to do:' : 'What to do, in this order:'}`,
    ...[...fixes.values()].flatMap(({ by, paste, advice }, at) => [
      '',
      `  ${padEnd(String(at + 1), 2)} ${printable(by)}`,
      ...paste.map((line) => `       ${style.bold(printable(line))}`),
      ...(advice === undefined ? [] : wrap(printable(advice), width - 5).map((line) => `     ${line}`)),
    ]),
  ];
}

function summaryOf(problems: number, notes: number, findings: readonly Finding[]): string {
  if (problems + notes > 0) {
    const counts = [
      ...(problems > 0 ? [formatNumber(problems, 'problem')] : []),
      ...(notes > 0 ? [formatNumber(notes, 'note')] : []),
    ];
    return `${counts.join(', ')}.`;
  }
  const all = findings.every(({ verdict }) => verdict === 'ok');
  return all ? 'All is well.' : 'No problem was found in what could be checked.';
}

/** 3 when something does not work, 1 when something could not be looked at, else 0. */
export function doctorExitCode(findings: readonly Finding[]): ExitCode {
  if (findings.some(({ verdict }) => verdict === 'problem')) return 3;
  return findings.some(({ verdict }) => verdict === 'unchecked') ? 1 : 0;
}

/** The document of `lakeferry doctor --json`. */
export function doctorJson(findings: readonly Finding[]) {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return {
    problems: count('problem'),
    notes: count('note'),
    unchecked: count('unchecked'),
    findings: findings.map(({ sync, fix, ...finding }) => ({
      ...finding,
      sync: sync ?? null,
      fix: fix ?? null,
    })),
  };
}
