interface Dated {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The newest of what comes from several sources, from each of them oldest first: at most `limit` are held, and of the
 * others it is known how many they were.
 */
export class Newest<T extends Dated> {
  readonly #limit: number;
  readonly #queues = new Map<string, Queue<T>>();
  #held = 0;
  #leftOut = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many were dropped since newer ones came. */
  get leftOut(): number {
    return this.#leftOut;
  }

  add(source: string, item: T): void {
    const queue = this.#queues.get(source) ?? new Queue<T>();
    this.#queues.set(source, queue);
    queue.push(item);
    this.#held += 1;
    if (this.#held > this.#limit) this.#dropOldest();
  }

  /** What is held, oldest first. */
  toSorted(): T[] {
    return [...this.#queues.values()].flatMap((queue) => queue.items()).toSorted((a, b) => a.at - b.at);
  }

  #dropOldest(): void {
    let oldest: Queue<T> | undefined;
    for (const queue of this.#queues.values()) {
      if (queue.oldestAt < (oldest?.oldestAt ?? Number.POSITIVE_INFINITY)) oldest = queue;
    }
    oldest?.drop();
    this.#held -= 1;
    this.#leftOut += 1;
  }
}

/** First in, first out; what is dropped is let go of at once, and its place when half of the places are empty. */
class Queue<T extends Dated> {
  #places: (T | undefined)[] = [];
  #first = 0;

  get oldestAt(): number {
    return this.#places[this.#first]?.at ?? Number.POSITIVE_INFINITY;
  }

  push(item: T): void {
    this.#places.push(item);
  }

  drop(): void {
    this.#places[this.#first] = undefined;
    this.#first += 1;
    if (this.#first * 2 <= this.#places.length) return;
    this.#places = this.#places.slice(this.#first);
    this.#first = 0;
  }

  items(): T[] {
    return this.#places.slice(this.#first) as T[];
  }
}
