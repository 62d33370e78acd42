import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { jsonDocument } from '../../src/cli/json-document.ts';
import { type RejectedOptions, rejectedJson, renderRejected } from '../../src/cli/rejected-report.ts';
import { createStyle } from '../../src/cli/style.ts';
import type { RejectedKey, RejectedKeys } from '../../src/target/target.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);
const options: RejectedOptions = {
  now: NOW,
  layout: 'table',
  width: 140,
  style: createStyle({ colour: false, unicode: true }),
};
const NUL: RejectedKey = {
  key: ['7'],
  reason: 'nul_character',
  column: 'name',
  version: parseCommitVersion(1907),
  firstSeen: NOW - 200_000_000,
  lastSeen: NOW - 41_000,
  attempts: 3n,
};
const { column: _, ...withoutColumn } = NUL;
const REFUSED: RejectedKey = {
  ...withoutColumn,
  key: ['a', null],
  reason: 'refused',
  sqlState: '23514',
  constraint: 'positive',
};
const of = (...newest: readonly RejectedKey[]): RejectedKeys => ({ keys: 17n, attempts: 1_230n, newest });

describe('the list of rejected rows', () => {
  it('shows each key with its reason, and the totals of all', () => {
    expect(renderRejected('invoices', of(NUL), options)).toEqual([
      'KEY  REASON         COLUMN  VERSION  CHANGES    FIRST      LAST',
      '7    nul_character  name      1,907        3  2 d ago  41 s ago',
      '',
      '17 keys of invoices are rejected, in 1,230 changes. All other rows are in the target.',
      'A key leaves this list with the next change of its row that the target can hold, or that deletes it: correct the row at the source.',
      'Shown: the newest 1. All of them: lakeferry rejected invoices --limit 17',
      'After a change of the target: lakeferry rejected invoices --retry',
    ]);
  });

  it('shows what Postgres said where it refused the row', () => {
    const [header, nul, refused] = renderRejected('invoices', of(NUL, REFUSED), options);
    expect(header).toMatch(/^KEY +REASON +COLUMN +SQLSTATE +CONSTRAINT/);
    expect(nul).toMatch(/^7 +nul_character +name +1,907/);
    expect(refused).toMatch(/^\(a, NULL\) +refused +23514 +positive +1,907/);
  });

  it('has every column in its place for programs', () => {
    const [header, row] = renderRejected('invoices', of(NUL), { ...options, layout: 'tabs' });
    expect(header?.split('\t')).toHaveLength(9);
    expect(row?.split('\t')).toHaveLength(9);
  });

  it('hands no control sequence of a key on', () => {
    const [, row] = renderRejected('invoices', of({ ...NUL, key: ['\u001b[2J'] }), options);
    expect(row).not.toContain('\u001b');
  });

  it('shows a key as it is, and what is to be typed as it means the same system', () => {
    const style = createStyle({ colour: false, unicode: true }, { deployment: 'prod' });
    const lines = renderRejected('invoices', of({ ...NUL, key: ['lakeferry run it'] }), {
      ...options,
      style,
    });
    expect(lines[1]).toMatch(/^lakeferry run it {2}nul_character/);
    expect(lines.at(-2)).toMatch(/lakeferry rejected invoices --limit 17 --deployment prod$/);
    expect(lines.at(-1)).toMatch(/lakeferry rejected invoices --retry --deployment prod$/);
  });

  it('says that there is none', () => {
    const none = { keys: 0n, attempts: 0n, newest: [] };
    expect(renderRejected('invoices', none, options)).toEqual(['✓ No row of invoices is rejected.']);
    expect(JSON.parse(jsonDocument(rejectedJson('invoices', none)))).toMatchObject({ keys: 0, rows: [] });
  });

  it('is one document for programs, keys as they are stored', () => {
    expect(JSON.parse(jsonDocument(rejectedJson('invoices', of(REFUSED))))).toEqual({
      schemaVersion: 1,
      sync: 'invoices',
      keys: 17,
      changes: 1_230,
      rows: [
        {
          key: ['a', null],
          reason: 'refused',
          column: null,
          sqlState: '23514',
          constraint: 'positive',
          version: '1907',
          firstSeen: '2026-11-19T06:58:47.000Z',
          lastSeen: '2026-11-21T14:31:26.000Z',
          changes: 3,
        },
      ],
    });
  });
});
