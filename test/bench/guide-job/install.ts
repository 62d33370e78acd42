import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { fetchJars, type SparkInstallation } from '../../../src/local/warehouse/spark/install.ts';

const run = promisify(execFile);

const FOLDER = path.resolve(import.meta.dirname, '../../../.lakeferry/guide-job');
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const DRIVER = 'org.postgresql:postgresql:42.7.7';

const installation = z.object({
  /** Digest of what was asked for. */
  pins: z.string(),
  /** Folder for PYTHONPATH with psycopg2. */
  packages: z.string(),
  /** Jars of Postgres' JDBC driver, separated by commas. */
  jars: z.string(),
});

export type GuideJobInstallation = z.infer<typeof installation>;

/**
 * What the guide's job needs beside Spark, in a folder of its own: psycopg2 for Spark's Python, and the JDBC driver.
 * What is there already with the same pins is taken as it is.
 */
export async function installGuideJob(spark: SparkInstallation): Promise<GuideJobInstallation> {
  const record = path.join(FOLDER, 'installed.json');
  const pins = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .update(DRIVER)
    .update(spark.pins)
    .digest('hex');
  const present = await readFile(record, 'utf8').then(
    (text) => installation.parse(JSON.parse(text)),
    () => undefined,
  );
  if (present?.pins === pins) return present;
  process.stderr.write("The guide's job is not here yet: installing psycopg2 and the JDBC driver.\n");
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const packages = path.join(FOLDER, 'packages');
  const target = ['--target', packages, '--requirement', REQUIREMENTS];
  await run(spark.python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...target]);
  const installed = { pins, packages, jars: await fetchJars(spark.python, FOLDER, DRIVER) };
  await writeFile(record, `${JSON.stringify(installed, null, 2)}\n`);
  return installed;
}
