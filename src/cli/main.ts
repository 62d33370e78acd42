#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { processEnvironment } from '../config/environment-reader.ts';
import { systemClock } from '../telemetry/clock.ts';
import { askAt } from './ask.ts';

// What is imported from here on is compiled once, for all commands to come: it is half of the time of a short one.
enableCompileCache();
const { runCli } = await import('./program.ts');

/** What a command leaves behind may keep it for so long: the socket to a silent server cannot be cut. */
const LEFT_BEHIND_MS = 1_000;

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
process.once('SIGTERM', () => interruption.abort());

/** A reader that went away (`| head`) has had enough: no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const ask = askAt(process.stdin, process.stderr, () => interruption.abort());

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: processEnvironment(),
  cwd: process.cwd(),
  clock: systemClock,
  signal: interruption.signal,
  ...(process.stdin.isTTY ? { ask } : {}),
});
// Once all is written; it fires only if something is left.
process.stdout.write('', () => setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref());
