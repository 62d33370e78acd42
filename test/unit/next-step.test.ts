import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { ErrorKind } from '../../src/error/error-kind.ts';
import { type Mapping, mappingDigest } from '../../src/plan/mapping.ts';
import type { SourceLook } from '../../src/source/source.ts';
import { nextStep } from '../../src/sync/next-step.ts';
import type { SyncRow, TargetFacts } from '../../src/target/target.ts';
import { aPlan } from '../support/plans.ts';

const v = parseCommitVersion;
const mapping: Mapping = aPlan().mapping;
const TABLE_ID = 'table-1';
const OID = 16_384;

const filled: TargetFacts = { oid: OID, empty: false, uniqueBesidesKey: false, refersToItself: false };
const empty: TargetFacts = { ...filled, empty: true };

function row(over: Partial<SyncRow> = {}): SyncRow {
  return {
    revision: randomUUID(),
    open: false,
    rowsUpserted: 0n,
    rowsDeleted: 0n,
    rowsRejected: 0n,
    ...over,
  };
}

/** A sync that was loaded and stands at version 4. */
function loaded(over: Partial<SyncRow> = {}): SyncRow {
  return row({
    through: v(4),
    reach: v(4),
    sourceTableId: TABLE_ID,
    mappingDigest: mappingDigest(mapping),
    targetOid: OID,
    plan: aPlan({ mapping }),
    ...over,
  });
}

function look(latest: number, tableId = TABLE_ID): SourceLook {
  return { tableId, latest: { version: v(latest), committedAt: 0, operation: 'WRITE' } };
}

function decide(options: {
  row: SyncRow;
  table?: TargetFacts;
  look: SourceLook;
  mapping?: Mapping;
  resumedAfter?: ErrorKind;
  retry?: boolean;
}) {
  return nextStep({
    target: { row: options.row, ...(options.table ? { table: options.table } : {}) },
    look: options.look,
    mapping: options.mapping ?? mapping,
    resumedAfter: options.resumedAfter,
    retry: options.retry ?? false,
  });
}

describe('the next step', () => {
  it('is a snapshot for a sync that was never loaded', () => {
    expect(decide({ row: row(), look: look(3) })).toEqual({
      step: 'plan',
      work: { kind: 'snapshot', version: v(3) },
    });
  });

  it('is a window from through to the newest version', () => {
    expect(decide({ row: loaded(), table: filled, look: look(9) })).toEqual({
      step: 'plan',
      work: { kind: 'window', after: v(4), through: v(9) },
    });
  });

  it('is nothing when the target shows the newest version', () => {
    expect(decide({ row: loaded(), table: filled, look: look(4) })).toEqual({ step: 'nothing' });
  });

  it('is the open plan, if it was made for this source, target and mapping', () => {
    const plan = aPlan({ mapping });
    expect(decide({ row: loaded({ open: true, plan }), table: filled, look: look(9) })).toEqual({
      step: 'resume',
      plan,
    });
  });

  it('does not go on with an open plan that was made for another mapping', () => {
    const other = { ...mapping, nulCharacters: 'strip' as const };
    const step = decide({ row: loaded({ open: true }), table: filled, look: look(9), mapping: other });
    expect(step).toMatchObject({ step: 'halt', kind: 'mapping_changed' });
  });

  it('is a longer window after a halt that a person ended', () => {
    const step = decide({
      row: loaded({ open: true, reach: v(7) }),
      table: filled,
      look: look(9),
      resumedAfter: 'row_rejected',
    });
    expect(step).toEqual({ step: 'plan', work: { kind: 'window', after: v(4), through: v(9) } });
  });

  it('is the open snapshot after a halt, or another if the cause lies in its rows', () => {
    const plan = aPlan({ mapping, work: { kind: 'snapshot', version: v(3) } });
    const half = row({
      open: true,
      plan,
      sourceTableId: TABLE_ID,
      mappingDigest: mappingDigest(mapping),
      targetOid: OID,
    });
    const resume = (resumedAfter: ErrorKind, latest: number) =>
      decide({ row: half, table: filled, look: look(latest), resumedAfter });
    const anew = (latest: number) => ({ step: 'plan', work: { kind: 'snapshot', version: v(latest) } });
    expect(resume('target_permission', 9)).toEqual({ step: 'resume', plan });
    expect(resume('row_rejected', 9)).toEqual(anew(9));
    expect(resume('row_rejected', 3)).toEqual(anew(3));
    for (const kind of ['source_column_missing', 'source_failed'] as const) {
      expect(resume(kind, 9)).toEqual(anew(9));
      expect(resume(kind, 3)).toEqual({ step: 'resume', plan });
    }
  });

  describe('where a person wants the rejected rows tried again', () => {
    const retry = aPlan({ mapping, work: { kind: 'retry', version: v(4) } });

    it('is a retry at the version that the target shows', () => {
      expect(decide({ row: loaded(), table: filled, look: look(4), retry: true })).toEqual({
        step: 'plan',
        work: { kind: 'retry', version: v(4) },
      });
    });

    it('is the window first, where there is one', () => {
      expect(decide({ row: loaded(), table: filled, look: look(9), retry: true })).toMatchObject({
        work: { kind: 'window' },
      });
    });

    it('goes on with a retry that is open, and abandons one that halted', () => {
      const open = { row: loaded({ open: true, plan: retry }), table: filled, look: look(9) };
      expect(decide(open)).toEqual({ step: 'resume', plan: retry });
      expect(decide({ ...open, resumedAfter: 'source_query_invalid' })).toEqual({
        step: 'abandon',
        plan: retry,
      });
    });
  });

  it('never ends a window below what an opened plan may have written', () => {
    expect(decide({ row: loaded({ reach: v(7) }), table: filled, look: look(5) })).toMatchObject({
      step: 'halt',
      kind: 'source_replaced',
    });
  });

  it('halts when the source is older than what was synced from it', () => {
    expect(decide({ row: loaded(), table: filled, look: look(2) })).toMatchObject({
      step: 'halt',
      kind: 'source_replaced',
    });
  });

  it('loads a target anew that was dropped, or dropped and made again', () => {
    const snapshot = { step: 'plan', work: { kind: 'snapshot', version: v(9) } };
    expect(decide({ row: loaded(), look: look(9) })).toEqual(snapshot);
    expect(decide({ row: loaded(), table: { ...filled, oid: OID + 1 }, look: look(9) })).toEqual(snapshot);
  });

  it('halts when the source is another table, unless the target has nothing to lose', () => {
    expect(decide({ row: loaded(), table: filled, look: look(9, 'table-2') })).toMatchObject({
      kind: 'source_replaced',
    });
    expect(decide({ row: loaded(), table: empty, look: look(9, 'table-2') })).toMatchObject({ step: 'plan' });
  });

  it('forgets the reach of another source table', () => {
    const step = decide({ row: loaded({ reach: v(20) }), table: empty, look: look(1, 'table-2') });
    expect(step).toEqual({ step: 'plan', work: { kind: 'snapshot', version: v(1) } });
  });

  it('halts when the mapping changed, and names the columns that came and went', () => {
    const [key, name] = mapping.columns;
    if (!key || !name) throw new Error('the mapping has two columns');
    const changed = { ...mapping, columns: [key, { ...name, source: 'nickname', target: 'nickname' }] };
    const step = decide({ row: loaded(), table: filled, look: look(4), mapping: changed });
    expect(step).toMatchObject({ step: 'halt', kind: 'mapping_changed' });
    expect(step.step === 'halt' && step.message).toContain('new: nickname; gone: name');
  });

  it('halts when a column got another type, and names the column and both types', () => {
    const [key, name] = mapping.columns;
    if (!key || !name) throw new Error('the mapping has two columns');
    const changed = { ...mapping, columns: [{ ...key, sourceType: 'decimal(20,0)' }, name] };
    const step = decide({ row: loaded(), table: filled, look: look(4), mapping: changed });
    expect(step).toMatchObject({ step: 'halt', kind: 'mapping_changed' });
    expect(step.step === 'halt' && step.message).toContain(
      '(other type: customer_id from bigint to decimal(20,0))',
    );
  });
});
