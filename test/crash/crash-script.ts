import type { DropMoment } from '../../src/local/neon-proxy/faults.ts';

/**
 * What happens at a point. `before`: the write is not done; `after`: it is done and its answer is lost. The process
 * dies of it, or only the call fails and the process goes on with that error.
 */
export interface Crash {
  readonly moment: DropMoment;
  readonly ends: 'process' | 'call';
}

/** What is to happen at a point, by its name and by how many were passed before it. */
export type Decide = (point: string, passed: number) => Crash | undefined;

/** Names every write of a run in its order, and says where something breaks. */
export class CrashScript {
  /** Writes that were reached, with the number of their occurrence: `writer: pg commit #2`. */
  readonly points: string[] = [];
  /** What broke. */
  readonly fired: string[] = [];
  readonly #decide: Decide;
  readonly #occurrences = new Map<string, number>();

  constructor(decide: Decide = () => undefined) {
    this.#decide = decide;
  }

  reach(name: string): Crash | undefined {
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1;
    this.#occurrences.set(name, occurrence);
    const point = `${name} #${occurrence}`;
    const crash = this.#decide(point, this.points.length);
    this.points.push(point);
    if (crash) this.fired.push(describe(point, crash));
    return crash;
  }
}

export function describe(point: string, { moment, ends }: Crash): string {
  return `${ends === 'process' ? 'died' : 'failed'} ${moment} "${point}"`;
}

/** Breaks once, at the point of this name. */
export function crashAt(at: string, crash: Crash): Decide {
  return (point) => (point === at ? crash : undefined);
}
