import { parseCommitVersion } from '../../change/commit-version.ts';
import type { RetryKeys } from '../../source/source.ts';
import type { RejectedKey, RejectedKeys } from '../target.ts';
import { readTable } from './table-facts.ts';
import type { Transaction } from './transaction.ts';

/** One transaction and one statement of the warehouse hold so many with ease. */
const MAX_RETRY_KEYS = 10_000;

/** `int8` and `numeric` come as text. */
interface StoredReject {
  readonly key: readonly (string | null)[];
  readonly reason: string;
  readonly column_name: string | null;
  readonly sqlstate: string | null;
  readonly constraint_name: string | null;
  readonly version: string;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly attempts: string;
  readonly total_keys: string;
  readonly total_attempts: string;
}

/** Reads the newest `limit` rejected rows of a sync; also from a schema that has not all of the columns yet. */
export async function readRejected(tx: Transaction, sync: string, limit: number): Promise<RejectedKeys> {
  if (!(await isInstalled(tx))) return { keys: 0n, attempts: 0n, newest: [] };
  const { rows } = await tx.query<StoredReject>(
    `
select r.key, r.reason, r.column_name, r.version, r.first_seen, r.last_seen, r.attempts,
       to_jsonb(r) ->> 'sqlstate' as sqlstate,
       to_jsonb(r) ->> 'constraint_name' as constraint_name,
       count(*) over () as total_keys,
       sum(r.attempts) over () as total_attempts
from lakeferry.rejected_rows r
where r.sync = $1
order by r.last_seen desc, r.key_digest
limit $2`,
    [sync, limit],
  );
  return {
    keys: BigInt(rows[0]?.total_keys ?? 0),
    attempts: BigInt(rows[0]?.total_attempts ?? 0),
    newest: rows.map(parseReject),
  };
}

/** The keys of `RetryKeys`: those that have been waiting for the longest time. */
export async function readRetryKeys(tx: Transaction, sync: string): Promise<RetryKeys> {
  if (!(await isInstalled(tx))) return [];
  const { rows } = await tx.query<{ readonly key: readonly string[] }>(
    `
select key
from lakeferry.rejected_rows
where sync = $1 and not key @> '[null]'
order by last_seen, key_digest
limit ${MAX_RETRY_KEYS}`,
    [sync],
  );
  return rows.map(({ key }) => key);
}

/** How many keys of each sync are put aside. */
export async function countRejected(tx: Transaction): Promise<ReadonlyMap<string, bigint>> {
  if (!(await isInstalled(tx))) return new Map();
  const { rows } = await tx.query<{ readonly sync: string; readonly keys: string }>(
    'select sync, count(*) as keys from lakeferry.rejected_rows group by sync',
  );
  return new Map(rows.map(({ sync, keys }) => [sync, BigInt(keys)]));
}

async function isInstalled(tx: Transaction): Promise<boolean> {
  return (await readTable(tx, { schema: 'lakeferry', table: 'rejected_rows' })) !== undefined;
}

function parseReject(stored: StoredReject): RejectedKey {
  return {
    key: stored.key,
    reason: stored.reason,
    version: parseCommitVersion(stored.version),
    firstSeen: stored.first_seen.getTime(),
    lastSeen: stored.last_seen.getTime(),
    attempts: BigInt(stored.attempts),
    ...(stored.column_name !== null && { column: stored.column_name }),
    ...(stored.sqlstate !== null && { sqlState: stored.sqlstate }),
    ...(stored.constraint_name !== null && { constraint: stored.constraint_name }),
  };
}
