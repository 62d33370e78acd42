import { resolve } from 'node:path';
import { type ComposedServices, compose } from '../../compose.ts';
import type { AwsConnection, Connections } from '../../config/connections.ts';
import { SyncError } from '../../error/sync-error.ts';
import { type Comparison, compareTables } from '../../local/compare-tables.ts';
import { runStatement } from '../../local/run-statement.ts';
import { runSyncs } from '../../local/run-syncs.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { DEMO_FOLDER, localConnections } from '../../local/stack-info.ts';
import { silentLog } from '../../telemetry/log.ts';
import { noMetrics } from '../../telemetry/metrics.ts';
import type { CliIo } from '../io.ts';
import { formatCount, formatDuration, formatNumber } from '../quantity.ts';
import {
  CHANGES,
  CREATE_TABLE,
  DEMO_CONFIG,
  generatedChanges,
  INSERT_SIX,
  insertGenerated,
  SYNC,
  TARGET,
  TRY_STATEMENT,
} from './customer-profiles.ts';
import { Steps } from './steps.ts';
import { markChanges, readTarget, renderTarget } from './target-table.ts';

export interface DemoOptions {
  readonly keep: boolean;
  /** Generated rows and changes in place of the guide's six rows. */
  readonly generated?: { readonly rows: number; readonly changes: number };
}

const TITLE = 'Lakeferry demo: real drivers, local servers, no account, nothing leaves this machine.';

/** Runs the demo to its last line, which says passed or failed. Answers whether it passed. */
export async function runDemo(options: DemoOptions, io: CliIo): Promise<boolean> {
  const steps = new Steps(io);
  steps.print(TITLE, '');
  let stack: Stack | undefined;
  try {
    stack = await steps.run(
      'stack',
      () => startDemoStack(steps, io),
      () => 'Postgres · Neon proxy · SQL warehouse (DuckDB) · SQS · DynamoDB',
    );
    const summary = await play(stack, options, steps, io);
    steps.print('', `Lakeferry demo passed: ${summary}, in ${formatDuration(steps.elapsedMs)}.`);
    if (options.keep) await keep(stack, steps, io);
    return true;
  } catch (thrown) {
    if (io.signal.aborted) throw thrown;
    const { style } = steps;
    const error = thrown instanceof SyncError ? thrown : undefined;
    steps.print(
      `  ${style.red(style.symbols.bad)} ${steps.current}  ${error?.message ?? String(thrown)}`,
      ...(error ? [`    ${error.commandRemedy}`] : []),
      '',
      `Lakeferry demo failed at step "${steps.current}" after ${formatDuration(steps.elapsedMs)}.`,
    );
    return false;
  } finally {
    await stack?.close();
  }
}

function startDemoStack(steps: Steps, io: CliIo): Promise<Stack> {
  return startStack({
    folder: resolve(io.cwd, DEMO_FOLDER),
    fresh: true,
    onPart: (part) => steps.working(`starting ${part}`),
  });
}

/** Everything between the start of the stack and the last line; gives the last line's facts. */
async function play(stack: Stack, { generated }: DemoOptions, steps: Steps, io: CliIo): Promise<string> {
  const connections = await localConnections(stack.info);
  const services = compose(connections, { clock: io.clock, log: silentLog, metrics: noMetrics });
  const scene: Scene = { stack, connections, services, steps, io };
  try {
    await load(scene, generated?.rows);
    const before = generated ? [] : await readTarget(stack.info.postgres);
    if (!generated)
      steps.print('', `    ${TARGET} in Neon, before:`, '', ...renderTarget(before, steps.style), '');

    const changes = generated ? generatedChanges(generated.rows, generated.changes) : CHANGES;
    await change(scene, changes, generated !== undefined);
    const synced = await steps.run('sync', () => sync(scene), describeSync);

    if (!generated) {
      const after = markChanges(before, await readTarget(stack.info.postgres));
      steps.print('', '    after: + new, ~ changed, - gone', '', ...renderTarget(after, steps.style), '');
    }
    const { through, rows } = await verify(scene);
    return `Neon equals Delta at version ${formatCount(through)}, ${formatNumber(rows, 'row')}, ${formatCount(synced.upserted)} upserted and ${formatCount(synced.deleted)} deleted by the last sync`;
  } finally {
    await services.close();
  }
}

interface Scene {
  readonly stack: Stack;
  readonly connections: Connections;
  readonly services: ComposedServices;
  readonly steps: Steps;
  readonly io: CliIo;
}

async function load(scene: Scene, rows: number | undefined): Promise<void> {
  const { steps } = scene;
  for (const statement of CREATE_TABLE) await sql(scene, statement);
  if (rows !== undefined) {
    await steps.run(
      'generate',
      () => sql(scene, insertGenerated(rows)),
      () => `${formatNumber(rows, 'row')} in the Delta table`,
    );
  } else await sql(scene, INSERT_SIX);
  await steps.run(
    'load',
    () => sync(scene),
    (loaded) => `${SYNC}: ${describeSync(loaded)}`,
  );
}

async function change(
  scene: Scene,
  changes: readonly { says: string; statement: string }[],
  terse: boolean,
): Promise<void> {
  const { steps } = scene;
  await steps.run(
    'change',
    async () => {
      for (const { says, statement } of changes) {
        steps.working(says);
        await sql(scene, statement);
      }
    },
    () => (terse ? changes.map(({ says }) => says).join(' · ') : `the source, in ${changes.length} commits:`),
  );
  if (!terse) steps.print(...changes.map(({ says }) => `                  ${says}`));
}

interface Synced {
  readonly through: bigint;
  readonly upserted: bigint;
  readonly deleted: bigint;
  readonly seconds: number;
}

/** Planner → SQS → writers, until nothing is left. */
async function sync({ connections, services, steps, io }: Scene): Promise<Synced> {
  const config = DEMO_CONFIG;
  const startedAt = io.clock.now();
  const [result] = await runSyncs({
    config,
    services,
    aws: connections.aws satisfies AwsConnection,
    syncs: [...config.syncs.values()],
    untilIdle: true,
    onProgress: (_, { done, total }) => steps.working(`${done} of ${formatNumber(total, 'chunk')} applied`),
    signal: io.signal,
  });
  const { state, through, rows, error } = result ?? {};
  if (state === 'idle' && typeof through === 'bigint' && rows) {
    return { through, ...rows, seconds: (io.clock.now() - startedAt) / 1_000 };
  }
  const { kind = 'internal', message = 'The sync did not end.' } = error ?? {};
  throw new SyncError(kind, message, { sync: SYNC });
}

function describeSync({ through, upserted, deleted, seconds }: Synced): string {
  const rate =
    upserted + deleted >= 10_000n
      ? `, ${formatCount(Math.round(Number(upserted + deleted) / seconds))} rows/s`
      : '';
  const removed = deleted > 0n ? ` · ${formatCount(deleted)} deleted` : '';
  return `${formatCount(upserted)} upserted${removed} · Neon is at version ${formatCount(through)}${rate}`;
}

/** Every mapped column of every row, compared by Postgres itself. Throws when there is a difference. */
async function verify({
  stack,
  services,
  steps,
  io,
}: Scene): Promise<{ readonly through: bigint; readonly rows: bigint }> {
  const row = (await services.target.readRows(io.signal)).get(SYNC);
  const { plan, through } = row ?? {};
  if (!plan || through === undefined)
    throw new SyncError('internal', 'The target shows no finished plan.', { sync: SYNC });
  const compared = await steps.run(
    'verify',
    async () => {
      const found = await compareTables(services.source, stack.info.postgres, plan, through, io.signal);
      if (differences(found) === 0n) return found;
      throw new SyncError(
        'internal',
        `Neon differs from Delta at version ${through}: ${found.missing} rows missing, ${found.extra} extra, ${found.different} different.`,
        { sync: SYNC },
      );
    },
    ({ equal }) =>
      `every column of ${formatNumber(equal, 'row')} equals Delta version ${formatCount(through)}`,
  );
  return { through, rows: compared.equal };
}

function differences({ missing, extra, different }: Comparison): bigint {
  return missing + extra + different;
}

function sql({ connections, io }: Scene, statement: string) {
  return runStatement(connections.databricks, statement, io.signal);
}

/** Leaves the stack up until Ctrl-C. */
async function keep({ info }: Stack, steps: Steps, io: CliIo): Promise<void> {
  steps.print(
    '',
    'The stack stays up until Ctrl-C. In another terminal, change a row of the source and watch it arrive:',
    '',
    `  npm run -s lakeferry -- local sql "${TRY_STATEMENT}"`,
    '  npm run -s lakeferry -- status --local',
    '  npm run -s lakeferry -- run --local --until-idle',
    '',
    `Postgres, for psql or any other client:  ${info.postgres}`,
  );
  await new Promise<void>((done) => {
    if (io.signal.aborted) done();
    else io.signal.addEventListener('abort', () => done(), { once: true });
  });
}
