import { EnvironmentError, type EnvironmentProblem } from './config-error.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** This process' own: the only place where it is read. A file `.env` in the working folder adds what is not set. */
export function processEnvironment(): Environment {
  try {
    process.loadEnvFile();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
  return process.env;
}

/**
 * Reads variables and remembers what lacks, so that all of it is reported at once. A variable that is empty or
 * blank is missing; blanks around a value are left out. No value ever reaches a problem.
 */
export class EnvironmentReader {
  /** The configuration, as a person named it. */
  readonly file: string;
  readonly #env: Environment;
  readonly #problems: EnvironmentProblem[] = [];

  constructor(env: Environment, file: string) {
    this.#env = env;
    this.file = file;
  }

  optional(variable: string): string | undefined {
    const value = this.#env[variable]?.trim();
    return value === '' ? undefined : value;
  }

  /** `elsewhere` is the value of a setting of the configuration, which serves in the variable's place. */
  required(
    variable: string,
    elsewhere?: { readonly value: string | undefined; readonly setting: string },
  ): string {
    const value = this.optional(variable) ?? elsewhere?.value;
    if (value !== undefined) return value;
    const also = elsewhere === undefined ? '' : `, and ${elsewhere.setting} of ${this.file} is not set`;
    this.problem(variable, `not in the environment${also}`);
    return '';
  }

  problem(variable: string, message: string): void {
    this.#problems.push({ variable, message });
  }

  /** Throws EnvironmentError when anything lacked. */
  check(): void {
    if (this.#problems.length > 0) throw new EnvironmentError(this.#problems);
  }
}
