import { ConfigError, EnvironmentError } from '../config/config-error.ts';
import type { ErrorAction } from '../error/error-kind.ts';
import { errorPage } from '../error/error-page.ts';
import type { SyncError } from '../error/sync-error.ts';
import { haltsPlanner } from '../sync/halt-sync.ts';
import { configProblemsJson, renderConfigProblems } from './config-problems.ts';
import type { ExitCode } from './io.ts';
import type { Style } from './style.ts';
import { entry, printable, wrap } from './text.ts';

export interface ReportOptions {
  readonly width: number;
  readonly style: Style;
}

/** Why it ends here, by what the kind of error means for a sync. */
const MEANING: Readonly<Record<Exclude<ErrorAction, 'refuse'>, string>> = {
  retry: 'the same work may succeed later',
  replan: 'the plan no longer fits; Lakeferry makes another',
  halt: 'trying again changes nothing until somebody acts',
};

/** What certainly did not happen: a chunk's rows, its ledger entry and the fence commit together or not at all. */
const SAFE: Readonly<Record<ErrorAction, string>> = {
  retry: 'no chunk is half applied, and "through" did not move',
  replan: 'no chunk is half applied, and "through" did not move',
  halt: 'no chunk is half applied, and "through" did not move',
  refuse: 'nothing was run and nothing was written',
};

/** Lines of an error: what, where, why, what is safe, and as the last one the remedy. */
export function renderError(error: SyncError, options: ReportOptions): string[] {
  if (error instanceof ConfigError) return renderConfigProblems(error, options);
  const { style, width } = options;
  const line = (name: string, text: string) => entry(name, printable(text), NAME_WIDTH, width);
  const places = placesOf(error);
  return [
    ...whatLines(error, options),
    ...(places === '' ? [] : line('where', places)),
    ...(error.action === 'refuse' ? [] : line('why', `${error.kind}: ${MEANING[error.action]}`)),
    ...line('safe', SAFE[error.action]),
    ...entry('remedy', style.command(printable(error.commandRemedy)), NAME_WIDTH, Number.POSITIVE_INFINITY),
  ];
}

const NAME_WIDTH = 7;

function whatLines(error: SyncError, { style, width }: ReportOptions): string[] {
  const mark = style.red(style.symbols.bad);
  if (error instanceof EnvironmentError) {
    const names = Math.max(...error.problems.map(({ variable }) => variable.length));
    return [
      `${mark} ${style.bold('The environment lacks something.')}`,
      '',
      ...error.problems.flatMap(({ variable, message }) => entry(variable, printable(message), names, width)),
      '',
    ];
  }
  return wrap(printable(error.message), width - 2).map(
    (text, at) => `${at === 0 ? mark : ' '} ${style.bold(text)}`,
  );
}

const FIELD_NAMES: Readonly<Record<string, string>> = { planId: 'plan', sqlState: 'SQLSTATE' };

function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Facts of the error that are plain values, `sync` first. */
function placesOf({ fields }: SyncError): string {
  const { sync, planId, slice, ...rest } = fields;
  return Object.entries({ sync, planId, slice, ...rest })
    .filter(([, value]) => ['string', 'number', 'bigint', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${FIELD_NAMES[name] ?? spaced(name)} ${value}`)
    .join(', ');
}

/** The one document of a failed `--json` command. */
export function errorJson(error: SyncError) {
  const { kind, message, commandRemedy: remedy } = error;
  const { sync } = error.fields;
  const problems = problemsJson(error);
  return {
    error: {
      kind,
      message,
      ...(sync !== undefined && { sync }),
      remedy,
      docs: errorPage(kind),
      ...(problems && { problems }),
    },
  };
}

function problemsJson(error: SyncError): readonly object[] | undefined {
  if (error instanceof ConfigError) return configProblemsJson(error);
  return error instanceof EnvironmentError ? error.problems : undefined;
}

export function exitCodeOf(error: SyncError): ExitCode {
  switch (error.action) {
    case 'refuse':
      return 2;
    case 'halt':
      return 3;
    case 'replan':
      return haltsPlanner(error) ? 3 : 1;
    case 'retry':
      return 1;
    default:
      return error.action satisfies never;
  }
}
