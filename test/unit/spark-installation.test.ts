import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { installSpark, missingForSpark } from '../../src/local/warehouse/spark/install.ts';
import { startSpark } from '../../src/local/warehouse/spark/process.ts';

const JAVA_17 = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`;
const PYTHON_3_11 = 'echo "Python 3.11.7"';

let folder: string;
let bin: string;

/** A command of that name, the only one of it on the path. */
async function command(name: string, script: string): Promise<string> {
  const file = path.join(bin, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-install-'));
  bin = path.join(folder, 'bin');
  await mkdir(bin);
  vi.stubEnv('PATH', bin);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('what Spark needs of a machine', () => {
  it('is nothing where Java 17 and Python 3 are there', async () => {
    await command('java', JAVA_17);
    await command('python3', PYTHON_3_11);
    expect(await missingForSpark()).toEqual([]);
  });

  it('is named where it is missing or too old', async () => {
    await command('java', `echo 'openjdk version "11.0.2" 2019-01-15' >&2`);
    expect(await missingForSpark()).toEqual(['Java 17 or later', 'Python 3.9 or later']);
  });
});

describe('installing Spark', () => {
  it('says what is missing before anything is made', async () => {
    await command('python3', PYTHON_3_11);
    const failed = installSpark(path.join(folder, 'spark'));
    await expect(failed).rejects.toMatchObject({
      kind: 'local_failed',
      message: 'Spark needs Java 17 or later, which this machine has not.',
    });
  });

  it('takes what is there with the same pins, and starts over otherwise', async () => {
    const spark = path.join(folder, 'spark');
    const calls = path.join(folder, 'calls');
    await command('java', JAVA_17);
    // Stands for `python3`, and by a copy of itself for the Python of the new environment.
    await command(
      'python3',
      `case "$*" in
        --version) ${PYTHON_3_11};;
        "-m venv "*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python";;
        *jars.py*) echo "a line of the resolver"; echo "one.jar,two.jar";;
      esac
      echo "$1" >> '${calls}'`,
    );
    const parts: string[] = [];
    const first = await installSpark(spark, (part) => parts.push(part));
    expect(first).toMatchObject({ python: path.join(spark, 'python/bin/python'), jars: 'one.jar,two.jar' });
    expect(parts).toEqual(['packages', 'jars']);

    const made = await readFile(calls, 'utf8');
    expect(await installSpark(spark)).toEqual(first);
    expect(await readFile(calls, 'utf8')).toBe(made);

    await writeFile(path.join(spark, 'installed.json'), JSON.stringify({ ...first, pins: 'older' }));
    expect(await installSpark(spark, (part) => parts.push(part))).toEqual(first);
    expect(parts).toHaveLength(4);
  });

  it('leaves nothing that looks complete when a step fails, and repeats what the step said', async () => {
    await command('java', JAVA_17);
    await command(
      'python3',
      `case "$1" in --version) ${PYTHON_3_11};; *) echo "No space left." >&2; exit 1;; esac`,
    );
    for (const _ of [1, 2]) {
      await expect(installSpark(path.join(folder, 'spark'))).rejects.toMatchObject({
        kind: 'local_failed',
        message: 'Spark cannot be installed: No space left.',
      });
    }
  });
});

describe('starting Spark', () => {
  it('fails with the last line of what it said when it ends at once', async () => {
    const python = await command('dying', 'echo "first" >&2; echo "JAVA_HOME is not set" >&2; exit 1');
    await expect(startSpark({ pins: '', python, jars: '' }, folder)).rejects.toMatchObject({
      kind: 'local_failed',
      message: 'Spark did not start: JAVA_HOME is not set',
    });
  });

  it('fails when its Python is gone', async () => {
    const python = path.join(bin, 'nowhere');
    await expect(startSpark({ pins: '', python, jars: '' }, folder)).rejects.toMatchObject({
      kind: 'local_failed',
    });
  });
});
