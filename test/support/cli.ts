import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/program.ts';
import { type Stack, startStack } from '../../src/local/stack.ts';
import { STACK_FOLDER } from '../../src/local/stack-info.ts';
import { systemClock } from '../../src/telemetry/clock.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in this process, in a folder where a local stack runs. */
export interface Cli {
  readonly folder: string;
  readonly stack: Stack;
  run(...args: readonly string[]): Promise<Ended>;
  /** Runs with `--json` and gives the document. */
  json(...args: readonly string[]): Promise<{ readonly code: number; readonly answer: unknown }>;
  close(): Promise<void>;
}

export async function openCli(): Promise<Cli> {
  const folder = await mkdtemp(join(tmpdir(), 'lakeferry-cli-'));
  const stack = await startStack({ folder: join(folder, STACK_FOLDER) });
  async function run(...args: readonly string[]): Promise<Ended> {
    const written = { stdout: '', stderr: '' };
    const output = (name: keyof typeof written) => ({
      write: (text: string) => {
        written[name] += text;
      },
    });
    const code = await runCli(args, {
      stdout: output('stdout'),
      stderr: output('stderr'),
      env: { LANG: 'C.UTF-8', USER: 'ana' },
      cwd: folder,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    return { code, ...written };
  }
  return {
    folder,
    stack,
    run,
    async json(...args) {
      const { code, stdout } = await run(...args, '--json');
      return { code, answer: JSON.parse(stdout) };
    },
    async close() {
      await stack.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
