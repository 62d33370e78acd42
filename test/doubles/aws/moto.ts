import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LocalService } from '../../../src/local/aws/sqs.ts';
import { ensureInstalled, run } from '../installed.ts';
import { startProgram } from '../server-program.ts';

const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');

/** Python's interpreter of an environment with moto in it; made when missing. Needs `python3`, 3.11 or later. */
export async function ensureMoto(): Promise<string> {
  const folder = await ensureInstalled('moto', await readFile(REQUIREMENTS, 'utf8'), async (fresh) => {
    await run('python3', ['-m', 'venv', fresh], fresh);
    // Every package is pinned, those that others depend on, too.
    const options = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    await run(pythonOf(fresh), ['-m', 'pip', 'install', ...options, '-r', REQUIREMENTS], fresh);
  });
  return pythonOf(folder);
}

/** DynamoDB and SQS behind one endpoint, empty. */
export async function startMoto(): Promise<LocalService> {
  const script = path.join(import.meta.dirname, 'serve.py');
  const server = await startProgram([await ensureMoto(), script], /^listening on (\d+)$/);
  return { endpoint: `http://127.0.0.1:${server.ready[1]}`, close: () => server.stop() };
}

function pythonOf(folder: string): string {
  return path.join(folder, 'bin', 'python');
}
