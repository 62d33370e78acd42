import { setTimeout as sleep } from 'node:timers/promises';

/** An iteration whose first item has been waited for already. May be iterated once. */
export interface Begun<T> extends AsyncIterable<T> {
  /** Ends the iteration wherever it is, and gives it a moment to clean up. Never fails; safe after its end. */
  stop(): Promise<void>;
}

const CLEAN_UP_MS = 2_000;

/**
 * Starts the iteration and waits for its first item: the warehouse may work for minutes before it, and no
 * transaction should be open meanwhile.
 */
export async function begin<T>(items: AsyncIterable<T>): Promise<Begun<T>> {
  const iterator = items[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const item = first ?? (await iterator.next());
        first = undefined;
        return item;
      },
    }),
    async stop() {
      const stopped = Promise.resolve(iterator.return?.()).catch(() => undefined);
      const abort = new AbortController();
      const patience = sleep(CLEAN_UP_MS, undefined, { signal: abort.signal }).catch(() => undefined);
      await Promise.race([stopped, patience]);
      abort.abort();
    },
  };
}
