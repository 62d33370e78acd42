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

interface Link<T> {
  readonly item: T;
  next: Link<T> | undefined;
}

/** First in, first out, in links: what is dropped is held by nobody. */
class Queue<T extends Dated> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;

  get oldestAt(): number {
    return this.#first?.item.at ?? Number.POSITIVE_INFINITY;
  }

  push(item: T): void {
    const link: Link<T> = { item, next: undefined };
    if (this.#first === undefined || this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
  }

  drop(): void {
    this.#first = this.#first?.next;
  }

  items(): T[] {
    const items: T[] = [];
    for (let link = this.#first; link !== undefined; link = link.next) items.push(link.item);
    return items;
  }
}
