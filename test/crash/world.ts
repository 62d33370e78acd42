import type { SQSBatchResponse } from 'aws-lambda';
import { MAX_RECEIVES } from '../../lambdas/writer.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import type { Chunk } from '../../src/plan/plan.ts';
import { type OperatorEvent, operateSync } from '../../src/sync/operate-sync.ts';
import type { Tick } from '../../src/sync/plan-sync.ts';
import type { Services } from '../../src/sync/services.ts';
import { HandClock, overriding } from '../support/control.ts';
import { functionsOn, recordOf } from '../support/invoke.ts';
import { type Lake, NEVER } from '../support/lake.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';
import { MemoryQueue, type ReceivedMessage } from '../support/memory-queue.ts';
import { CrashScript } from './crash-script.ts';
import { type Expected, Invariants } from './invariants.ts';
import { Process, type Role } from './process.ts';

/** More than any lease, stall time or backoff of the product. */
const LONG_MS = 20 * 60_000;
/** Ticks after which a sync that has not become idle never will. */
const MAX_TICKS = 15;

/**
 * One sync in production: functions that are called by a schedule and by a queue, people that operate it, and
 * processes that die of what the script says. Whoever called a process that died calls again, as SQS, the schedule
 * and people do.
 */
export class World {
  readonly lake: Lake;
  readonly invariants: Invariants;
  config: SyncConfig;
  readonly clock = new HandClock();
  readonly queue = new MemoryQueue();
  readonly checkpoints = new MemoryCheckpoints();
  /** Bodies of messages that were received too often. */
  readonly deadLetters: string[] = [];
  /** In place of the lake's, for processes that start from now on. */
  over: Partial<Services> = {};
  /** What the functions answered or threw, in order. */
  readonly answers: string[] = [];
  /** The chunk that a writer was given last. */
  writing: Chunk | undefined;
  #script = new CrashScript();
  #process: Promise<Process> | undefined;
  /** Receipts of what was received: who is not acknowledged comes again when its visibility timeout is over. */
  #receipts: string[] = [];

  constructor(lake: Lake, config: SyncConfig, expected: Expected) {
    this.lake = lake;
    this.config = config;
    this.invariants = new Invariants(lake, config.name, expected);
  }

  /** From now on things break as the script says. */
  follow(script: CrashScript): void {
    this.#script = script;
    void this.#process?.then((process) => process.follow(script));
  }

  async close(): Promise<void> {
    await (await this.#process)?.close();
    this.#process = undefined;
  }

  /** A process beside the world's own, where nothing breaks: for whoever is held in the middle of something. */
  beside(): Promise<Process> {
    return Process.start(this.lake, this.#shared(), new CrashScript());
  }

  /** One call of the planner. Undefined when it died or failed. */
  async tick(by: 'schedule' | 'person' = 'schedule'): Promise<Tick | undefined> {
    const event = { sync: this.config.name, byPerson: by === 'person' };
    const tick = await this.#call('planner', ({ services }) =>
      functionsOn(services, this.config).plan(event),
    );
    this.answers.push(`tick: ${tick?.outcome ?? 'failed'}`);
    await this.#observe();
    return tick;
  }

  /** A person asks for a run, again and again until one answers. */
  async run(): Promise<Tick> {
    return this.#untilAnswered(() => this.tick('person'));
  }

  async operate(event: OperatorEvent): Promise<void> {
    await this.#untilAnswered(() =>
      this.#call('operator', ({ services }) =>
        operateSync(services, this.config.name, event, { dryRun: false }, NEVER),
      ),
    );
    await this.#observe();
  }

  /** Sends the dead letters to the writers again. */
  redrive(): void {
    for (const body of this.deadLetters.splice(0)) this.queue.duplicate(body, this.config.name);
  }

  /** Takes what is visible: time enough has passed for what was hidden or abandoned. */
  async receive(): Promise<readonly ReceivedMessage[]> {
    for (const receipt of this.#receipts.splice(0)) await this.queue.returnAfter(receipt, 0, NEVER);
    this.queue.elapse(LONG_MS / 1_000);
    const received: ReceivedMessage[] = [];
    for (let message = this.queue.receive(); message; message = this.queue.receive()) {
      this.#receipts.push(message.receiptHandle);
      if (message.attempt <= MAX_RECEIVES) received.push(message);
      else this.#bury(message);
    }
    return received;
  }

  /** Delivers what is visible, once, in an order of the caller's choice. */
  async deliver(inOrder = (messages: readonly ReceivedMessage[]) => messages): Promise<void> {
    for (const message of inOrder(await this.receive())) await this.write(message);
  }

  /** One call of the writer; what SQS does with the message then. */
  async write(message: ReceivedMessage): Promise<void> {
    const { receiptHandle } = message;
    this.writing = chunkOf(message);
    const answer = await this.#call('writer', async (process): Promise<SQSBatchResponse> => {
      const response = await functionsOn(process.services, this.config).write([recordOf(message)]);
      const done = response.batchItemFailures.length === 0;
      if (done) await process.pass('ack', () => this.queue.acknowledge(receiptHandle));
      return response;
    });
    const failures = answer?.batchItemFailures.length ?? 0;
    if (failures > 0 && message.attempt >= MAX_RECEIVES) this.#bury(message);
    this.answers.push(
      `write ${chunkOf(message).slice}: ${answer ? answer.batchItemFailures.length : 'failed'}`,
    );
    await this.#observe();
  }

  /**
   * Time passes, the schedule ticks, and messages come, each of them twice, until the sync is idle. A halt is a
   * violation, except for the first `runs` of them: so often a person, who has seen to the cause, runs it again.
   */
  async settle(runs = 0): Promise<void> {
    let runsLeft = runs;
    for (let ticks = 0; ticks < MAX_TICKS; ticks++) {
      this.clock.advance(LONG_MS);
      const tick = await this.tick();
      for (const message of await this.receive()) {
        await this.write(message);
        await this.write(message);
      }
      if (tick?.outcome === 'idle' && this.queue.size === 0) return;
      if (tick?.outcome === 'halted' && runsLeft > 0) {
        runsLeft -= 1;
        await this.run();
        await this.deliver();
      } else if (tick?.outcome === 'halted') {
        this.invariants.violate(`the sync is halted: ${tick.cause.kind}: ${tick.cause.message}`);
        return;
      }
    }
    this.invariants.violate(`the sync is not idle after ${MAX_TICKS} ticks: ${this.answers.join(', ')}`);
  }

  #bury({ body, receiptHandle }: ReceivedMessage): void {
    this.deadLetters.push(body);
    this.queue.acknowledge(receiptHandle);
  }

  async #observe(): Promise<void> {
    await this.invariants.observe();
  }

  async #untilAnswered<T>(call: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const answer = await call();
      if (answer !== undefined) return answer;
    }
  }

  /** Undefined when the process died in the call, or when the call failed with what may pass by itself. */
  async #call<T>(role: Role, work: (process: Process) => Promise<T>): Promise<T | undefined> {
    this.#process ??= Process.start(this.lake, this.#shared(), this.#script);
    const started = this.#process;
    const process = await started;
    process.role = role;
    try {
      const answer = await work(process);
      if (!process.dead) return answer;
    } catch (thrown) {
      if (!process.dead && !(thrown instanceof SyncError)) throw thrown;
      if (thrown instanceof SyncError) this.invariants.failures.push(thrown);
    }
    if (!process.dead) return undefined;
    if (this.#process === started) this.#process = undefined;
    await process.close();
    return undefined;
  }

  #shared(): Services {
    const { clock, queue, checkpoints } = this;
    return overriding<Services>(this.lake.services, { clock, queue, checkpoints, ...this.over });
  }
}

export function chunkOf({ body }: Pick<ReceivedMessage, 'body'>): Chunk {
  return decodeMessage(body);
}
