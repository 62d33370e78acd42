import { asSyncError } from '../../../src/error/sync-error.ts';
import { decodeMessage } from '../../../src/plan/codec.ts';
import type { Source } from '../../../src/source/source.ts';
import { applyChunk } from '../../../src/sync/apply-chunk.ts';
import { planSync } from '../../../src/sync/plan-sync.ts';
import type { Services } from '../../../src/sync/services.ts';
import { MemoryQueue } from '../../support/memory-queue.ts';
import { readSource, type WrongRows, wrongRows } from './against-source.ts';
import { createSource, createTarget, sourceName } from './customer-profiles.ts';
import type { Ground } from './ground.ts';
import type { FollowRequest, GuideJob, JobOutcome } from './guide-job.ts';
import { syncInto } from './lakeferry.ts';
import type { Scenario } from './scenarios.ts';

/** How an opponent ended: what it said, if it failed, and what its target then holds. */
export interface Ending {
  /** SQLSTATE or name of the failure; absent where every run ended well. */
  readonly error?: string;
  readonly wrong: WrongRows;
}

export interface ScenarioEnding {
  readonly guide: Ending;
  readonly lakeferry: Ending;
}

const NEVER = new AbortController().signal;

/** Takes one opponent through a scenario, side by side with the other. */
interface Runner {
  readonly table: string;
  load(): Promise<void>;
  /** Applies what is new; the number of the window counts from 0. Gives the failure, if any. */
  window(number: number): Promise<string | undefined>;
  /** After the last window. */
  end(): Promise<void>;
}

/** Plays a scenario for both opponents at once, on one source table; `job` is a running job of the guide. */
export async function playScenario(
  ground: Ground,
  job: GuideJob,
  scenario: Scenario,
): Promise<ScenarioEnding> {
  const { sql, postgres } = ground;
  await sql(createSource(scenario.name));
  await sql(`insert into ${sourceName(scenario.name)} values ${scenario.loaded.join(', ')}`);
  const runners = {
    guide: await guideRunner(ground, job, scenario),
    lakeferry: lakeferryRunner(ground, scenario),
  };
  for (const { table, load } of Object.values(runners)) {
    await postgres.query(createTarget(table));
    await load();
  }
  const errors = new Map<Runner, string>();
  for (const [number, statements] of scenario.windows.entries()) {
    for (const statement of statements) await sql(statement);
    for (const runner of Object.values(runners)) {
      const error = await runner.window(number);
      if (error !== undefined) errors.set(runner, error);
    }
  }
  const expected = await readSource(ground, scenario.name, await ground.latestVersion(scenario.name));
  const ending = async (runner: Runner): Promise<Ending> => {
    await runner.end();
    const error = errors.get(runner);
    const wrong = await wrongRows(ground, expected, runner.table);
    return { ...(error === undefined ? {} : { error }), wrong };
  };
  return { guide: await ending(runners.guide), lakeferry: await ending(runners.lakeferry) };
}

async function guideRunner(
  ground: Ground,
  job: GuideJob,
  { name, fault, asPrinted }: Scenario,
): Promise<Runner> {
  const table = `${name}_guide`;
  const source = ground.directoryOf(name);
  const target = ground.jobTarget(table);
  const loaded = await ground.latestVersion(name);
  const after = asPrinted === 'start' ? {} : { after: loaded };
  const request: FollowRequest = { source, target, checkpoint: await ground.checkpointFolder(), ...after };
  let standing: GuideJob | undefined;

  /** Another process of the job, with which it does not end well. */
  async function sufferFault(): Promise<void> {
    const other = await ground.startGuideJob();
    if (fault === 'killed') {
      expectOutcome(await other.follow({ ...request, stopAt: 'before_checkpoint' }), 'gone');
    } else {
      expectOutcome(await other.follow({ ...request, holdAt: 'before_merge' }), 'held');
      standing = other;
    }
  }

  return {
    table,
    async load() {
      expectOutcome(
        await job.load({ source, target, asPrinted: asPrinted === 'load', batched: false }),
        'done',
      );
    },
    async window(number) {
      if (number === 0 && fault) await sufferFault();
      const first = await job.follow(request);
      if (first.outcome === 'done') return undefined;
      // A job that failed is run again, as its schedule does.
      return failureOf(await job.follow(request));
    },
    async end() {
      // Its checkpoint is taken by then: it may well end with an error, after it has written.
      await standing?.resume();
      await standing?.close();
    },
  };
}

function expectOutcome(answer: JobOutcome, expected: JobOutcome['outcome']): void {
  if (answer.outcome !== expected) throw new Error(`the guide's job: ${JSON.stringify(answer)}`);
}

function failureOf(answer: JobOutcome): string | undefined {
  if (answer.outcome === 'done') return undefined;
  return answer.outcome === 'failed' ? (answer.sqlState ?? answer.error) : answer.outcome;
}

function lakeferryRunner({ services: composed }: Ground, { name, fault }: Scenario): Runner {
  const table = `${name}_lakeferry`;
  const sync = syncInto(name, table);
  const queue = new MemoryQueue();
  const services: Services = { ...composed, queue };
  let goOn = () => {};
  let standing: Promise<unknown> = Promise.resolve();

  /** The first delivery of a message, with which it does not end well; the message is not acknowledged. */
  async function sufferFault(body: string): Promise<void> {
    const chunk = decodeMessage(body);
    if (fault === 'killed') {
      await services.target.apply(
        chunk,
        () => services.source.readPages(chunk, NEVER),
        async () => {},
        NEVER,
      );
      return;
    }
    const resumed = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    standing = applyChunk({ ...services, source: readingAfter(resumed, services.source) }, chunk, NEVER);
  }

  async function runToIdle(faulty: boolean): Promise<void> {
    for (;;) {
      const tick = await planSync(services, sync, { byPerson: true }, NEVER);
      if (tick.outcome === 'halted') throw new Error(tick.cause.kind);
      if (tick.outcome !== 'sent') return;
      for (let message = queue.receive(); message; message = queue.receive()) {
        if (faulty) await sufferFault(message.body);
        await applyChunk(services, decodeMessage(message.body), NEVER);
        queue.acknowledge(message.receiptHandle);
      }
    }
  }

  return {
    table,
    load: () => runToIdle(false),
    window: (number) =>
      runToIdle(number === 0 && fault !== undefined).then(
        () => undefined,
        (thrown: unknown) => asSyncError(thrown).kind,
      ),
    async end() {
      goOn();
      await standing;
    },
  };
}

/** A source whose pages come once `resumed` is. */
function readingAfter(resumed: Promise<void>, source: Source): Source {
  return {
    look: (...of) => source.look(...of),
    readColumns: (...of) => source.readColumns(...of),
    readHistory: (...of) => source.readHistory(...of),
    readSchemaEffects: (...of) => source.readSchemaEffects(...of),
    countRows: (...of) => source.countRows(...of),
    async *readPages(...of) {
      await resumed;
      yield* source.readPages(...of);
    },
    readTableId: (...of) => source.readTableId(...of),
    close: () => source.close(),
  };
}
