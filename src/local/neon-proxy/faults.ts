/** What the proxy can be told to do, and how often it did. */
export type FaultName = 'refused' | 'dropped' | 'delayed' | 'held' | 'terminated';

/** Where in a statement's life its connection is dropped. */
export type DropMoment =
  /** Postgres never sees it. */
  | 'before'
  /** Postgres carries it out; its answer is lost. */
  | 'after';

/** Sees what one client sends, in the order in which it does, and may have its connection dropped for it. */
export type Observer = (sent: Buffer) => DropMoment | undefined;

/** Scripted at run time; each rule applies to connections that are open as well as to later ones. */
export class ProxyFaults {
  readonly fired: Record<FaultName, number> = { refused: 0, dropped: 0, delayed: 0, held: 0, terminated: 0 };
  #refusals = 0;
  #bytesLeft: number | undefined;
  #statement: { readonly text: Buffer; readonly moment: DropMoment } | undefined;
  #openObserver: (() => Observer) | undefined;
  #delayMs = 0;
  #hold: { readonly reached: () => void; readonly released: Promise<void> } | undefined;

  /** The next `count` connections are answered with HTTP 503. */
  refuseConnections(count: number): void {
    this.#refusals = count;
  }

  /** Lets clients send `bytes` bytes more in all, then drops, once, the connection that sends the next one. */
  dropAfterBytes(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** Drops, once, the connection that sends the text, `before` or `after` Postgres carries it out. */
  dropAtStatement(text: string, moment: DropMoment): void {
    this.#statement = { text: Buffer.from(text), moment };
  }

  /** Every connection that is made from now on gets an observer of its own. */
  observe(openObserver: () => Observer): void {
    this.#openObserver = openObserver;
  }

  /** Everything in either direction arrives `ms` later; 0 ends it. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Nothing goes on in either direction until `release`. `reached` resolves when something waits. */
  hold(): { readonly reached: Promise<void>; release(): void } {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#hold = {
      reached: () => {
        this.fired.held += 1;
        reached.resolve();
      },
      released: released.promise,
    };
    return {
      reached: reached.promise,
      release: () => {
        this.#hold = undefined;
        released.resolve();
      },
    };
  }

  openObserver(): Observer | undefined {
    return this.#openObserver?.();
  }

  takeRefusal(): boolean {
    if (this.#refusals === 0) return false;
    this.#refusals -= 1;
    this.fired.refused += 1;
    return true;
  }

  /** How many of these bytes may pass before the connection is dropped; undefined where it is not. */
  takeByteLimit(sent: number): number | undefined {
    if (this.#bytesLeft === undefined) return undefined;
    if (sent <= this.#bytesLeft) {
      this.#bytesLeft -= sent;
      return undefined;
    }
    const passing = this.#bytesLeft;
    this.#bytesLeft = undefined;
    return passing;
  }

  /** When to drop the connection that sends these bytes, if at all; a rule that fires is used up. */
  takeStatement(sent: Buffer): DropMoment | undefined {
    if (this.#statement === undefined || !sent.includes(this.#statement.text)) return undefined;
    const { moment } = this.#statement;
    this.#statement = undefined;
    return moment;
  }

  /** Undefined where bytes may pass at once: the usual case costs nothing. */
  obstacle(): Promise<void> | undefined {
    const hold = this.#hold;
    if (hold !== undefined) {
      hold.reached();
      return hold.released;
    }
    if (this.#delayMs === 0) return undefined;
    this.fired.delayed += 1;
    return new Promise((resolve) => setTimeout(resolve, this.#delayMs));
  }
}
