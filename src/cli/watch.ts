import { setTimeout as wait } from 'node:timers/promises';
import stringWidth from 'string-width';
import { type CliIo, type Output, widthOf } from './io.ts';

const WATCH_MS = 2_000;
const ERASE_BELOW = '\u001b[J';

/**
 * Prints what `look` gives, again and again until Ctrl-C: each frame in the place of the one before it on a terminal,
 * below it elsewhere. The last frame stays, and the command ends with 130.
 */
export async function watch(io: CliIo, look: () => Promise<string>): Promise<void> {
  let rows = 0;
  while (!io.signal.aborted) {
    const frame = await look().catch((thrown: unknown) => {
      if (!io.signal.aborted) throw thrown;
    });
    if (frame === undefined || io.signal.aborted) break;
    io.stdout.write(`${rows > 0 ? `\u001b[${rows}A\r${ERASE_BELOW}` : ''}${frame}`);
    if (io.stdout.isTTY) rows = rowsOf(frame, io.stdout);
    await wait(WATCH_MS, undefined, { signal: io.signal }).catch(() => {});
  }
  io.setExitCode(130);
}

/** Rows of the terminal that the lines take; what is wider than it goes on below. */
function rowsOf(frame: string, output: Output): number {
  const width = Math.max(1, widthOf(output));
  return frame
    .replace(/\n$/, '')
    .split('\n')
    .reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / width)), 0);
}
