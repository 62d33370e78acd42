import { type CommitVersion, parseCommitVersion } from '../../src/change/commit-version.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { type Chunk, throughOf, type Work } from '../../src/plan/plan.ts';
import type { SourceColumn } from '../../src/schema/source-column.ts';
import type { SourceTable } from '../../src/schema/table-name.ts';
import type { HistoryEntry, Page, RetryKeys, Source, SourceLook } from '../../src/source/source.ts';
import type { Perform, Step } from './memory-store.ts';

/** What one commit does to keys, which are whole numbers as text: writes their row, or takes it away. */
export type Commit = Readonly<Record<string, 'written' | 'gone'>>;

/** The commits of every table that the source's name may ever mean, by table id; version 0 first. */
export type Histories = Readonly<Record<string, readonly Commit[]>>;

/** What the name means now, and how many of its commits have happened. */
export interface SourceState {
  readonly tableId: string;
  readonly latest: number;
}

/** The value of a key that version 1 of table A wrote last: `A1`. */
const cellOf = (tableId: string, version: number) => `${tableId}${version}`;

/** The rows of a table at a version: values by key. */
export function rowsAt(
  histories: Histories,
  tableId: string,
  version: number,
): Readonly<Record<string, string>> {
  const rows: Record<string, string> = {};
  for (const [at, commit] of (histories[tableId] ?? []).slice(0, version + 1).entries()) {
    for (const [key, change] of Object.entries(commit)) {
      if (change === 'written') rows[key] = cellOf(tableId, at);
      else delete rows[key];
    }
  }
  return rows;
}

/** The source in memory: a scripted history of a table of a key and a value. It reads by name, as a query does. */
export class MemorySource implements Source {
  readonly #perform: Perform<SourceState>;
  readonly #histories: Histories;

  constructor(perform: Perform<SourceState>, histories: Histories) {
    this.#perform = perform;
    this.#histories = histories;
  }

  look(): Promise<SourceLook> {
    return this.#perform(
      reading('look', ({ tableId, latest }) => ({ tableId, latest: entryOf(parseCommitVersion(latest)) })),
    );
  }

  async readColumns(): Promise<readonly SourceColumn[]> {
    return [
      { name: 'id', type: 'int' },
      { name: 'value', type: 'string' },
    ];
  }

  async readHistory(
    _table: SourceTable,
    { after, through }: { readonly after: CommitVersion; readonly through: CommitVersion },
  ): Promise<readonly HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    for (let version = after + 1n; version <= through; version++) {
      entries.push(entryOf(parseCommitVersion(version)));
    }
    return entries;
  }

  async readSchemaEffects(): Promise<readonly HistoryEntry[]> {
    return [];
  }

  async countRows(_table: SourceTable, _work: Work): Promise<number> {
    return 1;
  }

  async *readPages(chunk: Chunk, _signal: AbortSignal, keys: RetryKeys = []): AsyncGenerator<Page> {
    const lines = await this.#perform(
      reading('read the pages', (state) => this.#linesOf(chunk, keys, state)),
    );
    yield { page: 0, rows: lines.length, payload: lines.join('\n'), rejected: [] };
  }

  readTableId(): Promise<string> {
    return this.#perform(reading('read the table id', ({ tableId }) => tableId));
  }

  async close(): Promise<void> {}

  #linesOf(
    { plan, slice, of }: Chunk,
    retryKeys: RetryKeys,
    { tableId, latest }: SourceState,
  ): readonly string[] {
    const through = throughOf(plan);
    const rows = rowsAt(this.#histories, tableId, Number(through));
    const inSlice = (key: string) => Number(key) % of === slice;
    const change = (key: string) => (rows[key] === undefined ? `d\t${key}\t\\N` : `u\t${key}\t${rows[key]}`);
    if (plan.work.kind === 'window') {
      if (through > latest) {
        throw new SyncError('source_replaced', 'The window lies beyond the newest version.');
      }
      const after = Number(plan.work.after);
      const window = (this.#histories[tableId] ?? []).slice(after + 1, Number(through) + 1);
      return [...new Set(window.flatMap((commit) => Object.keys(commit)))].filter(inSlice).map(change);
    }
    if (through > latest) throw new SyncError('retention_gap', 'The source has no such version.');
    if (plan.work.kind === 'retry')
      return retryKeys
        .map(([key = '']) => key)
        .filter(inSlice)
        .map(change);
    return Object.entries(rows)
      .filter(([key]) => inSlice(key))
      .map(([key, value]) => `${key}\t${value}`);
  }
}

function entryOf(version: CommitVersion): HistoryEntry {
  return { version, committedAt: 1_000 * Number(version), operation: 'WRITE' };
}

function reading<Answer>(name: string, read: (state: SourceState) => Answer): Step<SourceState, Answer> {
  return { name, run: (state) => ({ state, answer: read(state) }) };
}
