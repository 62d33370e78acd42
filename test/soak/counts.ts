import type { ErrorKind } from '../../src/error/error-kind.ts';
import type { Log } from '../../src/telemetry/log.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';

/** What happened during a soak. */
export class Counts {
  commits = 0;
  plans = 0;
  applied = 0;
  finished = 0;
  fenced = 0;
  alreadyApplied = 0;
  halts = 0;
  comparisons = 0;
  readonly failures = new Map<ErrorKind, number>();
  /** Faults that happened, by kind. */
  readonly #faults = new Map<string, number>();
  /** Faults that were armed, and may happen yet. */
  readonly #armed = new Set<{ readonly kind: string; readonly happened: () => number }>();

  /** For the services of the product. */
  readonly metrics: Metrics = {
    planOpened: () => {
      this.plans += 1;
    },
    chunksSent: () => {},
    chunkApplied: () => {
      this.applied += 1;
    },
    chunkSkipped: (_, outcome) => {
      if (outcome === 'fenced') this.fenced += 1;
      else this.alreadyApplied += 1;
    },
    chunkFailed: (_, kind) => {
      this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
    },
    halted: () => {
      this.halts += 1;
    },
    lag: () => {},
  };

  /** Grows whenever the product gets something done that it had not done before. */
  get progress(): number {
    return this.applied + this.finished;
  }

  /** For the services of the product: the metrics do not tell of a finished plan. */
  readonly log: Log = {
    info: (message) => {
      if (message === 'plan finished') this.finished += 1;
    },
    warn() {},
    error() {},
  };

  fault(kind: string, times = 1): void {
    if (times > 0) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + times);
  }

  /** Counts what a fault does from now on, as often as `happened` says at the end. */
  watch(kind: string, happened: () => number): void {
    this.#armed.add({ kind, happened });
  }

  /** Faults that happened so far, by kind, the most frequent first. */
  faults(): ReadonlyMap<string, number> {
    const all = new Map(this.#faults);
    for (const { kind, happened } of this.#armed) {
      const times = happened();
      if (times > 0) all.set(kind, (all.get(kind) ?? 0) + times);
    }
    return new Map([...all].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
  }

  /** The same, by the part of the system that a kind begins with. */
  faultsByPart(): ReadonlyMap<string, number> {
    const parts = new Map<string, number>();
    for (const [kind, times] of this.faults()) {
      const part = kind.slice(0, kind.indexOf(':'));
      parts.set(part, (parts.get(part) ?? 0) + times);
    }
    return parts;
  }

  get totalFaults(): number {
    return [...this.faults().values()].reduce((sum, times) => sum + times, 0);
  }
}
