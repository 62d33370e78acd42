import { once } from 'node:events';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CommitVersion } from '../change/commit-version.ts';
import { keyOf } from '../plan/mapping.ts';
import type { Plan } from '../plan/plan.ts';
import type { Source } from '../source/source.ts';

/** Rows of the target against those of the source at one version, by every mapped column. */
export interface Comparison {
  readonly equal: bigint;
  readonly missing: bigint;
  readonly extra: bigint;
  readonly different: bigint;
}

/**
 * Reads the source whole at `version` and compares it with the target in one snapshot of Postgres, by the stored
 * images of all mapped columns. `finished` is a plan of the sync: it says what is mapped.
 */
export async function compareTables(
  source: Source,
  postgresUrl: string,
  finished: Plan,
  version: CommitVersion,
  signal: AbortSignal,
): Promise<Comparison> {
  const plan: Plan = {
    ...finished,
    work: { kind: 'snapshot', version },
    slices: 1,
    divisible: true,
    writers: 1,
    mapping: { ...finished.mapping, metadata: {} },
  };
  const target = `${pg.escapeIdentifier(plan.target.schema)}.${pg.escapeIdentifier(plan.target.table)}`;
  const columns = plan.mapping.columns.map((column) => pg.escapeIdentifier(column.target));
  const list = (of: readonly string[], from: string) => of.map((name) => `${from}.${name}`).join(', ');
  const key = keyOf(plan.mapping).map((column) => pg.escapeIdentifier(column.target));
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read');
    await client.query(
      `create temporary table expected on commit drop as select ${columns.join(', ')} from ${target} with no data`,
    );
    const copy = client.query(copyFrom(`copy expected (${columns.join(', ')}) from stdin`));
    for await (const { rows, payload } of source.readPages({ plan, slice: 0, of: 1 }, signal)) {
      if (rows > 0 && !copy.write(`${payload}\n`)) await once(copy, 'drain');
    }
    copy.end();
    await once(copy, 'finish');
    const { rows } = await client.query<Record<keyof Comparison, string>>(`
select
  count(*) filter (where e.${key[0]} is not null and t.${key[0]} is not null and not (${differs(columns)})) as equal,
  count(*) filter (where t.${key[0]} is null) as missing,
  count(*) filter (where e.${key[0]} is null) as extra,
  count(*) filter (where e.${key[0]} is not null and t.${key[0]} is not null and ${differs(columns)}) as different
from expected e
full join ${target} t on (${list(key, 'e')}) = (${list(key, 't')})`);
    const [found] = rows;
    if (!found) throw new Error('an aggregate gave no row');
    return {
      equal: BigInt(found.equal),
      missing: BigInt(found.missing),
      extra: BigInt(found.extra),
      different: BigInt(found.different),
    };
  } finally {
    await client.end();
  }
}

function differs(columns: readonly string[]): string {
  const row = (from: string) => `row(${columns.map((name) => `${from}.${name}`).join(', ')})`;
  return `${row('e')}::record *<> ${row('t')}::record`;
}
