/**
 * Scripted faults of the local SQL warehouse, for tests and demos: which call fails, how often and how. A plan
 * may be changed while the warehouse runs.
 */
export type Fault =
  /** The call is answered with this HTTP status; 503 carries the text of a warehouse that is starting. */
  | { readonly kind: 'http'; readonly status: number; readonly body?: string }
  /** The session is gone: this call and every later one on it are refused. */
  | { readonly kind: 'sessionExpired' }
  /** The socket is destroyed without an answer; the statement did not run, the rows were not served. */
  | { readonly kind: 'dropConnection' }
  | { readonly kind: 'slow'; readonly ms: number }
  | {
      readonly kind: 'error';
      readonly errorClass: string;
      readonly sqlState: string;
      readonly message: string;
    }
  /** The next `dropRows` rows are declared and not delivered; nothing else tells. Only where rows are fetched. */
  | { readonly kind: 'shortResult'; readonly dropRows: number };

/**
 * Where a fault strikes: before a session is opened, before a statement runs, before rows are handed out, before a
 * statement is closed whose rows were fetched.
 */
export type FaultPoint = 'openSession' | 'execute' | 'fetch' | 'closeOperation';

type CallFault = Exclude<Fault, { kind: 'shortResult' }>;

export type FaultRule =
  | { readonly on: 'openSession'; readonly times: number; readonly fault: CallFault }
  | {
      readonly on: 'execute' | 'closeOperation';
      /** Only statements that match. */
      readonly match?: RegExp;
      readonly times: number;
      readonly fault: CallFault;
    }
  | { readonly on: 'fetch'; readonly match?: RegExp; readonly times: number; readonly fault: Fault };

/** A rule that was added; the counts are live. */
export interface ArmedFault {
  readonly rule: FaultRule;
  readonly fired: number;
}

export class Faults {
  readonly #armed: { rule: FaultRule; fired: number }[] = [];
  #fired = 0;

  constructor(...rules: readonly FaultRule[]) {
    for (const rule of rules) this.add(rule);
  }

  add(rule: FaultRule): ArmedFault {
    const armed = { rule, fired: 0 };
    this.#armed.push(armed);
    return armed;
  }

  /** No rule fires any more; the counts stay. */
  clear(): void {
    this.#armed.length = 0;
  }

  /** How many faults fired since the plan was made. */
  get fired(): number {
    return this.#fired;
  }

  /** Whether the next call of this kind will fail. */
  isArmed(on: FaultPoint, statement?: string): boolean {
    return this.#find(on, statement) !== undefined;
  }

  /** The fault that strikes this call, counted as fired. Rules are tried in the order in which they were added. */
  take(on: 'openSession'): CallFault | undefined;
  take(on: 'execute' | 'closeOperation', statement: string): CallFault | undefined;
  take(on: 'fetch', statement: string): Fault | undefined;
  take(on: FaultPoint, statement?: string): Fault | undefined {
    const armed = this.#find(on, statement);
    if (armed === undefined) return undefined;
    armed.fired += 1;
    this.#fired += 1;
    return armed.rule.fault;
  }

  #find(on: FaultPoint, statement: string | undefined) {
    return this.#armed.find(({ rule, fired }) => {
      if (rule.on !== on || fired >= rule.times) return false;
      if (rule.on === 'openSession' || rule.match === undefined) return true;
      return statement !== undefined && statement.search(rule.match) >= 0;
    });
  }
}
