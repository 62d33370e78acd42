import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureInstalled, run } from '../installed.ts';

/** Its own script names the folder that it was installed in before the environment was moved. */
const PROGRAM = 'from cfnlint.runner import main; main()';
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');

/** Python's interpreter of an environment with cfn-lint in it; made when missing. Needs `python3`. */
export async function ensureCfnLint(): Promise<string> {
  const folder = await ensureInstalled('cfn-lint', await readFile(REQUIREMENTS, 'utf8'), async (fresh) => {
    await run('python3', ['-m', 'venv', fresh], fresh);
    const options = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    await run(pythonOf(fresh), ['-m', 'pip', 'install', ...options, '-r', REQUIREMENTS], fresh);
  });
  return pythonOf(folder);
}

/** What cfn-lint finds in a template, one line each, without the rules that are named. */
export async function lint(
  template: string,
  regions: readonly string[],
  without: readonly string[],
): Promise<string[]> {
  const python = await ensureCfnLint();
  const args = ['-c', PROGRAM, '--format', 'parseable', '-r', ...regions, '-i', ...without, '-t', template];
  return new Promise((resolve, reject) => {
    execFile(python, args, (error, stdout, stderr) => {
      // It ends with the kinds of its findings, as bits 2, 4 and 8.
      if (error && typeof error.code !== 'number') return reject(error);
      if (error && stdout === '') return reject(new Error(stderr.slice(-2_000)));
      resolve(stdout.split('\n').filter((line) => line !== ''));
    });
  });
}

function pythonOf(folder: string): string {
  return path.join(folder, 'bin', 'python');
}
