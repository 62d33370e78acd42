import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { SyncError } from '../error/sync-error.ts';
import type { LakeferryConfig } from './lakeferry-config.ts';
import { parseConfig } from './parse-config.ts';

export const CONFIG_FILE = 'lakeferry.yaml';

/** Reads and parses a file. `config_missing` when it cannot be read, else as `parseConfig`. */
export async function readConfigFile(path: string, fileName = basename(path)): Promise<LakeferryConfig> {
  return parseConfig(await readConfigText(path, fileName), fileName);
}

/** `config_missing` when it cannot be read. */
export async function readConfigText(path: string, fileName = basename(path)): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'There is no' : 'Could not read';
    throw new SyncError('config_missing', `${why} ${fileName}.`, { file: fileName, code }, { cause });
  }
}
