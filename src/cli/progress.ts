import type { Clock } from '../telemetry/clock.ts';
import { type Output, widthOf } from './io.ts';
import { printable, truncate } from './text.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
const ERASE_LINE = '\r\u001b[2K';

/**
 * One moving line about long work. On a terminal the line is rewritten, at most ten times a second; elsewhere it is
 * printed at once and then each 10 s. The caller says what is the case as often as it likes.
 */
export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  #printedAt: number | undefined;
  #drawn = false;
  #held: string | undefined;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  /** What is the case now; shown when it is time. */
  update(text: string): void {
    const now = this.#clock.now();
    const interval = this.#output.isTTY ? REDRAW_MS : PLAIN_LINE_MS;
    if (this.#printedAt !== undefined && now - this.#printedAt < interval) {
      this.#held = text;
      return;
    }
    this.#printedAt = now;
    this.#draw(text);
  }

  /** The last word about this work: a line that stays. The next `update` starts another. */
  finish(text: string): void {
    this.#erase();
    this.#output.write(`${printable(text)}\n`);
    this.#printedAt = undefined;
    this.#held = undefined;
  }

  /** Takes the moving line away, before something else is printed. The last state stays to read on no terminal. */
  clear(): void {
    if (this.#held !== undefined && !this.#output.isTTY) this.#draw(this.#held);
    this.#erase();
    this.#printedAt = undefined;
    this.#held = undefined;
  }

  #draw(text: string): void {
    this.#held = undefined;
    if (this.#output.isTTY) {
      const line = truncate(printable(text), widthOf(this.#output) - 1, '…');
      this.#output.write(`${ERASE_LINE}${line}`);
      this.#drawn = true;
    } else this.#output.write(`${printable(text)}\n`);
  }

  #erase(): void {
    if (this.#drawn) this.#output.write(ERASE_LINE);
    this.#drawn = false;
  }
}
