import { createHash } from 'node:crypto';
import type { CommitVersion } from '../../change/commit-version.ts';
import { SyncError } from '../../error/sync-error.ts';
import { keyOf, type Mapping } from '../../plan/mapping.ts';
import { type Plan, throughOf } from '../../plan/plan.ts';
import type { RejectedRow } from '../../source/source.ts';
import { quoteIdentifier } from './sql.ts';
import type { Transaction } from './transaction.ts';

/** What Postgres said of a row that it refused. */
export interface Refusal {
  readonly sqlState: string;
  readonly constraint?: string;
  /** Source column at fault, where it is known. */
  readonly column?: string;
}

interface Reject {
  readonly reason: RejectedRow['reason'] | 'refused';
  readonly column?: string;
  readonly sqlState?: string;
  readonly constraint?: string;
  readonly key: readonly (string | null)[];
  readonly version: CommitVersion;
  readonly attempts: number;
}

const REASON: Readonly<Record<RejectedRow['reason'], string>> = {
  null_key: 'the key column is NULL',
  nul_character: 'a text holds the character U+0000',
  invalid_utf8: 'the bytes of a text are not UTF-8',
  too_long: 'a text is longer than its column allows',
  out_of_range: 'a date or time is outside of the years 1 to 9999',
};

/**
 * The rows of one chunk that are left out, however many: where the mapping halts on them they are only counted, else
 * they are no more keys than a page beyond its limit. One key is kept once: all rows with a NULL key are one.
 */
export class Rejects {
  #rows = 0;
  readonly #plan: Plan;
  /** Number of rows by column and reason; no key. */
  readonly #places = new Map<string, number>();
  readonly #byKey = new Map<string, Reject>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Rows that the source would not deliver. Throws `row_rejected` when their keys are more than the mapping allows. */
  add(rejected: readonly RejectedRow[]): void {
    for (const row of rejected) this.#addOne(row);
    this.checkLimit(this.#byKey.size);
  }

  /** A row that Postgres refused. */
  addRefused(key: readonly (string | null)[], refusal: Refusal): void {
    this.#addOne({ ...refusal, reason: 'refused', key, version: throughOf(this.#plan) });
  }

  #addOne(row: Omit<Reject, 'attempts'>): void {
    this.#rows += 1;
    addPlace(this.#places, placeOf(row));
    if (this.#plan.mapping.rejectedRows === 'halt') return;
    const key = JSON.stringify(row.key);
    const known = this.#byKey.get(key);
    const newest = known === undefined || row.version >= known.version ? row : known;
    this.#byKey.set(key, { ...newest, attempts: (known?.attempts ?? 0) + 1 });
  }

  /** Throws `row_rejected` when the mapping halts on rejected rows and there are any. */
  checkPolicy(): void {
    if (this.#plan.mapping.rejectedRows !== 'halt' || this.#rows === 0) return;
    const rows = this.#rows === 1 ? '1 row' : `${this.#rows} rows`;
    throw new SyncError(
      'row_rejected',
      `The target cannot hold ${rows} of the source: ${listPlaces(this.#places)}.`,
      { rejected: this.#rows },
    );
  }

  /**
   * Throws `row_rejected` when keys of this chunk, at least so many, are more than the mapping allows; `faults` are
   * those not added yet.
   */
  checkLimit(atLeast: number, faults: Iterable<SyncError> = []): void {
    const { mapping, sync } = this.#plan;
    const limit = mapping.maxRejectedRows;
    if (atLeast <= limit) return;
    const places = new Map(this.#places);
    for (const fault of faults) addPlace(places, refusalPlace(refusalOf(fault, mapping)));
    throw new SyncError(
      'row_rejected',
      `At least ${atLeast} rows of the sync are rejected, and syncs.${sync}.maxRejectedRows allows ${limit}. Of this chunk, as far as it was looked at: ${listPlaces(places)}.`,
      { rejectedAtLeast: atLeast, limit },
    );
  }

  /** Puts the rows aside. Throws `row_rejected` when more keys than the mapping allows have been put aside. */
  async store(tx: Transaction): Promise<void> {
    if (this.#rows === 0) return;
    const rows = [...this.#byKey.values()].map((reject) => ({
      ...reject,
      digest: digestOf(reject.key),
      version: reject.version.toString(),
    }));
    await tx.query(
      `
insert into lakeferry.rejected_rows as r
  (sync, key, key_digest, reason, column_name, sqlstate, constraint_name, version, attempts)
select $1, key, decode(digest, 'hex'), reason, "column", "sqlState", "constraint", version, attempts
from jsonb_to_recordset($2::jsonb) as (
  key jsonb, digest text, reason text, "column" text, "sqlState" text, "constraint" text, version bigint,
  attempts bigint)
order by digest
on conflict (sync, key_digest) do update
set reason = excluded.reason, column_name = excluded.column_name, sqlstate = excluded.sqlstate,
    constraint_name = excluded.constraint_name, version = excluded.version, last_seen = now(),
    attempts = r.attempts + excluded.attempts`,
      [this.#plan.sync, JSON.stringify(rows)],
    );
    const stored = await tx.query<{ readonly keys: string }>(
      'select count(*) as keys from lakeferry.rejected_rows where sync = $1',
      [this.#plan.sync],
    );
    const keys = Number(stored.rows[0]?.keys);
    const limit = this.#plan.mapping.maxRejectedRows;
    if (keys <= limit) return;
    throw new SyncError(
      'row_rejected',
      `${keys} rows of the sync are rejected, and syncs.${this.#plan.sync}.maxRejectedRows allows ${limit}. Of this chunk: ${listPlaces(this.#places)}.`,
      { rejected: keys, limit },
    );
  }
}

/** Removes rejected rows whose key one of the lines applied has: what they say is no longer so. */
export async function forgetSettledRejects(
  tx: Transaction,
  sync: string,
  mapping: Mapping,
  lines: string,
): Promise<void> {
  const any = await tx.query('select from lakeferry.rejected_rows where sync = $1 limit 1', [sync]);
  if (any.count === 0) return;
  await tx.query(
    `
delete from lakeferry.rejected_rows r
using ${lines} s
where r.sync = $1 and r.key = ${keyAsJson(mapping, 's')}`,
    [sync],
  );
}

/** The key of row `row` as it stands in `rejected_rows`. */
export function keyAsJson(mapping: Mapping, row: string): string {
  const key = keyOf(mapping).map(({ target }) => `${row}.${quoteIdentifier(target)}::text`);
  return `jsonb_build_array(${key.join(', ')})`;
}

/** What the server said, with the source's name of the column. */
export function refusalOf(fault: SyncError, mapping: Mapping): Refusal {
  const { sqlState = '', constraint, column } = fault.fields;
  return {
    sqlState,
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(typeof column === 'string' ? { column: sourceName(mapping, column) } : {}),
  };
}

/** The source's name of a target column; columns of our own have none. */
export function sourceName(mapping: Mapping, column: string): string {
  return mapping.columns.find(({ target }) => target === column)?.source ?? column;
}

function placeOf(reject: Omit<Reject, 'attempts'>): string {
  if (reject.reason === 'refused') return refusalPlace({ sqlState: '', ...reject });
  return `column ${JSON.stringify(reject.column)}: ${REASON[reject.reason]}`;
}

function refusalPlace({ sqlState, constraint, column }: Refusal): string {
  const places = [
    ...(column === undefined ? [] : [`column ${JSON.stringify(column)}`]),
    ...(constraint === undefined ? [] : [`constraint ${JSON.stringify(constraint)}`]),
    `SQLSTATE ${sqlState}`,
  ];
  return `Postgres refused it (${places.join(', ')})`;
}

function addPlace(places: Map<string, number>, place: string): void {
  places.set(place, (places.get(place) ?? 0) + 1);
}

function listPlaces(places: ReadonlyMap<string, number>): string {
  return [...places].map(([place, rows]) => `${rows} × ${place}`).join('; ');
}

function digestOf(key: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('hex');
}
