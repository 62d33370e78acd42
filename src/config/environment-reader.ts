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
  readonly #env: Environment;
  readonly #problems: EnvironmentProblem[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  optional(variable: string): string | undefined {
    const value = this.#env[variable]?.trim();
    return value === '' ? undefined : value;
  }

  /** `elsewhere` is a value from another place, and `place` that place's name for the message. */
  required(
    variable: string,
    elsewhere?: { readonly value: string | undefined; readonly place: string },
  ): string {
    const value = this.optional(variable) ?? elsewhere?.value;
    if (value !== undefined) return value;
    const also = elsewhere === undefined ? '' : `, and ${elsewhere.place} is not set`;
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
