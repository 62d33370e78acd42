import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const FOLDER = path.resolve(import.meta.dirname, '../../.lakeferry/doubles');
const RECORD = 'installed-from';

/**
 * The folder of a double below `.lakeferry/doubles`, with what `install` puts there. Nothing is done where it was
 * installed from the same pins before. An attempt that breaks off leaves nothing. The folder is moved at the end.
 */
export async function ensureInstalled(
  name: string,
  pins: string,
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = path.join(FOLDER, name);
  const found = await readFile(path.join(folder, RECORD), 'utf8').catch(() => undefined);
  if (found === pins) return folder;
  await mkdir(FOLDER, { recursive: true });
  const fresh = await mkdtemp(path.join(FOLDER, `${name}-new-`));
  try {
    await install(fresh);
    await writeFile(path.join(fresh, RECORD), pins);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** Runs a program of an installation; what it says goes to stderr. Throws when it fails or is not there. */
export async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 2, 2] });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}.`);
}
