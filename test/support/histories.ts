import fc from 'fast-check';
import { expect } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { type Lake, NEVER } from './lake.ts';
import { aSync } from './syncs.ts';

/**
 * Random histories of a source table, synced in random windows and slices, delivered in random order and more than
 * once: whenever the queue is quiet, the target equals the source at `through`. The source side is asked of the
 * warehouse by `version as of`, so nothing of our fold is in the expectation.
 */
const KEYS = 6;

type Step =
  | { readonly do: 'insert'; readonly keys: readonly number[]; readonly value: string | null }
  | { readonly do: 'update'; readonly key: number; readonly value: string | null }
  | { readonly do: 'touch'; readonly key: number }
  | { readonly do: 'delete'; readonly keys: readonly number[] }
  | { readonly do: 'move'; readonly key: number; readonly to: number }
  | { readonly do: 'shift' }
  | {
      readonly do: 'merge';
      readonly keys: readonly number[];
      readonly value: string | null;
      readonly gone: number;
    }
  | { readonly do: 'overwrite'; readonly keys: readonly number[]; readonly value: string | null }
  | { readonly do: 'optimize' }
  | { readonly do: 'sync'; readonly chunkRows: number; readonly order: number; readonly twice: boolean };

const key = fc.nat({ max: KEYS - 1 });
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: KEYS });
const value = fc.oneof(fc.constant(null), fc.constantFrom('', 'a', 'b', 'tab\t', '\\N', "o'brien"));
const sync = fc.record({
  do: fc.constant('sync' as const),
  chunkRows: fc.constantFrom(2, 3, 100),
  order: fc.nat(1_000_000),
  twice: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('insert' as const), keys, value }),
  fc.record({ do: fc.constant('update' as const), key, value }),
  fc.record({ do: fc.constant('touch' as const), key }),
  fc.record({ do: fc.constant('delete' as const), keys }),
  fc.record({ do: fc.constant('move' as const), key, to: fc.nat({ max: 2 * KEYS }) }),
  fc.record({ do: fc.constant('shift' as const) }),
  fc.record({ do: fc.constant('merge' as const), keys, value, gone: key }),
  fc.record({ do: fc.constant('overwrite' as const), keys, value }),
  fc.record({ do: fc.constant('optimize' as const) }),
  sync,
);

/** The keys that the table holds, so that no statement makes a key twice. */
type Keys = Set<number>;

const literal = (text: string | null) =>
  text === null
    ? 'cast(null as string)'
    : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\t', '\\t')}'`;
/** A row; the second key column and the number follow from the first. */
const row = (k: number, v: string | null) => `select ${k}, ${region(k)}, ${literal(v)}, ${k}.50`;
const region = (k: number) => `'r${k % 2}'`;
const rows = (ks: readonly number[], v: string | null) => ks.map((k) => row(k, v)).join(' union all ');

/** The statement of a step, or undefined where it has nothing to do; brings `held` up to date. */
function statementOf(of: Exclude<Step, { do: 'sync' }>, table: string, held: Keys): string | undefined {
  switch (of.do) {
    case 'insert': {
      const fresh = of.keys.filter((k) => !held.has(k));
      if (fresh.length === 0) return undefined;
      for (const k of fresh) held.add(k);
      return `insert into ${table} ${rows(fresh, of.value)}`;
    }
    case 'update':
      return `update ${table} set v = ${literal(of.value)} where k = ${of.key}`;
    case 'touch':
      return `update ${table} set v = v where k = ${of.key}`;
    case 'delete':
      for (const k of of.keys) held.delete(k);
      return `delete from ${table} where k in (${of.keys.join(', ')})`;
    case 'move':
      if (!held.has(of.key) || held.has(of.to)) return undefined;
      held.delete(of.key);
      held.add(of.to);
      return `update ${table} set k = ${of.to}, r = ${region(of.to)} where k = ${of.key}`;
    case 'shift': {
      const shifted = [...held].map((k) => k + 1);
      held.clear();
      for (const k of shifted) held.add(k);
      return `update ${table} set k = k + 1, r = case when r = 'r0' then 'r1' else 'r0' end`;
    }
    case 'merge': {
      for (const k of of.keys) held.add(k);
      const dropped = of.keys.includes(of.gone) ? undefined : of.gone;
      if (dropped !== undefined) held.delete(dropped);
      const source = `select x.*, false as gone from (${rows(of.keys, of.value)}) as x(k, r, v, n)`;
      const gone =
        dropped === undefined ? '' : ` union all select ${dropped}, ${region(dropped)}, 'x', 0.00, true`;
      return `merge into ${table} as t using (${source}${gone}) as s on t.k = s.k
        when matched and s.gone then delete
        when matched then update set v = s.v
        when not matched and not s.gone then insert (k, r, v, n) values (s.k, s.r, s.v, s.n)`;
    }
    case 'overwrite':
      held.clear();
      for (const k of of.keys) held.add(k);
      return `insert overwrite ${table} ${rows(of.keys, of.value)}`;
    case 'optimize':
      return `optimize ${table}`;
    default:
      return of satisfies never;
  }
}

export interface HistoryRun {
  readonly lake: Lake;
  /** Schema of the source tables, made by the caller. */
  readonly schema: string;
  readonly numRuns: number;
  /** Runs one sync of a history, and may look before and after it. */
  readonly around?: (config: SyncConfig, sync: () => Promise<void>) => Promise<void>;
}

/** Fails with the seed and the shortest history that ends otherwise than its source. */
export async function expectEveryHistoryEqual({
  lake,
  schema,
  numRuns,
  around = (_config, sync) => sync(),
}: HistoryRun): Promise<void> {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 10 }),
      sync,
      fc.boolean(),
      fc.boolean(),
      async (steps, last, composite, filtered) => {
        const name = `t${made++}`;
        const table = `${schema}.${name}`;
        const where = filtered ? { where: "v <> 'a'" } : {};
        const config = aSync(table, `public.${name}`, composite ? ['k', 'r'] : ['k'], where);
        const held: Keys = new Set();
        await lake.sql(`create table ${table} (k int, r string, v string, n decimal(10,2)) using delta`);
        for (const one of [...steps, last]) {
          if (one.do === 'sync') {
            const cut = { ...config, maxChunkRows: one.chunkRows };
            await around(cut, () => syncCut(lake, cut, one));
            await expectEqual(lake, table, name, filtered);
          } else {
            const statement = statementOf(one, table, held);
            if (statement !== undefined) await lake.sql(statement);
          }
        }
        expect(await planSync(lake.services, config, { byPerson: false }, NEVER)).toEqual({
          outcome: 'idle',
        });
        await lake.sql(`drop table ${table}`);
      },
    ),
    { numRuns },
  );
}

/** One plan, its chunks delivered in an order of the test's choice and possibly twice; then whatever is left. */
async function syncCut(
  lake: Lake,
  config: SyncConfig,
  { order, twice }: Extract<Step, { do: 'sync' }>,
): Promise<void> {
  const { services } = lake;
  const tick = await planSync(services, config, { byPerson: false }, NEVER);
  if (tick.outcome === 'sent') {
    // What the writers send on is delivered after it, as shuffled as what the planner sent, and twice once only.
    for (let bodies = takeAll(services.queue), again = twice; bodies.length > 0; again = false) {
      const shuffled = [...bodies, ...(again ? bodies : [])]
        .map((body, index) => ({ body, rank: (order * (index + 1) * 7_919) % 10_007 }))
        .sort((a, b) => a.rank - b.rank);
      for (const { body } of shuffled) await applyChunk(services, decodeMessage(body), NEVER);
      bodies = takeAll(services.queue);
    }
  }
  const { checkpoint } = await services.checkpoints.read(config.name, NEVER);
  expect(checkpoint.state).toBe('idle');
}

function takeAll(queue: Lake['services']['queue']): readonly string[] {
  const bodies: string[] = [];
  for (let message = queue.receive(); message; message = queue.receive()) {
    bodies.push(message.body);
    queue.acknowledge(message.receiptHandle);
  }
  return bodies;
}

async function expectEqual(lake: Lake, table: string, name: string, filtered: boolean): Promise<void> {
  const [state] = await lake.database.query<{ through: string }>(
    'select through from lakeferry.syncs where sync = $1',
    [name],
  );
  const source = await lake.sql(
    `select cast(k as string) as k, r, v, cast(n as string) as n from ${table} version as of ${state?.through}
     ${filtered ? "where v <> 'a'" : ''} order by k`,
  );
  const target = await lake.database.query(
    `select k::text, r, v, n::text from public.${name} order by k::text collate "C"`,
  );
  expect(target).toEqual(source);
}
