import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { jsonDocument } from '../../src/cli/json-document.ts';
import { formatAge, formatDuration, formatInstant, formatLag, formatNumber } from '../../src/cli/quantity.ts';
import { statusJson } from '../../src/cli/status-json.ts';
import { renderStatus, type StatusOptions } from '../../src/cli/status-report.ts';
import { createStyle } from '../../src/cli/style.ts';
import { statusExitCode } from '../../src/cli/sync-status.ts';
import { layoutFor } from '../../src/cli/table.ts';
import type { SyncStatus } from '../../src/sync/read-status.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);
const NO_ROWS = { upserted: 0n, deleted: 0n, rejected: 0n };

const IDLE: SyncStatus = {
  sync: 'customer_profiles',
  state: 'idle',
  through: 1907n,
  latest: 1907n,
  lookedAt: NOW - 41_000,
  lag: { versions: 0n, seconds: 0 },
  rows: NO_ROWS,
  rejectedKeys: 0n,
};
const APPLYING: SyncStatus = {
  ...IDLE,
  sync: 'orders',
  state: 'applying',
  through: 5410n,
  latest: 5413n,
  lag: { versions: 3n, seconds: 42 },
};
const HALTED: SyncStatus = {
  ...IDLE,
  sync: 'order_items',
  state: 'halted',
  through: 1841n,
  latest: 2015n,
  lag: { versions: 174n, seconds: 10_805 },
  lastError: {
    kind: 'retention_gap',
    message: 'Version 1842 is needed; the source keeps 1902 and later.',
    remedy: 'Drop the target table, then run "lakeferry run order_items".',
    at: NOW - 10_800_000,
  },
};
const PAUSED: SyncStatus = {
  ...IDLE,
  sync: 'entitlements',
  state: 'paused',
  paused: { by: 'ana', reason: 'index build', at: NOW - 200_000_000, halted: false },
};
const PAUSED_HALT: SyncStatus = {
  ...PAUSED,
  paused: { by: 'ana', reason: 'index build', at: NOW - 200_000_000, halted: true },
  ...(HALTED.lastError && { lastError: HALTED.lastError }),
};
const EASED: SyncStatus = { ...APPLYING, chunks: { done: 5, total: 8 }, pace: 0.25 };
const LATE: SyncStatus = { ...EASED, lag: { versions: 3n, seconds: 1_900 }, overMaxLag: true };
const REJECTED: SyncStatus = { ...IDLE, sync: 'invoices', rejectedKeys: 17n };
const DRIFT: SyncStatus = { ...IDLE, sync: 'coloured', drift: ['colour', 'size'] };
const NEW: SyncStatus = {
  sync: 'fresh',
  state: 'new',
  latest: 3n,
  rows: NO_ROWS,
  rejectedKeys: 0n,
};
const BLIND: SyncStatus = {
  sync: 'blind',
  state: 'idle',
  through: 12n,
  lookedAt: NOW - 900_000,
  lag: { versions: 9n },
  rows: NO_ROWS,
  rejectedKeys: 0n,
};
const DARK: SyncStatus = { sync: 'dark', state: 'unknown' };

function render(rows: readonly SyncStatus[], options: Partial<StatusOptions> = {}): string[] {
  const style = createStyle({ colour: false, unicode: true });
  return renderStatus(rows, { now: NOW, layout: 'table', width: 120, style, ...options });
}

describe('the status screen', () => {
  it('is a table, one sentence that counts, and what to do', () => {
    const screen = render([IDLE, APPLYING, HALTED, PAUSED, REJECTED], { title: 'local stack' });
    expect(screen).toEqual([
      'local stack                                                  21 Nov 14:32:07 UTC',
      '',
      'SYNC               STATE       THROUGH  SOURCE  LAG           LOOKED  REJECTED',
      'customer_profiles  ✓ idle        1,907   1,907  none        41 s ago         0',
      'orders             › applying    5,410   5,413  3 v, 42 s   41 s ago         0',
      'order_items        ✗ halted      1,841   2,015  174 v, 3 h  41 s ago         0  retention_gap',
      'entitlements       ‖ paused      1,907   1,907  none        41 s ago         0  by ana, "index build"',
      'invoices           ! idle        1,907   1,907  none        41 s ago        17  17 rows rejected',
      '',
      '1 halted, 1 with rejected rows, 1 paused, 2 fine.',
      '',
      '  order_items  retention_gap, 3 h ago',
      '    Version 1842 is needed; the source keeps 1902 and later.',
      '    Drop the target table, then run "lakeferry run order_items".',
      '',
      '  entitlements',
      '    Paused by ana, "index build", 2 d ago; nothing new is planned until:',
      '    lakeferry resume entitlements',
      '',
      '  invoices  17 rows rejected',
      '    lakeferry rejected invoices',
    ]);
  });

  it('says how far a plan is, and that the target is spared', () => {
    expect(render([EASED], { width: 140 })[1]).toMatch(
      / 0 {2}5 of 8 chunks, eased to 25 % while the target is slow$/,
    );
    expect(JSON.parse(jsonDocument(statusJson([EASED]))).syncs[0]).toMatchObject({
      chunks: { done: 5, total: 8 },
      pace: 0.25,
    });
  });

  it('marks a sync that is over its maxLag, also where that is not all, and says how to see why', () => {
    const screen = render([{ ...LATE, rejectedKeys: 17n }, DRIFT], { width: 160 });
    expect(screen[1]).toMatch(/ ! applying .* 3 v, 31 min .* over maxLag, 5 of 8 chunks, eased to 25 % /);
    expect(screen.slice(4, 10)).toEqual([
      '1 over maxLag, 1 with drift.',
      '',
      '  orders  over maxLag, 5 of 8 chunks, eased to 25 % while the target is slow',
      '    lakeferry rejected orders',
      '    Commits have been missing for longer than its maxLag. A run ticks now, and says what fails:',
      '    lakeferry run orders',
    ]);
    const halted = render([{ ...HALTED, overMaxLag: true }]);
    expect(halted).toEqual(render([HALTED]));
  });

  it('says unknown where it could not look, never an old number', () => {
    const screen = render([BLIND, DARK, NEW]);
    expect(screen.slice(1, 4).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['blind', '! idle', '12', 'unknown', 'unknown', '15 min ago', '0'],
      ['dark', '! unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown'],
      ['fresh', '! new', 'none', '3', 'unknown', 'never', '0', 'not loaded yet'],
    ]);
    expect(screen).toContain('2 not known in full, 1 not loaded yet.');
  });

  it('names the command that loads what was never loaded, on the system that was looked at', () => {
    const style = createStyle({ colour: false, unicode: true }, { local: true });
    const idle = { ...NEW, state: 'idle', through: 'none' } as const;
    for (const status of [NEW, idle]) {
      expect(render([status, IDLE], { style }).slice(-4)).toEqual([
        '1 not loaded yet, 1 fine.',
        '',
        '  fresh  not loaded yet',
        '    lakeferry run fresh --local',
      ]);
    }
    const loading = { ...NEW, state: 'applying', through: 'none', chunks: { done: 0, total: 1 } } as const;
    expect(render([loading]).slice(-3)).toEqual([expect.stringContaining('› applying'), '', '1 fine.']);
    const paused = { ...PAUSED, through: 'none' } as const;
    expect(render([paused]).join('\n')).not.toMatch(/not loaded|lakeferry run/);
  });

  it('counts the rows that are rejected now, not those that ever were', () => {
    const settled = { ...IDLE, rows: { ...NO_ROWS, rejected: 17n } };
    const screen = render([settled]);
    expect(screen[1]).toMatch(/^customer_profiles +✓ idle .* 0$/);
    expect(screen.at(-1)).toBe('1 fine.');
  });

  it('says below why, where the remarks are left out', () => {
    const screen = render([NEW, { ...IDLE, rejectedKeys: 17n }, PAUSED], { width: 80 });
    const headings = screen.filter((line) => /^ {2}\w/.test(line));
    expect(headings).toEqual([
      '  fresh  not loaded yet',
      '  customer_profiles  17 rows rejected',
      '  entitlements',
    ]);
  });

  it('fits the terminal with the sentence that counts', () => {
    const screen = render([BLIND, PAUSED, NEW, DRIFT, IDLE], { width: 40 });
    const at = screen.indexOf('1 not known in full, 1 with drift, 1');
    expect(screen.slice(at, at + 3)).toEqual([
      '1 not known in full, 1 with drift, 1',
      'paused, 1 not loaded yet, 1 fine.',
      '',
    ]);
  });

  it('leaves remarks out where they do not fit, and is blocks where the columns do not', () => {
    expect(render([HALTED], { width: 80 })[1]).toMatch(/^order_items .* 0$/);
    expect(render([HALTED], { width: 60 }).slice(0, 8)).toEqual([
      'sync: order_items',
      'state: ✗ halted',
      'through: 1,841',
      'source: 2,015',
      'lag: 174 v, 3 h',
      'looked: 41 s ago',
      'rejected: 0',
      '  retention_gap',
    ]);
  });

  it('is separated by tabs for programs, every row with every cell', () => {
    const screen = render([IDLE, HALTED], { layout: 'tabs', title: 'local stack' });
    expect(screen.slice(0, 3)).toEqual([
      'SYNC\tSTATE\tTHROUGH\tSOURCE\tLAG\tLOOKED\tREJECTED\t',
      'customer_profiles\t✓ idle\t1,907\t1,907\tnone\t41 s ago\t0\t',
      'order_items\t✗ halted\t1,841\t2,015\t174 v, 3 h\t41 s ago\t0\tretention_gap',
    ]);
  });

  it('keeps its columns in line with colours and wide names', () => {
    const style = createStyle({ colour: true, unicode: true });
    const rows = [{ ...IDLE, sync: '客户' }, HALTED];
    const [header, ...lines] = render(rows, { style }).slice(0, 3);
    const plain = render(rows).slice(1, 3);
    expect(lines.map((line) => stringWidth(line))).toEqual(plain.map((line) => stringWidth(line)));
    expect(lines[1]).toContain('\u001b[31m✗ halted\u001b[39m');
    expect(stringWidth(header ?? '')).toBeGreaterThan(0);
  });

  it('hands no control sequence on, nor a tab into a cell', () => {
    const screen = render([{ ...IDLE, sync: 'a\tb\u001b[2J\nc' }], { layout: 'tabs' });
    expect(screen[1]?.split('\t')[0]).toBe('a b\ufffd[2J c');
  });

  it('never breaks the remedy, which is the last line of its sync', () => {
    const remedy = 'x '.repeat(100).trim();
    const lastError = { kind: 'retention_gap', message: 'm', at: NOW, remedy } as const;
    const screen = render([{ ...HALTED, rejectedKeys: 1n, lastError }], { width: 80 });
    expect(screen.at(-1)).toBe(`    ${remedy}`);
  });

  it('shows the halt behind a pause, and that the pause goes first', () => {
    const screen = render([PAUSED_HALT]);
    expect(screen[1]).toMatch(/^entitlements +‖ paused .* retention_gap$/);
    expect(screen).toContain('1 halted and paused.');
    expect(screen.slice(-5)).toEqual([
      '  entitlements  retention_gap, 3 h ago',
      '    Paused by ana, "index build", 2 d ago; nothing new is planned until:',
      '    lakeferry resume entitlements',
      '    Version 1842 is needed; the source keeps 1902 and later.',
      '    Drop the target table, then run "lakeferry run order_items".',
    ]);
  });

  it('counts a paused sync once, as paused, with what has to be known in spite of the pause', () => {
    const paused = (status: SyncStatus): SyncStatus => ({
      ...status,
      ...(PAUSED.paused && { state: 'paused', paused: PAUSED.paused }),
    });
    const sentence = (...rows: SyncStatus[]) => render(rows).find((line) => line.endsWith('.'));
    const settled = [paused(REJECTED), paused(IDLE), { ...PAUSED, through: 'none' } as const];
    expect(sentence(...settled, IDLE)).toBe('3 paused, 1 fine.');
    expect(sentence(HALTED, PAUSED_HALT, paused(BLIND), DRIFT, paused(DRIFT), PAUSED)).toBe(
      '1 halted, 1 halted and paused, 1 not known in full and paused, 1 with drift, 1 with drift and paused, 1 paused.',
    );
  });

  it('names the columns that are left out, and how to take them in', () => {
    const screen = render([DRIFT]);
    expect(screen[1]).toMatch(/^coloured +! idle .* drift: 2 new columns$/);
    expect(screen).toContain('1 with drift.');
    expect(screen.at(-2)).toContain('colour, size');
    expect(screen.at(-1)).toContain('run "lakeferry run coloured"');
  });

  it('chooses its layout by the output', () => {
    const write = () => {};
    expect(layoutFor({ write })).toBe('tabs');
    expect(layoutFor({ write, isTTY: true, columns: 79 })).toBe('blocks');
    expect(layoutFor({ write, isTTY: true, columns: 80 })).toBe('table');
  });
});

describe('the status screen that is watched', () => {
  const BEFORE = [
    { ...APPLYING, through: 5409n, lag: { versions: 4n, seconds: 40 } },
    { ...HALTED, lag: { versions: 174n, seconds: 3_000 }, lookedAt: NOW - 90_000 },
    IDLE,
  ];
  const NOW_ROWS = [{ ...APPLYING, chunks: { done: 1, total: 8 } }, HALTED, REJECTED];
  const earlier = { at: NOW - 2_000, rows: BEFORE };

  it('marks what is otherwise than in the look before, with a sign behind it, and says since when', () => {
    expect(render(NOW_ROWS, { earlier, title: 'local stack' }).slice(0, 8)).toEqual([
      'local stack                                                  21 Nov 14:32:07 UTC',
      '',
      'SYNC         STATE       THROUGH  SOURCE  LAG            LOOKED  REJECTED',
      'orders       › applying   5,410*  5,413   3 v, 42 s*  41 s ago         0   1 of 8 chunks*',
      'order_items  ✗ halted     1,841   2,015   174 v, 3 h  41 s ago         0   retention_gap',
      'invoices     ! idle       1,907   1,907   none        41 s ago        17   17 rows rejected',
      '',
      '1 halted, 1 with rejected rows, 1 fine.',
    ]);
    expect(render(NOW_ROWS, { earlier })[6]).toBe('* changed since 21 Nov 14:32:05 UTC.');
  });

  it('has them in bold type where there is colour', () => {
    const style = createStyle({ colour: true, unicode: true });
    const [, line] = render(NOW_ROWS, { earlier, style });
    expect(line).toContain('\u001b[1m 5,410*\u001b[22m');
    expect(line).not.toContain('\u001b[1m 5,413');
  });

  it('says that nothing changed, though ages grew', () => {
    const later = [{ ...HALTED, lag: { versions: 174n, seconds: 11_000 }, lookedAt: NOW }];
    const screen = render(later, { earlier: { at: NOW - 2_000, rows: [HALTED] } });
    expect(screen.join('\n')).not.toContain('*');
    expect(screen).toContain('Nothing changed since 21 Nov 14:32:05 UTC.');
  });

  it('has no signs and no such line the first time', () => {
    expect(render(NOW_ROWS).join('\n')).not.toMatch(/\*|changed/);
  });

  it('marks in blocks too, without a place for what did not change', () => {
    const blocks = render(NOW_ROWS, { earlier, layout: 'blocks' });
    expect(blocks).toContain('through: 5,410*');
    expect(blocks).toContain('source: 5,413');
  });
});

describe('the status document', () => {
  it('has versions as decimal text, times in ISO form, and unknown apart from nothing', () => {
    const big = { ...HALTED, latest: 9_007_199_254_740_993n, overMaxLag: true };
    const document = JSON.parse(jsonDocument(statusJson([big, BLIND, NEW, DARK])));
    expect(document.schemaVersion).toBe(1);
    expect(document.syncs[0]).toEqual({
      sync: 'order_items',
      state: 'halted',
      through: '1841',
      latest: '9007199254740993',
      lookedAt: '2026-11-21T14:31:26.000Z',
      lag: { versions: '174', seconds: 10_805, overMaxLag: true },
      rows: { upserted: 0, deleted: 0, rejected: 0 },
      rejectedKeys: 0,
      drift: [],
      chunks: null,
      pace: 1,
      paused: null,
      lastError: { ...HALTED.lastError, at: '2026-11-21T11:32:07.000Z' },
    });
    expect(JSON.parse(jsonDocument(statusJson([PAUSED]))).syncs[0].paused).toEqual({
      by: 'ana',
      reason: 'index build',
      at: '2026-11-19T06:58:47.000Z',
      halted: false,
    });
    expect(document.syncs[1]).toMatchObject({
      latest: 'unknown',
      lag: { versions: 'unknown', seconds: 'unknown', overMaxLag: 'unknown' },
      lastError: null,
    });
    expect(document.syncs[2]).toMatchObject({ through: null, latest: '3', lookedAt: null });
    expect(document.syncs[3]).toMatchObject({ through: 'unknown', lookedAt: 'unknown' });
  });
});

describe('the exit code of status', () => {
  it.each([
    [[IDLE, APPLYING, PAUSED, NEW, REJECTED], 0],
    [[IDLE, BLIND], 1],
    [[DARK], 1],
    [[IDLE, HALTED, DARK], 3],
    [[IDLE, DRIFT], 3],
    [[IDLE, LATE, DARK], 3],
    [[PAUSED_HALT], 3],
    [[{ ...LATE, overMaxLag: false }], 0],
  ] as const)('%#', (rows, code) => {
    expect(statusExitCode(rows)).toBe(code);
  });
});

describe('quantities', () => {
  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [172_799_999, '47 h'],
    [172_800_000, '2 d'],
  ])('an age of %i ms is %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });

  it.each([
    [420, '0.4 s'],
    [9_999, '10.0 s'],
    [38_400, '38 s'],
    [61_000, '1 min 1 s'],
    [11_520_000, '3 h 12 min'],
  ])('%i ms take %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('show an instant in UTC, and with the year where it is another', () => {
    expect(formatInstant(NOW - 41_000, NOW)).toBe('21 Nov 14:31:26 UTC');
    expect(formatInstant(Date.UTC(2025, 0, 2, 3, 4, 5), NOW)).toBe('2 Jan 2025 03:04:05 UTC');
  });

  it('show a lag by what of it is known', () => {
    expect(formatLag({ versions: 0n, seconds: 9 })).toBe('none');
    expect(formatLag({ versions: 1907n })).toBe('1,907 v');
    expect(formatLag({ seconds: 42 })).toBe('42 s');
    expect(formatLag({})).toBe('unknown');
  });

  it('count one thing as one', () => {
    expect([formatNumber(1n, 'row'), formatNumber(1_907, 'row')]).toEqual(['1 row', '1,907 rows']);
  });
});
