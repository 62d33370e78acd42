import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { missingCommit, noDeltaTable, truncatedLog, unsupportedFeatures } from './log-errors.ts';

export interface CheckpointFiles {
  readonly version: bigint;
  /** Absolute paths of all of its parts. */
  readonly paths: readonly string[];
}

/** The files of a log from which every version after its beginning can be told. */
export interface LogListing {
  /** What the log begins with; undefined where it has its commit 0. */
  readonly checkpoint: CheckpointFiles | undefined;
  /** Oldest first, without a gap; the checkpoint's own commit is among them where it is there. */
  readonly commits: readonly CommitFile[];
}

export interface CommitFile {
  readonly version: bigint;
  readonly path: string;
}

const COMMIT = /^(\d{20})\.json$/;
const CHECKPOINT = /^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$/;
const V2_CHECKPOINT = /^\d{20}\.checkpoint\.[0-9a-f-]{36}\.(?:json|parquet)$/;

/**
 * Lists the log of the table at `location`. The oldest checkpoint that reaches the newest version without a gap is
 * its beginning; that is why `_last_checkpoint`, which names the newest one, is not asked.
 */
export async function listLog(location: string): Promise<LogListing> {
  const folder = join(location, '_delta_log');
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw ['ENOENT', 'ENOTDIR'].includes((thrown as NodeJS.ErrnoException).code ?? '')
      ? noDeltaTable(location)
      : thrown;
  });
  const commits = names.flatMap((name) => {
    const [, version] = COMMIT.exec(name) ?? [];
    return version === undefined ? [] : [{ version: BigInt(version), path: join(folder, name) }];
  });
  commits.sort((a, b) => (a.version < b.version ? -1 : 1));
  const checkpoints = completeCheckpoints(folder, names);
  const newest = maximum([commits.at(-1)?.version, checkpoints.at(-1)?.version]);
  if (newest === undefined) {
    if (names.some((name) => V2_CHECKPOINT.test(name))) throw unsupportedFeatures(['v2Checkpoint']);
    throw noDeltaTable(location);
  }
  const unbroken = unbrokenTail(commits, newest);
  const first = unbroken[0]?.version ?? newest + 1n;
  if (first === 0n) return { checkpoint: undefined, commits: unbroken };
  const checkpoint = checkpoints.find(({ version }) => version + 1n >= first);
  if (checkpoint) {
    return { checkpoint, commits: unbroken.filter(({ version }) => version >= checkpoint.version) };
  }
  if (unbroken.length < commits.length || checkpoints.length > 0) throw missingCommit(first - 1n);
  if (names.some((name) => V2_CHECKPOINT.test(name))) throw unsupportedFeatures(['v2Checkpoint']);
  throw truncatedLog(newest);
}

/** The commits up to `newest` behind the last gap. */
function unbrokenTail(commits: readonly CommitFile[], newest: bigint): CommitFile[] {
  let next = newest;
  let at = commits.length;
  while (at > 0 && commits[at - 1]?.version === next) {
    at -= 1;
    next -= 1n;
  }
  return commits.slice(at);
}

/** Oldest first. A checkpoint of several parts counts when all of them are there. */
function completeCheckpoints(folder: string, names: readonly string[]): CheckpointFiles[] {
  const found = new Map<string, { readonly version: bigint; readonly parts: number; paths: string[] }>();
  for (const name of names) {
    const [, version, , parts = '1'] = CHECKPOINT.exec(name) ?? [];
    if (version === undefined) continue;
    const key = `${version}/${parts}`;
    const files = found.get(key) ?? { version: BigInt(version), parts: Number(parts), paths: [] };
    files.paths.push(join(folder, name));
    found.set(key, files);
  }
  return [...found.values()]
    .filter(({ parts, paths }) => paths.length === parts)
    .sort((a, b) => (a.version < b.version ? -1 : 1));
}

function maximum(values: readonly (bigint | undefined)[]): bigint | undefined {
  return values.reduce(
    (most, value) => (value !== undefined && (most === undefined || value > most) ? value : most),
    undefined,
  );
}
