import { type ComposedServices, compose } from '../../src/compose.ts';
import type { Connections } from '../../src/config/connections.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import type { Services } from '../../src/sync/services.ts';
import type { Clock } from '../../src/telemetry/clock.ts';

/** The services of one process, which can be killed: connections break, and whatever ran never comes back. */
export interface Sandbox {
  readonly services: Services;
  kill(): void;
  close(): Promise<void>;
}

/** Of the waits between attempts, which are minutes in the end, this much is left. */
const MAX_RETURN_SECONDS = 1;
const RETRY_DELAYS_MS = [20, 100, 300];

export function openSandbox(
  connections: Connections,
  clock: Clock,
  telemetry: Pick<Services, 'log' | 'metrics'>,
): Sandbox {
  const composed = compose(connections, { clock, log: telemetry.log, metrics: telemetry.metrics });
  const source = openDatabricksSource(connections.databricks, { retryDelaysMs: RETRY_DELAYS_MS });
  const life = new Life();
  const services: Services = {
    ...composed,
    source: life.bind(source),
    target: life.bind(composed.target),
    checkpoints: life.bind(composed.checkpoints),
    queue: life.bind(withShortReturns(composed)),
  };
  const close = async () => {
    await Promise.all([composed.close(), source.close()]);
  };
  return {
    services,
    kill() {
      life.over = true;
      void close();
    },
    close,
  };
}

function withShortReturns({ queue }: ComposedServices): Services['queue'] {
  return {
    send: (chunks, signal) => queue.send(chunks, signal),
    returnAfter: (receiptHandle, seconds, signal) =>
      queue.returnAfter(receiptHandle, Math.min(seconds, MAX_RETURN_SECONDS), signal),
    close: () => queue.close(),
  };
}

class Life {
  over = false;

  /** The service as a process uses it that may die before and after every call, and between two pages. */
  bind<T extends object>(service: T): T {
    return new Proxy(service, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.over && name !== 'readPages') return new Promise<never>(() => {});
          const result: unknown = value.apply(target, args);
          if (result instanceof Promise) return this.#lived(result);
          return name === 'readPages' ? this.#livedThrough(result as AsyncIterable<unknown>) : result;
        };
      },
    });
  }

  /** Settles as the work does, or never, if the process died meanwhile. */
  async #lived<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      if (this.over) await new Promise<never>(() => {});
    }
  }

  async *#livedThrough<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const item of items) {
      if (this.over) await new Promise<never>(() => {});
      yield item;
    }
  }
}
