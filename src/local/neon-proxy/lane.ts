import type { ProxyFaults } from './faults.ts';

/** Where bytes come from; paused while they cannot go on. */
export interface LaneSource {
  pause(): void;
  resume(): void;
}

/**
 * One direction of a connection: hands buffers on in order and uncopied, waits where a fault says so, and pauses
 * its source meanwhile and while the other side is full.
 */
export class Lane {
  readonly #source: LaneSource;
  readonly #write: (bytes: Buffer) => void;
  readonly #faults: ProxyFaults;
  readonly #waiting: Buffer[] = [];
  #draining = false;
  #full = false;
  #paused = false;
  #finish: (() => void) | undefined;

  constructor(source: LaneSource, write: (bytes: Buffer) => void, faults: ProxyFaults) {
    this.#source = source;
    this.#write = write;
    this.#faults = faults;
  }

  deliver(bytes: Buffer): void {
    const obstacle = this.#draining ? undefined : this.#faults.obstacle(bytes);
    if (!this.#draining && obstacle === undefined) {
      this.#write(bytes);
      return;
    }
    this.#waiting.push(bytes);
    if (obstacle !== undefined) void this.#drain(obstacle);
  }

  /** Says whether the other side can take more. */
  setFull(full: boolean): void {
    this.#full = full;
    this.#settle();
  }

  /** Calls back once everything that came has been handed on. */
  finish(done: () => void): void {
    if (this.#draining) this.#finish = done;
    else done();
  }

  async #drain(obstacle: Promise<void>): Promise<void> {
    this.#draining = true;
    this.#settle();
    let next: Promise<void> | undefined = obstacle;
    while (this.#waiting.length > 0) {
      await next;
      const bytes = this.#waiting.shift();
      if (bytes !== undefined) this.#write(bytes);
      const [following] = this.#waiting;
      if (following !== undefined) next = this.#faults.obstacle(following);
    }
    this.#draining = false;
    this.#settle();
    this.#finish?.();
  }

  #settle(): void {
    const paused = this.#draining || this.#full;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#source.pause();
    else this.#source.resume();
  }
}
