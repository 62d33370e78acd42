import { expect, it } from 'vitest';
import { renderResults } from '../../src/cli/commands/run.ts';

const io = { stdout: { isTTY: true, columns: 60, write: () => {} }, env: { LANG: 'C.UTF-8', NO_COLOR: '1' } };

it('breaks a cause into lines, hands nothing of it on to the terminal, and keeps the remedy whole', () => {
  const error = {
    kind: 'mapping_changed',
    message: `The columns\u001b[2J or settings of the sync are not those that the target was loaded with.`,
    remedy: 'Undo the change in lakeferry.yaml, or drop the target table so that it is loaded anew.',
  } as const;
  const rows = { upserted: 0n, deleted: 0n, rejected: 0n };
  const lines = renderResults(
    [{ sync: 'orders', state: 'halted', through: 'none', source: 2n, rows, error } as never],
    io,
  );
  expect(lines.slice(-4)).toEqual([
    '  orders  mapping_changed',
    '    The columns\ufffd[2J or settings of the sync are not those',
    '    that the target was loaded with.',
    `    ${error.remedy}`,
  ]);
});
