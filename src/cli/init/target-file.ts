import { readTextIfThere, replaceFile } from '../../config/write-config-file.ts';
import { UsageError } from '../usage-error.ts';

/** The text of the file that a person named; undefined where there is none. Throws `usage`. */
export async function readFileOf(path: string, file: string): Promise<string | undefined> {
  return readTextIfThere(path).catch((thrown: unknown) => {
    throw refused('read', file, thrown);
  });
}

/** Writes it, unless it changed since it was read. Throws `usage`; then nothing was written. */
export async function writeFileOf(
  path: string,
  file: string,
  before: string | undefined,
  text: string,
): Promise<void> {
  const outcome = await replaceFile(path, before, text).catch((thrown: unknown) => {
    throw refused('written', file, thrown);
  });
  if (outcome === 'written') return;
  throw new UsageError(`${file} was changed by somebody else in the meantime.`, 'Run the command again');
}

function refused(verb: 'read' | 'written', file: string, thrown: unknown): UsageError {
  const { code = 'unknown' } = thrown as NodeJS.ErrnoException;
  return new UsageError(`${file} cannot be ${verb}: ${code}.`, '--config <file>');
}
