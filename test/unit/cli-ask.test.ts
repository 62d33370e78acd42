import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askAt } from '../../src/cli/ask.ts';

function terminal() {
  const keys = new PassThrough();
  const screen = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const stop = new AbortController();
  const ask = askAt(keys, screen, () => stop.abort());
  return { keys, screen, stop, ask: () => ask('Name: ', stop.signal) };
}

describe('a question at a terminal', () => {
  it('is answered by a line, again and again', async () => {
    const { keys, screen, ask, stop } = terminal();
    for (const line of ['orders', '']) {
      const answer = ask();
      keys.write(`${line}\r`);
      expect(await answer).toBe(line);
    }
    expect(String(screen.read())).toContain('Name: ');
    expect(stop.signal.aborted).toBe(false);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('is an interruption of the command at %s', async (_, key) => {
    const { keys, screen, ask, stop } = terminal();
    const answer = ask();
    keys.write(key);
    await expect(answer).rejects.toThrow();
    expect(stop.signal.aborted).toBe(true);
    expect(String(screen.read()).endsWith('\n')).toBe(true);
  });

  it('ends with the command', async () => {
    const { ask, stop } = terminal();
    const answer = ask();
    stop.abort();
    await expect(answer).rejects.toThrow();
  });
});
