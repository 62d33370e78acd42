import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The text of a file; undefined when there is none. Rejects with the error of the system otherwise. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  });
}

/**
 * Writes a file whole or not at all, in the place of `before`, with the mode that it has. `changed` when by now it holds
 * something else than `before` (undefined: is there). Rejects with the error of the system.
 */
export async function replaceFile(
  path: string,
  before: string | undefined,
  text: string,
): Promise<'written' | 'changed'> {
  const place = before === undefined ? path : await realpath(path);
  const mode = before === undefined ? 0o666 : (await stat(place)).mode & 0o7777;
  const temporary = join(dirname(place), `.${basename(place)}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      if (before !== undefined) await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    if ((await readTextIfThere(path)) !== before) return 'changed';
    await rename(temporary, place);
    return 'written';
  } finally {
    await rm(temporary, { force: true });
  }
}
