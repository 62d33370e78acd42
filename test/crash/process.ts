import type { Checkpoint, CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import { startNeonProxy } from '../../src/local/neon-proxy/proxy.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import type { Services } from '../../src/sync/services.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { died, overriding } from '../support/control.ts';
import type { Lake } from '../support/lake.ts';
import type { CrashScript } from './crash-script.ts';
import { quickLogin } from './quick-login.ts';
import { nameOfWrite, StatementReader } from './statement-reader.ts';

export type Role = 'planner' | 'writer' | 'operator';

/** One process of the product, which can die at any of its writes: from then on it reaches nothing any more. */
export class Process {
  role: Role = 'planner';
  readonly services: Services;
  readonly #close: () => Promise<void>;
  #script: CrashScript;
  #dead = false;

  private constructor(
    script: CrashScript,
    services: (process: Process) => Services,
    close: () => Promise<void>,
  ) {
    this.#script = script;
    this.services = services(this);
    this.#close = close;
  }

  /** `shared` is what outlives every process; source and Postgres are the lake's. */
  static async start(lake: Lake, shared: Services, script: CrashScript): Promise<Process> {
    const url = await quickLogin(lake);
    const { hostname, port } = new URL(url);
    const proxy = await startNeonProxy({ postgres: { host: hostname, port: Number(port), url: () => url } });
    const target = openPostgresTarget({ url, localProxy: proxy.address }, { log: shared.log });
    const process = new Process(
      script,
      (self) => ({
        ...shared,
        source: self.#reading(shared.source),
        target: self.#reading(target),
        checkpoints: self.#checkpoints(shared.checkpoints),
        queue: self.#queue(shared.queue),
      }),
      async () => {
        await target.close();
        await proxy.close();
      },
    );
    proxy.faults.observe(() => {
      const reader = new StatementReader();
      return (sent) => {
        for (const text of reader.read(sent)) {
          const moment = process.#reachStatement(text);
          if (moment) return moment;
        }
        return undefined;
      };
    });
    return process;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** The same process in the next run. */
  follow(script: CrashScript): void {
    this.#script = script;
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** Does a write that is not a statement, unless the process dies of it or the call is lost. */
  async pass<T>(name: string, write: () => Promise<T> | T): Promise<T> {
    this.#requireAlive();
    const crash = this.#script.reach(`${this.role}: ${name}`);
    if (crash?.moment === 'before') throw this.#broken(crash.ends);
    const done = await write();
    if (crash) throw this.#broken(crash.ends);
    return done;
  }

  #reachStatement(text: string) {
    if (this.#dead) return 'before' as const;
    const name = nameOfWrite(text);
    const crash = name === undefined ? undefined : this.#script.reach(`${this.role}: ${name}`);
    if (crash?.ends === 'process') this.#dead = true;
    return crash?.moment;
  }

  #broken(ends: 'process' | 'call') {
    if (ends === 'process') this.#dead = true;
    return died();
  }

  #requireAlive(): void {
    if (this.#dead) throw died();
  }

  /** A service whose calls write nothing, or only what the proxy sees. */
  #reading<T extends object>(service: T): T {
    return new Proxy(service, {
      get: (of, name) => {
        this.#requireAlive();
        const member: unknown = Reflect.get(of, name);
        return typeof member === 'function' ? member.bind(of) : member;
      },
    });
  }

  #checkpoints(store: CheckpointStore): CheckpointStore {
    return overriding<CheckpointStore>(this.#reading(store), {
      write: (sync, checkpoint, ...rest) =>
        this.pass(`checkpoint ${nameOf(checkpoint)}`, () => store.write(sync, checkpoint, ...rest)),
      addDone: (...args) => this.pass('progress done', () => store.addDone(...args)),
      recordFailure: (...args) => this.pass('progress failure', () => store.recordFailure(...args)),
    });
  }

  /** Every message of a batch is a point: SQS takes some of a batch and not the others. */
  #queue(queue: ChunkQueue): ChunkQueue {
    return overriding<ChunkQueue>(this.#reading(queue), {
      send: async (chunks, signal) => {
        for (const chunk of chunks) await this.pass('queue send', () => queue.send([chunk], signal));
      },
      returnAfter: (...args) => this.pass('queue return', () => queue.returnAfter(...args)),
    });
  }
}

function nameOf(checkpoint: Checkpoint): string {
  return 'plan' in checkpoint && checkpoint.plan ? `${checkpoint.state} with plan` : checkpoint.state;
}
