import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { BRIDGE, type SparkInstallation } from '../../../src/local/warehouse/spark/install.ts';
import type { GuideJobInstallation } from './install.ts';

const MAIN = path.join(import.meta.dirname, 'job/main.py');
const KEPT_ERROR_CHARACTERS = 4_000;

/** The table in Postgres, as the job reaches it. */
export interface JobTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly schema: string;
  readonly table: string;
}

/** Where a batch may be stopped or held: its rows are collected; or all of it is committed in Postgres. */
export type JobPoint = 'before_merge' | 'before_checkpoint';

export interface LoadRequest {
  /** Directory of the Delta table. */
  readonly source: string;
  readonly target: JobTarget;
  /** Lets Spark drop the target and make another one, as the guide has it; else its rows are replaced. */
  readonly asPrinted: boolean;
  /** Sets the driver's `reWriteBatchedInserts`, which the guide does not. */
  readonly batched: boolean;
}

export interface FollowRequest {
  readonly source: string;
  readonly target: JobTarget;
  /** Directory of the stream's checkpoint. */
  readonly checkpoint: string;
  /** Version that the target holds, for a stream without a checkpoint; the whole table comes first when absent. */
  readonly after?: bigint;
  /** Ends the process there, as a kill does. */
  readonly stopAt?: JobPoint;
  /** Waits there until `resume`. */
  readonly holdAt?: JobPoint;
}

const answer = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('ready') }),
  z.object({ outcome: z.literal('done') }),
  z.object({ outcome: z.literal('held') }),
  z.object({ outcome: z.literal('failed'), error: z.string(), sqlState: z.string().nullable() }),
]);

/** `gone`: the process ended before it answered. */
export type JobOutcome = z.infer<typeof answer> | { readonly outcome: 'gone' };

/** The job in a Spark of its own, which takes one request at a time. */
export interface GuideJob {
  load(request: LoadRequest): Promise<JobOutcome>;
  follow(request: FollowRequest): Promise<JobOutcome>;
  /** Lets a held batch go on. */
  resume(): Promise<JobOutcome>;
  close(): Promise<void>;
}

export interface GuideJobOptions {
  readonly spark: SparkInstallation;
  readonly job: GuideJobInstallation;
  /** For Spark's temporary files. */
  readonly scratch: string;
}

/** Starts Spark with the settings of the local warehouse's, and the job in it. */
export async function startGuideJob({ spark, job, scratch }: GuideJobOptions): Promise<GuideJob> {
  await mkdir(scratch, { recursive: true });
  const child = spawn(spark.python, [MAIN, scratch, `${spark.jars},${job.jars}`], {
    cwd: scratch,
    env: {
      ...process.env,
      PYTHONPATH: [BRIDGE, job.packages].join(path.delimiter),
      PYTHONDONTWRITEBYTECODE: '1',
      TZ: 'UTC',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  child.stdin.on('error', () => {});
  const complaints = lastOf(child);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<JobOutcome> => {
    const { value, done } = await answers.next();
    return done ? { outcome: 'gone' } : answer.parse(JSON.parse(value));
  };
  const ask = (request: unknown) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return next();
  };
  if ((await next()).outcome !== 'ready') throw new Error(`The guide's job did not start: ${complaints()}`);
  return {
    load: ({ source, target, asPrinted, batched }) =>
      ask({ do: 'load', source, target, as_printed: asPrinted, batched }),
    follow: ({ source, target, checkpoint, after, stopAt, holdAt }) =>
      ask({
        do: 'follow',
        source,
        target,
        checkpoint,
        after: after === undefined ? null : Number(after),
        stop_at: stopAt,
        hold_at: holdAt,
      }),
    resume: () => ask({}),
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}

function lastOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-KEPT_ERROR_CHARACTERS);
  });
  return () => text.trim().split('\n').at(-1) ?? '';
}
