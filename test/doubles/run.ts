import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Part, resolveParts } from './parts.ts';

/**
 * `npm run test:doubles`, or `npm run test:doubles -- aws postgres-15 …` for some parts: suites against other servers
 * than the local stack's own. Fails when a suite fails, and when a part that was named cannot be run.
 */
const ROOT = path.resolve(import.meta.dirname, '../..');
const VITEST = path.join(
  path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
);

type Outcome = 'passed' | 'failed' | 'left out';

async function runPart(part: Part): Promise<Outcome> {
  say(`\n== ${part.name}`);
  try {
    await part.prepare();
  } catch (error) {
    say(`${part.name} is left out, since it could not be installed: ${messageOf(error)}`);
    return 'left out';
  }
  for (const [name, reason] of Object.entries(part.without ?? {})) say(`Without "${name}": ${reason}.`);
  const child = spawn(process.execPath, [VITEST, 'run', ...part.suites, ...excluding(part)], {
    cwd: ROOT,
    env: { ...process.env, ...part.environment },
    stdio: 'inherit',
  });
  const [code] = await once(child, 'close');
  return code === 0 ? 'passed' : 'failed';
}

function excluding({ without = {} }: Part): readonly string[] {
  const names = Object.keys(without).map((name) => name.replace(/[^\w\s]/g, '\\$&'));
  return names.length === 0 ? [] : ['--testNamePattern', `^(?!.*(${names.join('|')}))`];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(names: readonly string[]): Promise<number> {
  const outcomes: [Part, Outcome][] = [];
  for (const part of resolveParts(names)) outcomes.push([part, await runPart(part)]);
  say('');
  for (const [part, outcome] of outcomes) say(`${part.name.padEnd(12)} ${outcome}`);
  const bad: readonly Outcome[] = names.length > 0 ? ['failed', 'left out'] : ['failed'];
  return outcomes.some(([, outcome]) => bad.includes(outcome)) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(messageOf(error));
  process.exitCode = 2;
}
