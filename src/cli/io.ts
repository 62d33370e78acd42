import type { Environment } from '../config/environment-reader.ts';
import type { Clock } from '../telemetry/clock.ts';

/** 0 done, 1 unexpected, 2 usage or configuration, 3 needs attention, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** A stream that a command prints to; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown;
  /** True for a terminal; a pipe or a file otherwise. */
  readonly isTTY?: boolean;
  /** Width of the terminal now. */
  readonly columns?: number;
}

/** Everything of the world that a command touches beside its work, so that a test can run it in-process. */
export interface CliIo {
  /** The answer, and with `--json` the one document. */
  readonly stdout: Output;
  /** Progress and everything else. */
  readonly stderr: Output;
  readonly env: Environment;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts at Ctrl-C. What a command throws after that ends with 130. */
  readonly signal: AbortSignal;
  /** Asks a person at the terminal and gives the line that is typed; absent where nobody is there. */
  readonly ask?: (question: string, signal: AbortSignal) => Promise<string>;
  /** How the process ends when the command returns; 0 unless said. What it throws decides for itself. */
  setExitCode(code: ExitCode): void;
}

/** Columns to fill: the terminal's, or 100 where there is none. */
export function widthOf(output: Output): number {
  return output.isTTY ? (output.columns ?? 80) : 100;
}
