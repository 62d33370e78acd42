import stringWidth from 'string-width';
import type { ConfigError, ConfigProblem } from '../config/config-error.ts';
import { findSetting } from '../config/setting.ts';
import type { Style } from './style.ts';
import { entry, padStart, printable, wrap } from './text.ts';

export interface ProblemOptions {
  readonly width: number;
  readonly style: Style;
}

/** The screen of a configuration that is wrong: each problem with its place, its line, and a caret under it. */
export function renderConfigProblems(error: ConfigError, options: ProblemOptions): string[] {
  const { style } = options;
  const count = error.problems.length;
  const title = `${error.file} has ${count === 1 ? '1 problem' : `${count} problems`}; nothing was run.`;
  return [
    style.bold(`${style.symbols.bad} ${title}`),
    '',
    ...error.problems.flatMap((problem) => [...problemLines(error.file, problem, options), '']),
    ...explainLines(error, options.width),
    ...entry('remedy', style.command(error.remedy), 7, Number.POSITIVE_INFINITY),
  ];
}

/** How to read about the first of the settings at fault that there is. */
function explainLines(error: ConfigError, width: number): string[] {
  for (const { path } of error.problems) {
    const search = findSetting(path);
    if (search.outcome !== 'found') continue;
    const typed = search.setting.path.replaceAll(/\.<\w+>/g, '');
    return entry('explain', `lakeferry explain ${typed}`, 7, width);
  }
  return [];
}

/** The same for programs. */
export function configProblemsJson(
  error: ConfigError,
): readonly Omit<ConfigProblem, 'length' | 'sourceLine'>[] {
  return error.problems.map(({ length: _, sourceLine: __, ...problem }) => problem);
}

function problemLines(file: string, problem: ConfigProblem, { width, style }: ProblemOptions): string[] {
  const place = `${file}:${problem.line}:${problem.column}`;
  const path = printable(problem.path);
  const head = `  ${style.cyan(place)}${path === '' ? '' : `  ${style.bold(path)}`}`;
  const message = wrap(printable(problem.message), width - 4).map((line) => `    ${line}`);
  return [head, ...message, ...excerpt(problem, width, style)];
}

/** The source line, cut to the part around the caret where it is too long. */
function excerpt(problem: ConfigProblem, width: number, style: Style): string[] {
  if (problem.sourceLine === undefined) return [];
  const gutter = Math.max(4, String(problem.line).length);
  const room = Math.max(20, width - gutter - 7);
  const start = problem.column - 1;
  const skip = start + problem.length > room ? Math.max(0, start - Math.floor(room / 3)) : 0;
  const line = printable(problem.sourceLine.slice(skip, skip + room));
  const before = stringWidth(printable(problem.sourceLine.slice(skip, start)));
  const marked = stringWidth(printable(problem.sourceLine.slice(start, start + problem.length)));
  const caret = '^'.repeat(Math.max(1, Math.min(marked, room - before)));
  return [
    `  ${style.dim(`${padStart(String(problem.line), gutter)} |`)} ${line}`.trimEnd(),
    `  ${style.dim(`${' '.repeat(gutter)} |`)} ${' '.repeat(before)}${style.red(caret)}`,
  ];
}
