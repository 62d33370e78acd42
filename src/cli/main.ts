#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { createInterface } from 'node:readline/promises';
import { processEnvironment } from '../config/environment-reader.ts';
import { systemClock } from '../telemetry/clock.ts';

// What is imported from here on is compiled once, for all commands to come: it is half of the time of a short one.
enableCompileCache();
const { runCli } = await import('./program.ts');

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
process.once('SIGTERM', () => interruption.abort());

/** A reader that went away (`| head`) has had enough: no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question, { signal });
  } finally {
    terminal.close();
  }
}

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: processEnvironment(),
  cwd: process.cwd(),
  clock: systemClock,
  signal: interruption.signal,
  ...(process.stdin.isTTY ? { ask } : {}),
});
