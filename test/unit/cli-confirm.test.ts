import { describe, expect, it } from 'vitest';
import { confirmSync } from '../../src/cli/confirm.ts';
import type { CliIo } from '../../src/cli/io.ts';

/** Only what a confirmation uses. */
function ioWith(answer?: string): { io: CliIo; asked: string[] } {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return answer ?? '';
  };
  const io = { signal: new AbortController().signal, ...(answer === undefined ? {} : { ask }) };
  return { io: io as unknown as CliIo, asked };
}

describe('a confirmation', () => {
  it('is the name of the sync', async () => {
    const { io, asked } = ioWith(' orders\n');
    await confirmSync('orders', 'lakeferry approve orders', {}, io);
    expect(asked).toHaveLength(1);
  });

  it.each(['', 'y', 'order'])('is nothing else: %j', async (answer) => {
    const { io } = ioWith(answer);
    await expect(confirmSync('orders', 'lakeferry approve orders', {}, io)).rejects.toMatchObject({
      kind: 'usage',
      remedy: 'lakeferry approve orders',
    });
  });

  it('is not asked for with --yes, and cannot be where nobody is there', async () => {
    const { io, asked } = ioWith('no');
    await confirmSync('orders', 'lakeferry approve orders', { yes: true }, io);
    expect(asked).toEqual([]);
    await expect(confirmSync('orders', 'lakeferry approve orders', {}, ioWith().io)).rejects.toMatchObject({
      kind: 'usage',
      remedy: 'lakeferry approve orders --yes',
    });
  });
});
