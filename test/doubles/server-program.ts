import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ServerProgram {
  /** What the line said that told of its readiness. */
  readonly ready: RegExpExecArray;
  stop(): Promise<void>;
}

/** Ends the program when its own input does: when we stop it, and when we are gone. */
const TIED = '"$@" </dev/null & program=$!; read -r _; kill "$program"; wait "$program"';

/**
 * Starts a server and returns once a line of its output, of either kind, matches `readiness`. Throws with its last
 * line when it ends before.
 */
export async function startProgram(
  command: readonly string[],
  readiness: RegExp,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProgram> {
  const child = spawn('/bin/sh', ['-c', TIED, 'sh', ...command], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = await firstMatch(child, readiness);
  return {
    ready,
    async stop() {
      child.stdin?.end();
      await gone;
    },
  };
}

function firstMatch(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let last = 'it wrote nothing';
    let open = 0;
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) continue;
      open += 1;
      const lines = createInterface({ input: output });
      lines.on('line', (line) => {
        const match = pattern.exec(line);
        if (match !== null) resolve(match);
        last = line;
      });
      lines.on('close', () => {
        open -= 1;
        if (open === 0) reject(new Error(`The server did not start: ${last}`));
      });
    }
  });
}
