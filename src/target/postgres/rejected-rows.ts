import { createHash } from 'node:crypto';
import { SyncError } from '../../error/sync-error.ts';
import { keyOf, type Mapping } from '../../plan/mapping.ts';
import type { RejectedRow } from '../../source/source.ts';
import { quoteIdentifier } from './sql.ts';
import { STAGE } from './statements.ts';
import type { Transaction } from './transaction.ts';

interface Reject extends RejectedRow {
  readonly attempts: number;
}

const REASON: Readonly<Record<RejectedRow['reason'], string>> = {
  null_key: 'the key column is NULL',
  nul_character: 'a text holds the character U+0000',
  invalid_utf8: 'the bytes of a text are not UTF-8',
  too_long: 'a text is longer than its column allows',
  out_of_range: 'a date or time is outside of the years 1 to 9999',
};

/** What the pages of a chunk had to leave out. One key is kept once: all rows with a NULL key are one. */
export class Rejects {
  #rows = 0;
  readonly #byKey = new Map<string, Reject>();

  get rows(): number {
    return this.#rows;
  }

  add(rejected: readonly RejectedRow[]): void {
    for (const row of rejected) {
      this.#rows += 1;
      const key = JSON.stringify(row.key);
      const known = this.#byKey.get(key);
      const newest = known === undefined || row.version >= known.version ? row : known;
      this.#byKey.set(key, { ...newest, attempts: (known?.attempts ?? 0) + 1 });
    }
  }

  /** Names how many rows, which columns and why; no key. */
  toError(): SyncError {
    const places = new Map<string, number>();
    for (const { column, reason, attempts } of this.#byKey.values()) {
      const place = `column ${JSON.stringify(column)}: ${REASON[reason]}`;
      places.set(place, (places.get(place) ?? 0) + attempts);
    }
    const list = [...places].map(([place, count]) => `${count} × ${place}`).join('; ');
    const rows = this.#rows === 1 ? '1 row' : `${this.#rows} rows`;
    return new SyncError('row_rejected', `The target cannot hold ${rows} of the source: ${list}.`, {
      rejected: this.#rows,
    });
  }

  async store(tx: Transaction, sync: string): Promise<void> {
    if (this.#rows === 0) return;
    const rows = [...this.#byKey.values()].map(({ key, reason, column, version, attempts }) => ({
      key,
      digest: digestOf(key),
      reason,
      column,
      version: version.toString(),
      attempts,
    }));
    await tx.query(
      `
insert into lakeferry.rejected_rows as r (sync, key, key_digest, reason, column_name, version, attempts)
select $1, key, decode(digest, 'hex'), reason, "column", version, attempts
from jsonb_to_recordset($2::jsonb)
  as (key jsonb, digest text, reason text, "column" text, version bigint, attempts bigint)
order by digest
on conflict (sync, key_digest) do update
set reason = excluded.reason, column_name = excluded.column_name, version = excluded.version,
    last_seen = now(), attempts = r.attempts + excluded.attempts`,
      [sync, JSON.stringify(rows)],
    );
  }
}

/** Removes rejected rows whose key arrived or departed since: what they say is no longer so. */
export async function forgetSettledRejects(tx: Transaction, sync: string, mapping: Mapping): Promise<void> {
  const any = await tx.query('select from lakeferry.rejected_rows where sync = $1 limit 1', [sync]);
  if (any.count === 0) return;
  const key = keyOf(mapping).map(({ target }) => `s.${quoteIdentifier(target)}::text`);
  await tx.query(
    `
delete from lakeferry.rejected_rows r
using ${STAGE} s
where r.sync = $1 and r.key = jsonb_build_array(${key.join(', ')})`,
    [sync],
  );
}

function digestOf(key: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('hex');
}
