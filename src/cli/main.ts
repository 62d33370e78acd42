#!/usr/bin/env node
import { processEnvironment } from '../config/environment-reader.ts';
import { systemClock } from '../telemetry/clock.ts';
import { runCli } from './program.ts';

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
process.once('SIGTERM', () => interruption.abort());

/** A reader that went away (`| head`) has had enough: no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: processEnvironment(),
  cwd: process.cwd(),
  clock: systemClock,
  signal: interruption.signal,
});
