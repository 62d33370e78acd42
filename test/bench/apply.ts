import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { type ComposedServices, compose } from '../../src/compose.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { runStatement } from '../../src/local/run-statement.ts';
import { type Stack, startStack } from '../../src/local/stack.ts';
import { localConnections } from '../../src/local/stack-info.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { MemoryQueue } from '../support/memory-queue.ts';
import { aSync } from '../support/syncs.ts';

/**
 * `npm run bench`: a window of 200,000 net changes (320,000 change rows; 60 % updates, 30 % inserts, 10 % deletes)
 * into 500,000 rows with two indexes, the whole way from the change feed to the commit; beside it, in the same run
 * and turn by turn, Postgres' own COPY of the same rows over TCP and a DELETE and MERGE on the server. The ratio
 * says how near the way through the warehouse, TLS, Lambda's code and Neon's driver comes to that bound, which
 * reads no source at all.
 */
const ROWS = Number(process.env['BENCH_ROWS'] ?? 500_000);
const CHANGES = Number(process.env['BENCH_CHANGES'] ?? 200_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const SOURCE = 'main.bench.events';
const NEVER = new AbortController().signal;

const COLUMNS = [
  'id',
  'name',
  'email',
  'segment',
  'amount',
  'score',
  'active',
  'day',
  'seen_at',
  'n1',
  'n2',
  't1',
  't2',
];

function generated(from: string, id: string): string {
  return `select cast(${id} as bigint), concat('name ', cast(${id} as string)), concat('user', cast(${id} as string), '@example.com'),
    case (${id}) % 4 when 0 then 'gold' when 1 then 'silver' when 2 then 'bronze' else 'none' end,
    cast((${id}) % 100000 as decimal(12, 2)), ((${id}) % 1000) / 1000.0, (${id}) % 7 <> 0,
    date'2024-01-01', timestamp'2024-01-01 00:00:00' + interval '1' second * (${id}),
    cast((${id}) % 1000 as int), cast((${id}) * 7 as bigint), concat('text one of ', cast(${id} as string)), 'text two, the same everywhere'
    from ${from}`;
}

interface Bench {
  readonly stack: Stack;
  readonly services: ComposedServices & { readonly queue: MemoryQueue };
  readonly client: pg.Client;
  sql(statement: string): Promise<unknown>;
}

function syncOf(name: string, maxChunkRows: number): SyncConfig {
  return aSync(SOURCE, `bench.${name}`, ['id'], { maxChunkRows });
}

/** Plans one tick and applies its chunks, `lanes` at once; gives the plan and the seconds. */
async function syncOnce(
  { services }: Bench,
  config: SyncConfig,
  lanes: number,
): Promise<{ plan: Plan; seconds: number }> {
  const startedAt = performance.now();
  const tick = await planSync(services, config, { byPerson: true }, NEVER);
  if (tick.outcome !== 'sent') throw new Error(`nothing was planned: ${JSON.stringify(tick)}`);
  const lane = async () => {
    for (let message = services.queue.receive(); message; message = services.queue.receive()) {
      const { outcome } = await applyChunk(services, decodeMessage(message.body), NEVER);
      if (outcome !== 'applied') throw new Error(`a chunk was ${outcome}`);
      services.queue.acknowledge(message.receiptHandle);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { plan: tick.plan, seconds: (performance.now() - startedAt) / 1_000 };
}

/** The bound: COPY into a temporary table, DELETE, MERGE, over TCP on the same server. */
async function applyBound({ client }: Bench, table: string, lines: readonly Buffer[]): Promise<number> {
  const startedAt = performance.now();
  await client.query('begin');
  await client.query(
    `create temporary table stage on commit drop as select null::"char" as op, t.* from bench.${table} t with no data`,
  );
  const copy = client.query(copyFrom('copy stage from stdin'));
  for (const buffer of lines) if (!copy.write(buffer)) await once(copy, 'drain');
  copy.end();
  await once(copy, 'finish');
  await client.query('analyze stage');
  await client.query(`delete from bench.${table} t using stage s where s.op = 'd' and s.id = t.id`);
  const others = COLUMNS.slice(1);
  await client.query(`merge into bench.${table} t using (select * from stage where op = 'u') s on t.id = s.id
    when matched then update set ${others.map((name) => `${name} = s.${name}`).join(', ')}
    when not matched then insert (${COLUMNS.join(', ')}) values (${COLUMNS.map((name) => `s.${name}`).join(', ')})`);
  await client.query('commit');
  return (performance.now() - startedAt) / 1_000;
}

async function bench(one: Bench): Promise<void> {
  const { sql, client } = one;
  await sql('create schema main.bench');
  await sql(`create table ${SOURCE} (id bigint, name string, email string, segment string, amount decimal(12,2), score double,
    active boolean, day date, seen_at timestamp, n1 int, n2 bigint, t1 string, t2 string) using delta`);
  await sql(`insert into ${SOURCE} ${generated(`range(${ROWS})`, 'id')}`);

  console.log(
    `${ROWS.toLocaleString('en')} rows, ${CHANGES.toLocaleString('en')} net changes, ${ROUNDS} rounds, ${cpus().length} cores, Node ${process.version}\n`,
  );
  const loads: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const table of [`one_slice_${round}`, `two_slices_${round}`]) {
      const { seconds } = await syncOnce(one, syncOf(table, 10_000_000), 1);
      loads.push(ROWS / seconds);
      await client.query(`create index on bench.${table} (email); analyze bench.${table}`);
    }
    await client.query(
      `create table bench.bound_${round} (like bench.one_slice_${round} including all) with (fillfactor = 85)`,
    );
    await client.query(
      `insert into bench.bound_${round} select * from bench.one_slice_${round}; analyze bench.bound_${round}`,
    );
  }
  report('initial load, one chunk straight into the table', loads);

  const updates = Math.round(CHANGES * 0.6);
  const inserts = Math.round(CHANGES * 0.3);
  const deletes = CHANGES - updates - inserts;
  await sql(`update ${SOURCE} set amount = amount + 1, t1 = concat(t1, '!') where id < ${updates}`);
  await sql(`insert into ${SOURCE} ${generated(`range(${inserts})`, `id + ${ROWS}`)}`);
  await sql(`delete from ${SOURCE} where id >= ${ROWS - deletes} and id < ${ROWS}`);

  const rates: Record<'one' | 'two' | 'bound', number[]> = { one: [], two: [], bound: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const { plan, seconds } = await syncOnce(one, syncOf(`one_slice_${round}`, 10_000_000), 1);
    rates.one.push(CHANGES / seconds);
    const two = await syncOnce(one, syncOf(`two_slices_${round}`, Math.ceil(CHANGES / 2)), 2);
    rates.two.push(CHANGES / two.seconds);
    const lines: Buffer[] = [];
    for await (const page of one.services.source.readPages({ plan, slice: 0, of: 1 }, NEVER)) {
      if (page.rows > 0) lines.push(Buffer.from(`${page.payload}\n`));
    }
    await client.query('checkpoint');
    rates.bound.push(CHANGES / (await applyBound(one, `bound_${round}`, lines)));
    await expectEqual(client, `one_slice_${round}`, `bound_${round}`);
    await expectEqual(client, `two_slices_${round}`, `bound_${round}`);
  }
  console.log();
  report('COPY + DELETE + MERGE on the server (the bound)', rates.bound);
  report('Lakeferry, one slice, feed to commit', rates.one, rates.bound);
  report('Lakeferry, two slices side by side', rates.two, rates.bound);
}

async function expectEqual(client: pg.Client, a: string, b: string): Promise<void> {
  const { rows } = await client.query<{ n: string }>(
    `select count(*) as n from ((table bench.${a} except all table bench.${b}) union all (table bench.${b} except all table bench.${a})) x`,
  );
  if (rows[0]?.n !== '0') throw new Error(`bench.${a} and bench.${b} differ in ${rows[0]?.n} rows`);
}

function report(what: string, rates: readonly number[], bound?: readonly number[]): void {
  const rate = Math.round(median(rates)).toLocaleString('en');
  const ratio = bound
    ? `   ${median(rates.map((of, round) => of / (bound[round] ?? of))).toFixed(2)} of the bound`
    : '';
  console.log(`${what.padEnd(52)} ${rate.padStart(9)} rows/s${ratio}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const folder = await mkdtemp(join(tmpdir(), 'lakeferry-bench-'));
const stack = await startStack({ folder });
try {
  const connections = await localConnections(stack.info);
  const composed = compose(connections, { clock: systemClock, log: silentLog, metrics: noMetrics });
  const client = new pg.Client({ connectionString: stack.info.postgres });
  client.on('error', () => undefined);
  await client.connect();
  await bench({
    stack,
    services: { ...composed, queue: new MemoryQueue() },
    client,
    sql: (statement) => runStatement(connections.databricks, statement, NEVER),
  });
  await client.end();
  await composed.close();
} finally {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
}
