import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseActions } from './actions.ts';
import { type CommitFile, listLog } from './log-directory.ts';
import { TableLog } from './table-log.ts';

/** A log as far as it was read, and the file by which it is known to be the same log later. */
export interface ReadLog {
  readonly log: TableLog;
  newest: FileIdentity | undefined;
}

interface FileIdentity {
  readonly version: bigint;
  readonly mark: string;
}

/** Gives each row of Parquet files as a line of JSON. */
export type ReadJsonLines = (paths: readonly string[]) => Promise<string[]>;

/**
 * Reads the log of the table at `location`: what is new in it since `known`, or all of it, where `known` is of
 * another table that was in the place. Throws for a log that is broken or that this reader does not understand.
 */
export async function readLog(
  location: string,
  known: ReadLog | undefined,
  readCheckpoint: ReadJsonLines,
): Promise<ReadLog> {
  const { checkpoint, commits } = await listLog(location);
  if (known?.newest) {
    const { version, mark } = known.newest;
    const at = commits.findIndex((commit) => commit.version === version);
    const file = commits[at];
    if (file && (await markOf(file)).mark === mark) return append(known, commits.slice(at + 1));
  }
  const log = new TableLog();
  if (checkpoint) {
    const [path = ''] = checkpoint.paths;
    const lines = await readCheckpoint(checkpoint.paths);
    log.begin(checkpoint.version, (await stat(path)).mtimeMs, parseActions(lines, basename(path)));
  }
  return append({ log, newest: undefined }, commits);
}

/** `read` stands behind the last commit that was understood, also where the next one is not. */
async function append(read: ReadLog, commits: readonly CommitFile[]): Promise<ReadLog> {
  for (const file of commits) {
    const { modifiedAt, mark } = await markOf(file);
    const text = await readFile(file.path, 'utf8');
    read.log.apply(file.version, modifiedAt, parseActions(text.split('\n'), basename(file.path)));
    read.newest = { version: file.version, mark };
  }
  return read;
}

/** Commit files are never written again, so that one which differs belongs to another table. */
async function markOf({ path }: CommitFile): Promise<{ readonly modifiedAt: number; readonly mark: string }> {
  const { mtimeMs, size, ino } = await stat(path);
  return { modifiedAt: mtimeMs, mark: `${ino}/${size}/${mtimeMs}` };
}
