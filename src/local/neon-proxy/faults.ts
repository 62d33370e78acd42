/** What the proxy can be told to do, and how often it did. */
export type FaultName = 'refused' | 'dropped' | 'delayed' | 'held' | 'terminated';

/** Where in a statement's life its connection is dropped. */
export type DropMoment =
  /** Postgres never sees it. */
  | 'before'
  /** Postgres carries it out; its answer is lost. */
  | 'after';

/** A rule that was made; the count is live. */
export interface ArmedRule {
  readonly fired: number;
}

/** Nothing goes on in either direction until `release`. `reached` resolves when something waits. */
export interface Hold {
  readonly reached: Promise<void>;
  release(): void;
}

/** When a rule begins: at once, or with what comes behind the first message that holds this text. */
export interface RuleStart {
  readonly behind?: string;
}

/** A rule that strikes once, as soon as it has begun. */
class Rule {
  fired = 0;
  #behind: string | undefined;

  constructor({ behind }: RuleStart) {
    this.#behind = behind;
  }

  /** Whether the rule looks at these bytes. */
  hasBegun(sent: Buffer): boolean {
    if (this.#behind === undefined) return true;
    if (sent.includes(this.#behind)) this.#behind = undefined;
    return false;
  }
}

class ByteLimit extends Rule {
  bytesLeft: number;

  constructor(bytes: number, start: RuleStart) {
    super(start);
    this.bytesLeft = bytes;
  }
}

class StatementDrop extends Rule {
  readonly text: string;
  readonly moment: DropMoment;

  constructor(text: string, moment: DropMoment, start: RuleStart) {
    super(start);
    this.text = text;
    this.moment = moment;
  }
}

interface Holding {
  readonly reached: () => void;
  readonly released: Promise<void>;
  readonly release: () => void;
}

/** Sees what one client sends, in the order in which it does, and may have its connection dropped for it. */
export type Observer = (sent: Buffer) => DropMoment | undefined;

/** Scripted at run time; each rule applies to connections that are open as well as to later ones. */
export class ProxyFaults {
  readonly fired: Record<FaultName, number> = { refused: 0, dropped: 0, delayed: 0, held: 0, terminated: 0 };
  #refusals = 0;
  #byteLimit: ByteLimit | undefined;
  readonly #statements = new Set<StatementDrop>();
  #openObserver: (() => Observer) | undefined;
  #delayMs = 0;
  #hold: Holding | undefined;
  #holdAt: { readonly text: string; readonly hold: Holding } | undefined;

  /** The next `count` connections are answered with HTTP 503. */
  refuseConnections(count: number): void {
    this.#refusals = count;
  }

  /** Lets clients send `bytes` bytes more in all, then drops, once, the connection that sends the next one. */
  dropAfterBytes(bytes: number, start: RuleStart = {}): ArmedRule {
    this.#byteLimit = new ByteLimit(bytes, start);
    return this.#byteLimit;
  }

  /**
   * Drops, once, the connection that sends the text, `before` or `after` Postgres carries it out. Several such rules
   * wait side by side.
   */
  dropAtStatement(text: string, moment: DropMoment, start: RuleStart = {}): ArmedRule {
    const rule = new StatementDrop(text, moment, start);
    this.#statements.add(rule);
    return rule;
  }

  /** Every connection that is made from now on gets an observer of its own. */
  observe(openObserver: () => Observer): void {
    this.#openObserver = openObserver;
  }

  /** Everything in either direction arrives `ms` later; 0 ends it. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Holds everything from now on. */
  hold(): Hold {
    const { holding, hold } = this.#makeHold();
    this.#hold = holding;
    return hold;
  }

  /** Holds everything from the first message on that holds the text: Postgres does not see that one either. */
  holdAtStatement(text: string): Hold {
    const { holding, hold } = this.#makeHold();
    this.#holdAt = { text, hold: holding };
    return hold;
  }

  /** No rule strikes any more, and what is held goes on; the counts stay. */
  clear(): void {
    this.#refusals = 0;
    this.#byteLimit = undefined;
    this.#statements.clear();
    this.#delayMs = 0;
    this.#holdAt?.hold.release();
    this.#hold?.release();
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
  takeByteLimit(sent: Buffer): number | undefined {
    const limit = this.#byteLimit;
    if (!limit?.hasBegun(sent)) return undefined;
    if (sent.length <= limit.bytesLeft) {
      limit.bytesLeft -= sent.length;
      return undefined;
    }
    limit.fired += 1;
    this.#byteLimit = undefined;
    return limit.bytesLeft;
  }

  /** When to drop the connection that sends these bytes, if at all; a rule that fires is used up. */
  takeStatement(sent: Buffer): DropMoment | undefined {
    // Each rule looks at every message, since it may begin behind this one.
    const [rule] = [...this.#statements].filter((one) => one.hasBegun(sent) && sent.includes(one.text));
    if (rule === undefined) return undefined;
    rule.fired += 1;
    this.#statements.delete(rule);
    return rule.moment;
  }

  /** What the bytes have to wait for. Undefined where they may pass at once: the usual case costs nothing. */
  obstacle(bytes: Buffer): Promise<void> | undefined {
    if (this.#holdAt !== undefined && bytes.includes(this.#holdAt.text)) {
      this.#hold = this.#holdAt.hold;
      this.#holdAt = undefined;
    }
    const hold = this.#hold;
    if (hold !== undefined) {
      hold.reached();
      return hold.released;
    }
    if (this.#delayMs === 0) return undefined;
    this.fired.delayed += 1;
    return new Promise((resolve) => setTimeout(resolve, this.#delayMs));
  }

  #makeHold(): { readonly holding: Holding; readonly hold: Hold } {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const holding: Holding = {
      reached: () => {
        this.fired.held += 1;
        reached.resolve();
      },
      released: released.promise,
      release: () => {
        if (this.#hold === holding) this.#hold = undefined;
        if (this.#holdAt?.hold === holding) this.#holdAt = undefined;
        released.resolve();
      },
    };
    return { holding, hold: { reached: reached.promise, release: holding.release } };
  }
}
