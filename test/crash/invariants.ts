import type { SyncError } from '../../src/error/sync-error.ts';
import type { Lake } from '../support/lake.ts';

/** What the target is to show of the source, in the test's own words. */
export interface Expected {
  /** The source table in statements. */
  readonly source: string;
  /** The target table in statements. */
  readonly target: string;
  /** Columns of both, by one name, as text. The first is the key. */
  readonly columns: readonly string[];
  readonly where?: string;
  /** Keys that the target cannot hold. */
  readonly rejected?: readonly string[];
}

/** Rows that were written, as the sync's row counts them. */
export interface Counted {
  readonly upserted: number;
  readonly deleted: number;
  readonly rejected: number;
}

interface StoredRow {
  readonly through: string | null;
  readonly open: boolean;
  readonly target_oid: number | null;
  readonly upserted: string;
  readonly deleted: string;
  readonly rejected: string;
}

/** The invariants of DESIGN.md section 3, judged from outside: by the databases alone. */
export class Invariants {
  /** What was broken, in words. */
  readonly violations: string[] = [];
  /** What the functions threw. */
  readonly failures: SyncError[] = [];
  expected: Expected;
  readonly #lake: Lake;
  readonly #sync: string;
  readonly #sources = new Map<string, string>();
  #last: Pick<StoredRow, 'through' | 'target_oid'> | undefined;

  constructor(lake: Lake, sync: string, expected: Expected) {
    this.#lake = lake;
    this.#sync = sync;
    this.expected = expected;
  }

  violate(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what);
  }

  /** Invariants 1 and 2 as they hold at any moment. */
  async observe(): Promise<void> {
    const row = await this.#readRow();
    if (row === undefined) return;
    const last = this.#last;
    this.#last = row;
    if (last?.through != null && last.target_oid === row.target_oid) {
      if (row.through === null) this.violate(`through ${last.through} was forgotten`);
      else if (BigInt(row.through) < BigInt(last.through)) {
        this.violate(`through went from ${last.through} down to ${row.through}`);
      }
    }
    if (!row.open && row.through !== null && row.through !== last?.through) await this.#compare(row.through);
  }

  /** What holds once the queue is quiet; `counted` is what a run without a crash counts. */
  async judge(state: string, counted: Counted | undefined): Promise<readonly string[]> {
    const row = await this.#readRow();
    const [newest] = await this.#lake.sql(`describe history ${this.expected.source} limit 1`);
    const version = String(newest?.['version']);
    if (row?.through !== version) this.violate(`through is ${row?.through}, and the source is at ${version}`);
    if (row?.open) this.violate('a plan is still open');
    if (state !== 'idle') this.violate(`the checkpoint is ${state}`);
    const ledger = await this.#lake.database.query('select from lakeferry.applied_slices where sync = $1', [
      this.#sync,
    ]);
    if (ledger.length > 0) this.violate(`the ledger has ${ledger.length} slices`);
    await this.#compare(version);
    const now = await this.counted();
    for (const name of ['upserted', 'deleted', 'rejected'] as const) {
      if (counted && now[name] !== counted[name]) {
        this.violate(`${now[name]} rows are counted as ${name}, not ${counted[name]}`);
      }
    }
    return this.violations;
  }

  async counted(): Promise<Counted> {
    const row = await this.#readRow();
    return {
      upserted: Number(row?.upserted),
      deleted: Number(row?.deleted),
      rejected: Number(row?.rejected),
    };
  }

  async #readRow(): Promise<StoredRow | undefined> {
    const { query } = this.#lake.database;
    const [installed] = await query<{ readonly is: boolean }>(
      "select to_regclass('lakeferry.syncs') is not null as is",
    );
    if (!installed?.is) return undefined;
    const [row] = await query<StoredRow>(
      `select through::text, open, target_oid, rows_upserted as upserted, rows_deleted as deleted,
         rows_rejected as rejected
       from lakeferry.syncs where sync = $1`,
      [this.#sync],
    );
    return row;
  }

  async #compare(version: string): Promise<void> {
    const { target, columns, rejected = [] } = this.expected;
    const list = columns.map((column) => `${column}::text as ${column}`).join(', ');
    const [exists] = await this.#lake.database.query<{ readonly is: boolean }>(
      'select to_regclass($1) is not null as is',
      [target],
    );
    const rows = exists?.is ? await this.#lake.database.query(`select ${list} from ${target}`) : [];
    const expected = await this.#readSource(version);
    const isHeld = (line: string) => !rejected.includes(String(JSON.parse(line)[0]));
    const wanted = expected.split('\n').filter((line) => line !== '' && isHeld(line));
    const shown = rows.map((row) => JSON.stringify(columns.map((column) => row[column]))).sort();
    const lacking = wanted.filter((line) => !shown.includes(line));
    const extra = shown.filter((line) => !wanted.includes(line));
    if (lacking.length === 0 && extra.length === 0 && shown.length === wanted.length) return;
    this.violate(
      `at version ${version} the target lacks ${lacking.join(' ') || 'nothing'} and has ${extra.join(' ') || 'nothing'} too much`,
    );
  }

  async #readSource(version: string): Promise<string> {
    const { source, columns, where } = this.expected;
    const condition = where === undefined ? '' : ` where ${where}`;
    const list = columns.map((column) => `cast(${column} as string) as ${column}`).join(', ');
    const statement = `select ${list} from ${source} version as of ${version}${condition}`;
    const known = this.#sources.get(statement);
    if (known !== undefined) return known;
    const rows = await this.#lake.sql(statement);
    const lines = rows.map((row) => JSON.stringify(columns.map((column) => row[column]))).sort();
    this.#sources.set(statement, lines.join('\n'));
    return lines.join('\n');
  }
}
