import { readSource, type SourceRows, wrongRows } from './against-source.ts';
import { createSource, createTarget, generatedRows, mixedChanges, sourceName } from './customer-profiles.ts';
import type { Ground } from './ground.ts';
import type { GuideJob, JobOutcome } from './guide-job.ts';
import { runLakeferry, syncInto } from './lakeferry.ts';

export interface SpeedOptions {
  readonly rows: number;
  readonly changes: number;
  /** Counted rounds; one before them warms both opponents up. */
  readonly rounds: number;
}

/** Seconds by round. `batchedLoad`: the guide's load with one setting of the JDBC driver more. */
export interface Seconds {
  readonly load: { readonly lakeferry: number[]; readonly guide: number[]; readonly guideBatched: number[] };
  readonly window: { readonly lakeferry: number[]; readonly guide: number[] };
  /** A process of the guide's job that starts, applies the window and ends. */
  readonly wholeJob: number;
}

const SOURCE = 'customer_profiles';

type Opponent = () => Promise<unknown>;

/**
 * Both opponents load one Delta table and then apply one window of its changes, round by round into tables of their
 * own, in turns, each round the other one first. Every table is compared with the source.
 */
export async function measureSpeed(
  ground: Ground,
  { rows, changes, rounds }: SpeedOptions,
  onRound: (what: string) => void,
): Promise<Seconds> {
  const { sql, postgres } = ground;
  await sql(createSource(SOURCE));
  await sql(`insert into ${sourceName(SOURCE)} ${generatedRows(0, rows)}`);
  const loaded = await ground.latestVersion(SOURCE);
  const atLoad = await readSource(ground, SOURCE, loaded);
  const job = await ground.startGuideJob();
  const seconds: Omit<Seconds, 'wholeJob'> = {
    load: { lakeferry: [], guide: [], guideBatched: [] },
    window: { lakeferry: [], guide: [] },
  };
  try {
    for (let round = 0; round <= rounds; round++) {
      onRound(`load, round ${round} of ${rounds}`);
      const tables = {
        lakeferry: `by_lakeferry_${round}`,
        guide: `by_guide_${round}`,
        guideBatched: 'batched',
      };
      await postgres.query(`drop table if exists operational_data.batched`);
      for (const table of Object.values(tables)) await postgres.query(createTarget(table));
      const load = (table: string, batched: boolean) => () =>
        done(
          job.load({
            source: ground.directoryOf(SOURCE),
            target: ground.jobTarget(table),
            asPrinted: false,
            batched,
          }),
        );
      await inTurns(ground, round, seconds.load, {
        lakeferry: () => runLakeferry(ground, syncInto(SOURCE, tables.lakeferry)),
        guide: load(tables.guide, false),
        guideBatched: load(tables.guideBatched, true),
      });
      for (const table of Object.values(tables)) await expectEqual(ground, atLoad, table);
      await postgres.query('vacuum analyze');
    }
    for (const statement of mixedChanges(SOURCE, rows, changes)) await sql(statement);
    const atEnd = await readSource(ground, SOURCE, await ground.latestVersion(SOURCE));
    for (let round = 0; round <= rounds; round++) {
      onRound(`window, round ${round} of ${rounds}`);
      await inTurns(ground, round, seconds.window, {
        lakeferry: () => runLakeferry(ground, syncInto(SOURCE, `by_lakeferry_${round}`)),
        guide: () => follow(ground, job, `by_guide_${round}`, loaded),
      });
      for (const table of [`by_lakeferry_${round}`, `by_guide_${round}`])
        await expectEqual(ground, atEnd, table);
    }
  } finally {
    await job.close();
  }
  onRound('the whole job');
  return { ...seconds, wholeJob: await timeWholeJob(ground, loaded) };
}

/** One measure of each, in an order that turns with the rounds; round 0 is not kept. */
async function inTurns<T extends string>(
  { postgres }: Ground,
  round: number,
  kept: Readonly<Record<T, number[]>>,
  opponents: Readonly<Record<T, Opponent>>,
): Promise<void> {
  const names = Object.keys(opponents) as T[];
  const first = round % names.length;
  for (const name of [...names.slice(first), ...names.slice(0, first)]) {
    await postgres.query('checkpoint');
    const startedAt = performance.now();
    await opponents[name]();
    if (round > 0) kept[name].push((performance.now() - startedAt) / 1_000);
  }
}

async function follow(ground: Ground, job: GuideJob, table: string, after: bigint): Promise<void> {
  const checkpoint = await ground.checkpointFolder();
  const source = ground.directoryOf(SOURCE);
  await done(job.follow({ source, target: ground.jobTarget(table), checkpoint, after }));
}

/** The window once more into a fresh load, with the start of Spark and its end. */
async function timeWholeJob(ground: Ground, loaded: bigint): Promise<number> {
  const table = 'by_whole_job';
  await ground.postgres.query(createTarget(table));
  const columns =
    'customer_id, full_name, email, segment, last_purchase_date, total_spend, propensity_score, created_at';
  await ground.postgres.query(
    `insert into operational_data.${table} (${columns}) select ${columns} from operational_data.batched`,
  );
  await ground.postgres.query('checkpoint');
  const startedAt = performance.now();
  const job = await ground.startGuideJob();
  try {
    await follow(ground, job, table, loaded);
  } finally {
    await job.close();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const atEnd = await readSource(ground, SOURCE, await ground.latestVersion(SOURCE));
  await expectEqual(ground, atEnd, table);
  return seconds;
}

async function done(answer: Promise<JobOutcome>): Promise<void> {
  const { outcome, ...more } = await answer;
  if (outcome !== 'done') throw new Error(`the guide's job ${outcome}: ${JSON.stringify(more)}`);
}

async function expectEqual(ground: Ground, expected: SourceRows, table: string): Promise<void> {
  const wrong = await wrongRows(ground, expected, table);
  if (wrong.missing + wrong.extra + wrong.different > 0)
    throw new Error(`${table} is not as the source: ${JSON.stringify(wrong)}`);
}
