import type { CliIo } from '../io.ts';
import { Progress } from '../progress.ts';
import { formatDuration } from '../quantity.ts';
import { type Style, styleFor } from '../style.ts';
import { padEnd } from '../text.ts';

const NAME_WIDTH = 10;

/** The demo's steps: a moving line while one runs, one line that stays when it is done. */
export class Steps {
  readonly style: Style;
  readonly #io: CliIo;
  readonly #progress: Progress;
  readonly #startedAt: number;
  #current = '';
  #done = 0;

  constructor(io: CliIo) {
    this.#io = io;
    this.style = styleFor(io.stdout, io.env);
    this.#progress = new Progress(io.stderr, io.clock);
    this.#startedAt = io.clock.now();
  }

  /** Runs one step; `says` gives its line from what it made. */
  async run<T>(name: string, work: () => Promise<T>, says: (made: T) => string): Promise<T> {
    this.#current = name;
    const startedAt = this.#io.clock.now();
    this.working('');
    const made = await work().finally(() => this.#progress.clear());
    this.#done += 1;
    const took = this.style.dim(formatDuration(this.#io.clock.now() - startedAt));
    this.print(
      `  ${this.style.green(this.style.symbols.ok)} ${padEnd(name, NAME_WIDTH)}  ${says(made)}  ${took}`,
    );
    return made;
  }

  /** What the current step is at. */
  working(text: string): void {
    this.#progress.update(`  ${this.style.symbols.working} ${padEnd(this.#current, NAME_WIDTH)}  ${text}`);
  }

  /** Lines of the demo's story. */
  print(...lines: readonly string[]): void {
    this.#progress.clear();
    for (const line of lines) this.#io.stdout.write(`${line}\n`);
  }

  get current(): string {
    return this.#current;
  }

  get done(): number {
    return this.#done;
  }

  get elapsedMs(): number {
    return this.#io.clock.now() - this.#startedAt;
  }
}
