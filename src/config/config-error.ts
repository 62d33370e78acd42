import { SyncError } from '../error/sync-error.ts';

export type ConfigProblemCode =
  | 'syntax'
  | 'missing_key'
  | 'unknown_key'
  | 'wrong_type'
  | 'not_allowed'
  | 'contradiction';

/** One place of the configuration file that is wrong. Lines and columns count from 1, in UTF-16 units. */
export interface ConfigProblem {
  readonly code: ConfigProblemCode;
  /** Dotted, e.g. `syncs.orders.source`; empty for the file as a whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** Units to underline in the line, at least 1. */
  readonly length: number;
  /** What is wrong and what to write, as a sentence without its final stop. */
  readonly message: string;
  /** What could be written there. */
  readonly expected?: string;
  /** The text that was most likely meant. */
  readonly suggestion?: string;
  /** The line as it stands in the file; absent where it may hold a secret. */
  readonly sourceLine?: string;
}

/** `config_invalid` with every problem of the file, in the file's order. */
export class ConfigError extends SyncError {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super('config_invalid', summary(file, problems), { file, problems: problems.length });
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

function summary(file: string, problems: readonly ConfigProblem[]): string {
  const places = problems.map(
    ({ line, column, path, message }) => `${line}:${column} ${path === '' ? '' : `${path} `}${message}`,
  );
  return `${file} has ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}: ${places.join('; ')}.`;
}

/** One environment variable that is missing or wrong. The value is never in it. */
export interface EnvironmentProblem {
  readonly variable: string;
  /** Each place looked in, or what is wrong: part of a sentence. */
  readonly message: string;
}

/** `environment_invalid` with every variable at fault. */
export class EnvironmentError extends SyncError {
  readonly problems: readonly EnvironmentProblem[];

  constructor(
    problems: readonly EnvironmentProblem[],
    options: { readonly remedy?: string; readonly cause?: unknown } = {},
  ) {
    const list = problems.map(({ variable, message }) => `${variable}: ${message}`).join('; ');
    super('environment_invalid', `The environment lacks something: ${list}.`, {}, options);
    this.name = 'EnvironmentError';
    this.problems = problems;
  }
}
