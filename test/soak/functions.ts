import { setTimeout as wait } from 'node:timers/promises';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { plannerHandler } from '../../lambdas/planner.ts';
import type { Runtime } from '../../lambdas/runtime.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import type { DriftingClock } from '../support/drifting-clock.ts';
import type { FaultyStack } from '../support/faulty-stack.ts';
import type { Counts } from './counts.ts';
import type { Random } from './random.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';
import type { SoakSync } from './soak-sync.ts';

const LONG_MS = 120_000;
/** How long before Lambda's timeout each function stops its work. */
const EARLY_MS = { planner: 5_000, writer: 10_000 } as const;
const MAX_SKEW_MS = 90_000;

type Role = keyof typeof EARLY_MS;

/** What may become of an invocation besides its end; each with its share. */
const FATES = [
  ['killed', 0.05],
  /** Whoever waits for it gives it up, and it goes on: a sandbox that was frozen, and wakes. */
  ['abandoned', 0.04],
  ['out of time', 0.03],
] as const;
type Fate = (typeof FATES)[number][0] | 'ends';

/** The deployed functions, each invocation in a sandbox of its own, which may be killed in the middle. */
export class Functions {
  readonly #stack: FaultyStack;
  readonly #counts: Counts;
  readonly #clock: DriftingClock;
  readonly #random: Random;
  readonly #config: Runtime['config'];
  readonly #free: Sandbox[] = [];
  readonly #abandoned = new Set<Promise<unknown>>();
  /** No invocation is killed, abandoned or short of time any more. */
  calm = false;

  constructor(
    stack: FaultyStack,
    syncs: readonly SoakSync[],
    counts: Counts,
    clock: DriftingClock,
    random: Random,
  ) {
    this.#stack = stack;
    this.#counts = counts;
    this.#clock = clock;
    this.#random = random;
    this.#config = {
      connections: { databricks: {}, neon: {}, aws: {} },
      syncs: new Map(syncs.map(({ config }) => [config.name, config])),
    };
  }

  /** One tick of the planner. Its failures are its own: a later tick mends them. */
  async tick(sync: string, byPerson = false): Promise<string> {
    const ticked = await this.#invoke('planner', (runtime, timeoutMs) =>
      plannerHandler(runtime)({ sync, byPerson }, createLambdaContext('planner', timeoutMs)),
    ).catch(() => undefined);
    return ticked?.outcome ?? 'failed';
  }

  /** One delivery; SQS delivers twice now and then, and an acknowledgement may be lost. */
  async write(event: SQSEvent): Promise<SQSBatchResponse> {
    const deliver = () =>
      this.#invoke('writer', (runtime, timeoutMs) =>
        writerHandler(runtime)(event, createLambdaContext('writer', timeoutMs)),
      );
    if (this.calm) return deliver();
    if (this.#random.chance(0.08)) {
      this.#counts.fault('delivery: doubled');
      const [first] = await Promise.allSettled([deliver(), deliver()]);
      if (first.status === 'rejected') throw first.reason;
      return first.value;
    }
    const answer = await deliver();
    if (!this.#random.chance(0.04)) return answer;
    this.#counts.fault('delivery: acknowledgement lost');
    throw new Error('The acknowledgement was lost.');
  }

  /** Waits for the invocations that nobody waits for any more. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#abandoned);
  }

  async close(): Promise<void> {
    await this.settle();
    await Promise.all(this.#free.splice(0).map((sandbox) => sandbox.close()));
  }

  async #invoke<T>(
    role: Role,
    run: (runtime: () => Promise<Runtime>, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const sandbox = this.#free.pop() ?? this.#open();
    const runtime = async () => ({ config: this.#config, services: sandbox.services });
    const fate = this.#drawFate();
    const momentMs = this.#random.between(1, 700);
    const work = run(runtime, fate === 'out of time' ? EARLY_MS[role] + momentMs : LONG_MS);
    if (fate !== 'killed' && fate !== 'abandoned') {
      let outOfTime = false;
      const timer = setTimeout(() => {
        outOfTime = true;
      }, momentMs);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
        if (fate === 'out of time' && outOfTime) this.#counts.fault(`${role}: out of time`);
        this.#free.push(sandbox);
      }
    }
    const settled = work.then(
      (value) => ({ value }),
      (reason: unknown) => ({ reason }),
    );
    const ended = await Promise.race([settled, wait(momentMs)]);
    if (ended !== undefined) {
      this.#free.push(sandbox);
      if ('value' in ended) return ended.value;
      throw ended.reason;
    }
    this.#counts.fault(`${role}: ${fate}`);
    if (fate === 'killed') sandbox.kill();
    else this.#follow(settled, sandbox);
    throw new Error(`The ${role} was ${fate}.`);
  }

  #follow(settled: Promise<unknown>, sandbox: Sandbox): void {
    const followed = settled.then(() => {
      this.#free.push(sandbox);
      this.#abandoned.delete(followed);
    });
    this.#abandoned.add(followed);
  }

  #drawFate(): Fate {
    if (this.calm) return 'ends';
    let drawn = this.#random.next();
    for (const [fate, share] of FATES) {
      if (drawn < share) return fate;
      drawn -= share;
    }
    return 'ends';
  }

  #open(): Sandbox {
    const skewMs = this.#random.between(-MAX_SKEW_MS, MAX_SKEW_MS);
    return openSandbox(this.#stack.connections, this.#clock.skewed(skewMs), this.#counts);
  }
}
