import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { SyncError } from '../../../error/sync-error.ts';

const run = promisify(execFile);

const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
export const BRIDGE = path.join(import.meta.dirname, 'bridge');
const JARS_SCRIPT = path.join(BRIDGE, 'jars.py');
const DELTA = 'io.delta:delta-spark_2.13:4.0.1';
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

const installation = z.object({
  /** Digest of what was asked for. */
  pins: z.string(),
  /** Python that has PySpark. */
  python: z.string(),
  /** Delta's jars, separated by commas. */
  jars: z.string(),
});

export type SparkInstallation = z.infer<typeof installation>;

export type InstallPart = 'packages' | 'jars';

/** What Spark needs and this machine has not, in words; empty when all is there. */
export async function missingForSpark(): Promise<string[]> {
  const [java, python] = await Promise.all([
    versionOf('java', ['-version'], /version "(\d+)/),
    versionOf('python3', ['--version'], /Python 3\.(\d+)/),
  ]);
  return [
    ...(java === undefined || java < 17 ? ['Java 17 or later'] : []),
    ...(python === undefined || python < 9 ? ['Python 3.9 or later'] : []),
  ];
}

/**
 * PySpark and Delta's jars below `folder`, from the ordinary package registries; what is there already with the same
 * pins is taken as it is. The first time takes about two minutes and 1.2 GB. Failures are `local_failed`.
 */
export async function installSpark(
  folder: string,
  onPart: (part: InstallPart) => void = () => {},
): Promise<SparkInstallation> {
  const record = path.join(folder, 'installed.json');
  const pins = await digestOfPins();
  const present = await readFile(record, 'utf8').then(
    (text) => installation.parse(JSON.parse(text)),
    () => undefined,
  );
  if (present?.pins === pins) return present;
  const missing = await missingForSpark();
  if (missing.length > 0) {
    throw new SyncError('local_failed', `Spark needs ${missing.join(' and ')}, which this machine has not.`);
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const python = path.join(folder, 'python', 'bin', 'python');
  onPart('packages');
  await step('python3', ['-m', 'venv', path.join(folder, 'python')]);
  await step(python, ['-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS]);
  onPart('jars');
  const installed: SparkInstallation = { pins, python, jars: await fetchJars(python, folder, DELTA) };
  await writeFile(record, `${JSON.stringify(installed, null, 2)}\n`);
  return installed;
}

/**
 * Brings the jars of Maven packages (`group:artifact:version`, separated by commas) by Spark's own resolver below
 * `folder`, and gives their paths, separated by commas. Failures are `local_failed`.
 */
export async function fetchJars(python: string, folder: string, packages: string): Promise<string> {
  const printed = await step(python, [JARS_SCRIPT, path.join(folder, 'ivy'), packages]);
  return printed.trim().split('\n').at(-1) ?? '';
}

async function digestOfPins(): Promise<string> {
  const hash = createHash('sha256').update(DELTA);
  for (const file of [REQUIREMENTS, JARS_SCRIPT]) hash.update(await readFile(file));
  return hash.digest('hex');
}

async function step(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args, { maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  } catch (thrown) {
    const { stderr = '' } = thrown as { stderr?: string };
    const last = stderr.trim().split('\n').slice(-3).join(' ');
    throw new SyncError('local_failed', `Spark cannot be installed: ${last}`, {}, { cause: thrown });
  }
}

async function versionOf(
  command: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<number | undefined> {
  const printed = await run(command, args).catch(() => undefined);
  const version = printed && pattern.exec(printed.stdout + printed.stderr)?.[1];
  return version ? Number(version) : undefined;
}
