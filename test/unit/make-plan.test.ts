import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { HistoryEntry } from '../../src/source/source.ts';
import { sumOfHistory } from '../../src/sync/make-plan.ts';

const v = parseCommitVersion;
const WINDOW = { after: v(4), through: v(6) };

function commit(version: number, estimates: Partial<HistoryEntry> = {}): HistoryEntry {
  return { version: v(version), committedAt: 0, operation: 'MERGE', ...estimates };
}

describe('an estimate by the history of a window', () => {
  it('is the sum of its commits', () => {
    const history = [
      commit(5, { estimatedRows: 3, estimatedDeletes: 1 }),
      commit(6, { estimatedRows: 4, estimatedDeletes: 0 }),
    ];
    expect(sumOfHistory(WINDOW, history, 'estimatedRows')).toBe(7);
    expect(sumOfHistory(WINDOW, history, 'estimatedDeletes')).toBe(1);
  });

  it('is none where a commit does not tell, or is not told of', () => {
    const history = [commit(5, { estimatedRows: 3 }), commit(6, { estimatedRows: 4, estimatedDeletes: 0 })];
    expect(sumOfHistory(WINDOW, history, 'estimatedDeletes')).toBeUndefined();
    expect(sumOfHistory(WINDOW, history.slice(1), 'estimatedRows')).toBeUndefined();
  });
});
