import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../src/cli/status-report.ts';
import { createStyle } from '../../src/cli/style.ts';
import { type ErrorKind, haltRemedyFor } from '../../src/error/error-kind.ts';
import type { SyncStatus } from '../../src/sync/read-status.ts';
import { blocksOf, readPage } from '../support/docs.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);

const IDLE: SyncStatus = {
  sync: 'customer_profiles',
  state: 'idle',
  through: 1907n,
  latest: 1907n,
  lookedAt: NOW - 41_000,
  lag: { versions: 0n, seconds: 0 },
  rows: { upserted: 0n, deleted: 0n, rejected: 0n },
  rejectedKeys: 0n,
};
const APPLYING: SyncStatus = {
  ...IDLE,
  sync: 'orders',
  state: 'applying',
  through: 5410n,
  latest: 5413n,
  lag: { versions: 3n, seconds: 42 },
  chunks: { done: 5, total: 8 },
};

function halted(kind: ErrorKind, message: string, ago: number): SyncStatus {
  const sync = 'order_items';
  const lastError = { kind, message, remedy: haltRemedyFor(kind, sync), at: NOW - ago };
  const lookedAt = NOW - ago;
  return { ...IDLE, sync, state: 'halted', through: 1841n, latest: 2015n, lookedAt, lastError };
}

function screen(statuses: readonly SyncStatus[], width: number): string {
  const style = createStyle({ colour: false, unicode: true }, { deployment: 'prod' });
  return renderStatus(statuses, {
    now: NOW,
    layout: 'table',
    width,
    style,
    title: 'prod · eu-central-1',
  }).join('\n');
}

const GAP =
  'main.gold.order_items no longer keeps the commits that come next (DELTA_CHANGE_DATA_FILE_NOT_FOUND).';

describe('screens in the documentation', () => {
  it('README.md shows a halted sync as "lakeferry status" does', () => {
    const lag = { versions: 174n, seconds: 11_520 };
    const shown = screen([IDLE, APPLYING, { ...halted('retention_gap', GAP, 10_800_000), lag }], 100);
    expect(blocksOf(readPage('README.md')).map(({ text }) => text)).toContain(shown);
  });

  it('the page about retention_gap shows the end of that', () => {
    const shown = screen([halted('retention_gap', GAP, 120_000)], 120)
      .split('\n\n')
      .at(-1);
    expect(blocksOf(readPage('docs/halts/retention_gap.md')).map(({ text }) => text)).toContain(shown);
  });
});
