import type { SyncConfig } from '../../src/config/sync-config.ts';
import { asSyncError, SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import { applyChunk } from '../../src/sync/apply-chunk.ts';
import { type FailureOutcome, handleChunkFailure } from '../../src/sync/chunk-failure.ts';
import { planSync, type Tick } from '../../src/sync/plan-sync.ts';
import type { ApplyOutcome } from '../../src/target/target.ts';
import type { Clock } from '../../src/telemetry/clock.ts';
import { type Lake, NEVER } from './lake.ts';
import { MemoryCheckpoints } from './memory-checkpoints.ts';
import { MemoryQueue, type ReceivedMessage } from './memory-queue.ts';
import { aSync } from './syncs.ts';

/** A clock that moves by hand. */
export class HandClock implements Clock {
  #now = Date.UTC(2026, 10, 21, 12);

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

/** A point at which a call is held: the test waits for `reached`, and lets it go on with `open`. */
export class Gate {
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #arrive = () => {};
  #open = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  pass(): Promise<void> {
    this.#arrive();
    return this.#opened;
  }

  open(): void {
    this.#open();
  }
}

/** `base` with some methods in place of its own; the others see `base` itself. */
export function overriding<T extends object>(base: T, over: Partial<T>): T {
  return new Proxy(base, {
    get(target, name) {
      const value: unknown = Reflect.get(name in over ? over : target, name);
      return typeof value === 'function' ? value.bind(name in over ? over : target) : value;
    },
  });
}

/** A service that the tested code has no business with. */
export function unused<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get(_, method) {
      throw new Error(`${name}.${String(method)} was used`);
    },
  });
}

export type ControlServices = Lake['services'] & { readonly clock: HandClock };
export type By = 'schedule' | 'person';

/** One table of three rows on a lake, and its sync with checkpoint, queue and clock of its own. */
export interface Bench {
  readonly config: SyncConfig;
  /** Name of the source table in statements. */
  readonly source: string;
  /** Name of the target table in statements. */
  readonly target: string;
  readonly services: ControlServices;
  tick(by?: By, over?: Partial<ControlServices>): Promise<Tick>;
  /** Every message that is visible now, taken off the queue: a test delivers them as it likes, or loses them. */
  take(): readonly ReceivedMessage[];
  apply(message: Pick<ReceivedMessage, 'body'>, over?: Partial<ControlServices>): Promise<ApplyOutcome>;
  /** What the writer does with a message that fails: `error` was thrown by its chunk. */
  fail(message: ReceivedMessage, error: SyncError, lastAttempt?: boolean): Promise<FailureOutcome>;
  /** Syncs by ticks and deliveries until the source has nothing new. */
  settle(): Promise<void>;
  rows(): Promise<unknown>;
  /** The sync's row in Postgres. */
  row(): Promise<Readonly<Record<string, unknown>>>;
  state(): Promise<string>;
  /** Rows of source and target, with the newest version and `through`: equal when the target shows it all. */
  both(): Promise<{ readonly source: unknown; readonly target: unknown }>;
}

let made = 0;

export async function aBench(lake: Lake, over: Partial<SyncConfig> = {}): Promise<Bench> {
  const name = `bench${made++}`;
  const source = `main.control.${name}`;
  const target = `public.${name}`;
  await lake.sql('create schema if not exists main.control');
  await lake.sql(`create table ${source} (id int, name string) using delta`);
  await lake.sql(`insert into ${source} values (1, 'one'), (2, 'two'), (3, 'three')`);
  const config = aSync(source, target, ['id'], over);
  const services: ControlServices = {
    ...lake.services,
    clock: new HandClock(),
    checkpoints: new MemoryCheckpoints(),
    queue: new MemoryQueue(),
  };
  const rows = () => lake.database.query(`select id, name from ${target} order by id`);
  const row = async () =>
    (await lake.database.query('select * from lakeferry.syncs where sync = $1', [config.name]))[0] ?? {};
  const bench: Bench = {
    config,
    source,
    target,
    services,
    tick: (by = 'schedule', replaced = {}) =>
      planSync({ ...services, ...replaced }, config, { byPerson: by === 'person' }, NEVER),
    take() {
      const messages: ReceivedMessage[] = [];
      for (let message = services.queue.receive(); message; message = services.queue.receive()) {
        services.queue.acknowledge(message.receiptHandle);
        messages.push(message);
      }
      return messages;
    },
    apply: ({ body }, replaced = {}) => applyChunk({ ...services, ...replaced }, decodeMessage(body), NEVER),
    fail: ({ body, attempt }, error, lastAttempt = false) =>
      handleChunkFailure(
        services,
        decodeMessage(body),
        error,
        { attempt, lastAttempt, outOfTime: false },
        NEVER,
        () => 0,
      ),
    async settle() {
      for (;;) {
        const tick = await bench.tick('person');
        if (tick.outcome === 'idle') return;
        if (tick.outcome !== 'sent') throw new Error(`the sync does not settle: ${tick.outcome}`);
        for (const message of bench.take()) await bench.apply(message);
      }
    },
    rows,
    row,
    state: async () => (await services.checkpoints.read(config.name, NEVER)).checkpoint.state,
    async both() {
      const [newest] = await lake.sql(`describe history ${source} limit 1`);
      const sourceRows = await lake.sql(`select id, name from ${source} order by id`);
      const { open, through } = await row();
      return {
        source: { rows: sourceRows, version: String(newest?.['version']), open: false },
        target: { rows: await rows(), version: through, open },
      };
    },
  };
  return bench;
}

/** What a call threw, as a SyncError. */
export async function errorOf(call: Promise<unknown>): Promise<SyncError> {
  try {
    await call;
  } catch (thrown) {
    return asSyncError(thrown);
  }
  throw new Error('nothing was thrown');
}

/** What a process that dies at this point leaves undone. */
export function died(): SyncError {
  return new SyncError('checkpoint_unavailable', 'The process died here.');
}

/** The one message of a plan of one chunk. */
export function only<T>(items: readonly T[]): T {
  const [item, ...others] = items;
  if (item === undefined || others.length > 0) throw new Error(`there are ${items.length}, not one`);
  return item;
}

export function tally(outcomes: readonly { readonly outcome: string }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
