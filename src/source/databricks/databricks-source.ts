import { type CommitVersion, laterVersion, parseCommitVersion } from '../../change/commit-version.ts';
import type { Window } from '../../change/window.ts';
import type { DatabricksConnection } from '../../config/connections.ts';
import { SyncError } from '../../error/sync-error.ts';
import type { Mapping } from '../../plan/mapping.ts';
import type { Chunk, Plan, Work } from '../../plan/plan.ts';
import type { SourceColumn } from '../../schema/source-column.ts';
import { displayTable, type SourceTable } from '../../schema/table-name.ts';
import type { HistoryEntry, Page, RejectedRow, RetryKeys, Source, SourceLook } from '../source.ts';
import type { FeedFacts, KeySample, NetChanges, SourceSurvey, WarehouseFacts } from '../survey.ts';
import { count, millisecondsOf } from './cells.ts';
import { type ResultRow, textCell, Warehouse } from './client.ts';
import { decodeCopyLine } from './copy-lines.ts';
import { estimateChangeRows, estimateDeletedRows, parseMap, readSchemaEffect } from './history.ts';
import {
  countChunk,
  countNetChanges,
  countWork,
  describeDetail,
  describeHistory,
  describeTable,
  probeRows,
  readPages,
  typesOf,
} from './queries.ts';
import { grants, keepingFor, readFeed, readWarehouse, sampleKeys, switchingOn } from './survey.ts';

/** A history that is held is of about this many commits at most. */
const MAX_HISTORY = 1_000;

/** Commits may come between two looks, and DESCRIBE HISTORY gives the newest first: it is asked for this many more. */
const NEWER_COMMITS = 10;

/** Pages of one fetch: a page may be megabytes, and a character takes two bytes here. */
const FETCH_PAGES = 4;

/** `retryDelaysMs`: waits before a statement is sent again to a warehouse that cannot be reached. */
export function openDatabricksSource(
  connection: DatabricksConnection,
  options: { readonly retryDelaysMs?: readonly number[] } = {},
): Source & SourceSurvey {
  return new DatabricksSource(new Warehouse(connection, options.retryDelaysMs));
}

class DatabricksSource implements Source, SourceSurvey {
  readonly #warehouse: Warehouse;

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse;
  }

  async look(table: SourceTable, signal: AbortSignal): Promise<SourceLook> {
    const detail = await this.#one(describeDetail(table), table, signal);
    let latest: HistoryEntry | undefined;
    for await (const commit of this.#commits(table, 1, signal)) latest = commit;
    if (!latest)
      throw new SyncError('source_failed', `${displayTable(table)} has no commit.`, {
        table: displayTable(table),
      });
    return { tableId: textCell(detail, 'id'), latest };
  }

  async readTableId(table: SourceTable, signal: AbortSignal): Promise<string> {
    return textCell(await this.#one(describeDetail(table), table, signal), 'id');
  }

  async readColumns(table: SourceTable, signal: AbortSignal): Promise<readonly SourceColumn[]> {
    const rows = await this.#warehouse.query(describeTable(table), displayTable(table), signal);
    const columns: SourceColumn[] = [];
    for (const row of rows) {
      const name = textCell(row, 'col_name');
      // Partitioning and other details follow behind a blank line or a heading.
      if (name === '' || name.startsWith('#')) break;
      const comment = row['comment'];
      columns.push({
        name,
        type: textCell(row, 'data_type'),
        ...(typeof comment === 'string' && comment !== '' ? { comment } : {}),
      });
    }
    return this.#withWholeTypes(table, columns, signal);
  }

  /** DESCRIBE TABLE cuts the fields of a long struct short. */
  async #withWholeTypes(
    table: SourceTable,
    columns: readonly SourceColumn[],
    signal: AbortSignal,
  ): Promise<readonly SourceColumn[]> {
    const cut = columns.filter(({ type }) => /\.\.\. \d+ more fields/.test(type));
    if (cut.length === 0) return columns;
    const names = cut.map(({ name }) => name);
    const types = await this.#one(typesOf(table, names), table, signal);
    return columns.map((column) => {
      const at = names.indexOf(column.name);
      return at < 0 ? column : { ...column, type: textCell(types, `t${at}`) };
    });
  }

  async readHistory(
    table: SourceTable,
    { after, through }: Window,
    signal: AbortSignal,
  ): Promise<readonly HistoryEntry[]> {
    const limit = Math.min(Number(through - after), MAX_HISTORY) + NEWER_COMMITS;
    const entries: HistoryEntry[] = [];
    for await (const commit of this.#commits(table, limit, signal)) {
      if (commit.version > after && commit.version <= through) entries.push(commit);
    }
    return entries.reverse();
  }

  async readSchemaEffects(
    table: SourceTable,
    { after, through }: Window,
    signal: AbortSignal,
  ): Promise<readonly HistoryEntry[]> {
    for (let newest = through; ; ) {
      const effects: HistoryEntry[] = [];
      const limit = Number(newest - after) + NEWER_COMMITS;
      let told = 0n;
      let latest = newest;
      for await (const commit of this.#commits(table, limit, signal)) {
        latest = laterVersion(latest, commit.version);
        if (commit.version <= after || commit.version > through) continue;
        told += 1n;
        if (hasSchemaEffect(commit)) effects.push(commit);
      }
      const isCut = told < through - after;
      if (isCut && latest > newest) {
        // Commits that came meanwhile were given in the place of the oldest.
        newest = latest;
        continue;
      }
      if (isCut && (await this.#mapsColumns(table, signal))) {
        const name = displayTable(table);
        throw new SyncError(
          'retention_gap',
          `The history of ${name} no longer tells of every commit after version ${after} through ${through}, and one of them may have dropped or renamed a column: what rows lose or win by that is not in the change feed.`,
          { table: name },
        );
      }
      return effects.reverse();
    }
  }

  /** Whether the table has column mapping, or had it once. */
  async #mapsColumns(table: SourceTable, signal: AbortSignal): Promise<boolean> {
    const detail = await this.#one(describeDetail(table), table, signal);
    const properties = Object.keys(parseMap(detail['properties']) ?? {});
    return properties.some((name) => name.startsWith('delta.columnMapping.'));
  }

  async countRows(table: SourceTable, work: Work, signal: AbortSignal): Promise<number> {
    return count(await this.#one(countWork(table, work), table, signal), 'total');
  }

  async *readPages(chunk: Chunk, signal: AbortSignal, keys: RetryKeys = []): AsyncGenerator<Page> {
    if (chunk.plan.work.kind === 'retry' && keys.length === 0) return;
    const { plan, slice } = chunk;
    const table = displayTable(plan.source);
    const fields = { sync: plan.sync, planId: plan.id, slice, table };
    let pages = 0;
    let lines = 0;
    let declared: { pages: number; lines: number } | undefined;
    const statement = readPages(chunk, keys);
    for await (const row of this.#warehouse.stream(statement, table, signal, FETCH_PAGES)) {
      if (count(row, 'conflicts') > 0) {
        throw new SyncError(
          'duplicate_source_key',
          `In ${table}, one commit brings different rows under the same key (${keyNames(plan.mapping)}).`,
          fields,
        );
      }
      const page = pageOf(row, plan.mapping);
      pages += 1;
      lines += page.rows;
      declared = { pages: count(row, 'page_total'), lines: count(row, 'line_total') };
      yield page;
    }
    const expected = declared ?? (await this.#expectNone(chunk, keys, signal));
    if (pages !== expected.pages || lines !== expected.lines) {
      throw new SyncError(
        'source_incomplete',
        `The warehouse counted ${expected.lines} rows in ${expected.pages} pages of ${table} and delivered ${lines} in ${pages}.`,
        fields,
      );
    }
  }

  async checkReadable(plan: Plan, signal: AbortSignal): Promise<void> {
    await this.#warehouse.query(probeRows(plan), displayTable(plan.source), signal);
  }

  async countNetChanges(plan: Plan, signal: AbortSignal): Promise<NetChanges> {
    const row = await this.#one(countNetChanges(plan), plan.source, signal);
    return {
      upserts: count(row, 'upserts'),
      deletes: count(row, 'deletes'),
      rejected: count(row, 'rejected'),
      conflicts: count(row, 'conflicts'),
    };
  }

  readWarehouse(signal: AbortSignal): Promise<WarehouseFacts> {
    return readWarehouse(this.#warehouse, signal);
  }

  readFeed(table: SourceTable, signal: AbortSignal): Promise<FeedFacts> {
    return readFeed(this.#warehouse, table, signal);
  }

  switchingOn(table: SourceTable): string {
    return switchingOn(table);
  }

  keepingFor(table: SourceTable, days: number): string {
    return keepingFor(table, days);
  }

  grants(table: SourceTable, principal: string): readonly string[] {
    return grants(table, principal);
  }

  async sampleKeys(
    table: SourceTable,
    version: CommitVersion,
    mapping: Mapping,
    keys: number,
    signal: AbortSignal,
  ): Promise<KeySample> {
    const rows = await this.countRows(table, { kind: 'snapshot', version }, signal);
    return sampleKeys(this.#warehouse, table, mapping, { version, rows, keys }, signal);
  }

  close(): Promise<void> {
    return this.#warehouse.close();
  }

  /** No page came: either the chunk has no row, or the result was lost whole. */
  async #expectNone(
    chunk: Chunk,
    keys: RetryKeys,
    signal: AbortSignal,
  ): Promise<{ pages: number; lines: number }> {
    const row = await this.#one(countChunk(chunk, keys), chunk.plan.source, signal);
    const total = count(row, 'total');
    return { pages: total === 0 ? 0 : 1, lines: total };
  }

  #one(statement: string, table: SourceTable, signal: AbortSignal): Promise<ResultRow> {
    return this.#warehouse.one(statement, displayTable(table), signal);
  }

  /** The newest commits, newest first. */
  async *#commits(table: SourceTable, limit: number, signal: AbortSignal): AsyncGenerator<HistoryEntry> {
    const statement = describeHistory(table, limit);
    for await (const row of this.#warehouse.stream(statement, displayTable(table), signal)) {
      yield commitOf(row);
    }
  }
}

function commitOf(row: ResultRow): HistoryEntry {
  const operation = textCell(row, 'operation');
  const [parameters, metrics] = [row['operationParameters'], row['operationMetrics']];
  const estimatedRows = estimateChangeRows(operation, parameters, metrics);
  const estimatedDeletes = estimateDeletedRows(operation, parameters, metrics);
  return {
    version: parseCommitVersion(textCell(row, 'version')),
    committedAt: millisecondsOf(row['timestamp']),
    operation,
    ...(estimatedRows === undefined ? {} : { estimatedRows }),
    ...(estimatedDeletes === undefined ? {} : { estimatedDeletes }),
    ...readSchemaEffect(operation, parameters),
  };
}

function hasSchemaEffect({ lostColumns, keptColumns, restored }: HistoryEntry): boolean {
  return lostColumns !== undefined || keptColumns !== undefined || restored !== undefined;
}

function pageOf(row: ResultRow, mapping: Mapping): Page {
  const rows = count(row, 'line_count');
  const payload = textCell(row, 'payload');
  const rejected = count(row, 'reject_count');
  const rejectedLines = rejected === 0 ? [] : textCell(row, 'rejected').split('\n');
  if (rejectedLines.length !== rejected) {
    throw new SyncError(
      'source_incomplete',
      'A page of the warehouse lacks rejected rows that it counts.',
      {},
    );
  }
  return {
    page: count(row, 'page'),
    rows,
    payload,
    rejected: rejectedLines.map((line) => rejectedRow(line, mapping)),
  };
}

function rejectedRow(line: string, mapping: Mapping): RejectedRow {
  const [rejection = '', version = '', ...key] = decodeCopyLine(line);
  const [reason, ordinal] = (rejection ?? '').split(':');
  const column = mapping.columns[Number(ordinal)];
  if (!column || !isReason(reason)) {
    throw new SyncError(
      'source_incomplete',
      'A page of the warehouse has a rejected row of an unknown form.',
      {},
    );
  }
  return { reason, column: column.source, key, version: parseCommitVersion(version ?? '') };
}

const REASONS: readonly RejectedRow['reason'][] = [
  'null_key',
  'nul_character',
  'invalid_utf8',
  'too_long',
  'out_of_range',
];

function isReason(text: string | undefined): text is RejectedRow['reason'] {
  return REASONS.some((reason) => reason === text);
}

function keyNames(mapping: Mapping): string {
  return mapping.columns
    .slice(0, mapping.keyColumns)
    .map(({ source }) => source)
    .join(', ');
}
