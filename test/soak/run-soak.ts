import { setTimeout as wait } from 'node:timers/promises';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import { DriftingClock } from '../support/drifting-clock.ts';
import { type FaultyStack, startFaultyStack } from '../support/faulty-stack.ts';
import { compare } from './compare.ts';
import { Counts } from './counts.ts';
import { bringFaults, bringRestarts } from './fault-storm.ts';
import { Functions } from './functions.ts';
import { openOperator } from './operator.ts';
import { Random } from './random.ts';
import { settle } from './settle.ts';
import { SCHEMA, type SoakSync, soakSyncs } from './soak-sync.ts';
import { SourceTable } from './source-changes.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly syncs: number;
  /** When it aborts, the faults end and the verification begins. */
  readonly signal: AbortSignal;
  readonly onStart?: (counts: Counts) => void;
}

export interface SoakResult {
  readonly counts: Counts;
  readonly syncs: number;
  /** Rows of all targets at the end. */
  readonly rows: number;
  /** What is wrong, a line each; empty when every target equals its source. */
  readonly problems: readonly string[];
}

const WRITERS = 5;
const VISIBILITY_SECONDS = 2;
const CHANGES_MS = [200, 1_500] as const;
/** Commits that a target may lack before its source waits: windows stay such that a slow machine gets done. */
const MAX_BEHIND = 15;
const TICKS_MS = [100, 1_200] as const;
const OPERATOR_MS = [300, 1_500] as const;
const CLOCK_MS = [300, 2_000] as const;
const COMPARE_MS = [1_000, 3_000] as const;

/**
 * Changes sources, plans, writes and breaks things at random until the signal aborts; then lets everything come to rest
 * and compares every target with its source. The targets are compared on the way, too, whenever no plan is open.
 */
export async function runSoak({ seed, syncs: count, signal, onStart }: SoakOptions): Promise<SoakResult> {
  const stack = await startFaultyStack();
  const random = new Random(seed);
  const counts = new Counts();
  const clock = new DriftingClock();
  const syncs = soakSyncs(count);
  const functions = new Functions(stack, syncs, counts, clock, random.fork());
  const operator = openOperator(stack, functions, counts);
  const stop = new AbortController();
  const pump = pumpQueue({
    aws: stack.aws,
    queueUrl: stack.resources.chunkQueueUrl,
    handler: (event) => functions.write(event),
    concurrency: WRITERS,
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
    signal: stop.signal,
  });
  const problems: string[] = [];
  try {
    const tables = await createTables(stack, syncs, random);
    onStart?.(counts);
    const scene = { stack, counts, random: random.fork() };
    const every = async (between: readonly [number, number], work: (random: Random) => Promise<unknown>) => {
      const own = random.fork();
      while (!signal.aborted) {
        await work(own);
        await wait(own.between(...between), undefined, { signal }).catch(() => undefined);
      }
    };
    const lookAtTarget = async (sync: SoakSync) => {
      problems.push(...(await watchVersion(stack, sync, versions)));
      const compared = await compare(stack, sync);
      if (compared.outcome === 'open') return;
      counts.comparisons += 1;
      if (compared.outcome === 'equal') return;
      problems.push(
        ...compared.differences.map((text) => `${sync.config.name} at version ${compared.through}: ${text}`),
      );
    };
    const versions = new Map<string, bigint>();
    await Promise.all([
      ...tables.map((table) =>
        every(CHANGES_MS, async () => {
          if (table.commits - (await readThrough(stack, table.name)) > MAX_BEHIND) return;
          await table.change();
          counts.commits += 1;
        }),
      ),
      ...syncs.map(({ config }) =>
        every(TICKS_MS, async (own) => {
          const doubled = own.chance(0.2);
          if (doubled) counts.fault('schedule: tick doubled');
          await Promise.all((doubled ? [1, 2] : [1]).map(() => functions.tick(config.name)));
        }),
      ),
      every(OPERATOR_MS, (own) => operator.lookAfter(own.pick(syncs), own)),
      every(CLOCK_MS, async (own) => {
        // Backwards now and then, and forwards by more, so that every lease ends.
        clock.jump(own.chance(0.25) ? -own.between(1, 120_000) : own.between(1, 420_000));
        counts.fault('clock: jumped');
      }),
      every(COMPARE_MS, (own) => lookAtTarget(own.pick(syncs)).catch(ignoreLostConnection)),
      bringFaults(scene, signal),
      bringRestarts(scene, signal),
    ]);
    functions.calm = true;
    stack.clearFaults();
    await functions.settle();
    const rest = await settle({ syncs, functions, operator, pump, clock });
    problems.push(...rest);
    let rows = 0;
    for (const sync of syncs) {
      const compared = await compare(stack, sync);
      if (compared.outcome === 'equal') rows += compared.rows;
      else if (compared.outcome === 'open') problems.push(`${sync.config.name}: its plan is still open`);
      else
        problems.push(
          ...compared.differences.map(
            (text) => `${sync.config.name} at version ${compared.through}, at the end: ${text}`,
          ),
        );
      const [newest] = await stack.sql(`describe history ${sync.source} limit 1`);
      const version = String(newest?.['version']);
      if (compared.outcome !== 'open' && compared.through !== version)
        problems.push(
          `${sync.config.name}: shows version ${compared.through}, and the source is at ${version}`,
        );
    }
    return { counts, syncs: syncs.length, rows, problems };
  } finally {
    stop.abort();
    await pump.stopped;
    await functions.close();
    await operator.close();
    await stack.close();
  }
}

async function createTables(
  stack: FaultyStack,
  syncs: readonly SoakSync[],
  random: Random,
): Promise<SourceTable[]> {
  await stack.sql(`create schema ${SCHEMA}`);
  const tables: SourceTable[] = [];
  for (const sync of syncs) {
    for (const statement of sync.prepare) await stack.query(statement);
    const table = new SourceTable(sync, stack.sql, random.fork());
    await table.create();
    tables.push(table);
  }
  return tables;
}

/** Version that the target shows; -1 for none, also while Postgres is away. */
async function readThrough(stack: FaultyStack, sync: string): Promise<number> {
  const rows = await stack
    .query<{ through: string | null }>('select through::text from lakeferry.syncs where sync = $1', [sync])
    .catch(() => []);
  return Number(rows[0]?.through ?? -1);
}

/** Invariant 1: the version of a target never goes back. */
async function watchVersion(
  stack: FaultyStack,
  { config }: SoakSync,
  seen: Map<string, bigint>,
): Promise<string[]> {
  const [row] = await stack.query<{ through: string | null }>(
    'select through::text from lakeferry.syncs where sync = $1',
    [config.name],
  );
  if (!row?.through) return seen.has(config.name) ? [`${config.name}: its version is gone`] : [];
  const before = seen.get(config.name) ?? 0n;
  const now = BigInt(row.through);
  seen.set(config.name, now);
  return now < before ? [`${config.name}: its version went back from ${before} to ${now}`] : [];
}

/** Postgres restarts under the comparison, too; it may also not have our schema yet. */
function ignoreLostConnection(thrown: unknown): void {
  const code = (thrown as { readonly code?: unknown }).code;
  const passing = typeof code === 'string' && /^(57|08|42P01|3F000|E[A-Z]+)/.test(code);
  // What pg says of a connection that broke has no code, or none of the server's.
  if (!passing && !/connection terminated|connection error/i.test(String(thrown))) throw thrown;
}
