import { missingOf, slicesOf } from '../../src/plan/slices.ts';
import type { SyncRow } from '../../src/target/target.ts';
import { type MemoryDatabase, type MemoryTable, tableName } from '../support/memory-database.ts';
import { type Histories, rowsAt } from '../support/memory-source.ts';
import { SYNC } from './processes.ts';
import type { AppliedPart, Postgres, World } from './world.ts';

/** Errors that the faults explain; another kind is a fault of the protocol. */
const EXPECTED_KINDS: ReadonlySet<string> = new Set([
  'cancelled',
  'out_of_time',
  'source_replaced',
  'source_failed',
  'retention_gap',
  'target_busy',
  'target_incompatible',
  'target_not_empty',
  'target_replaced',
  'target_unavailable',
  'plan_stalled',
]);

export function isExpected(kind: string): boolean {
  return EXPECTED_KINDS.has(kind);
}

export function rowOf({ syncs }: MemoryDatabase): SyncRow | undefined {
  return syncs[SYNC.name];
}

export function tableOf({ tables }: MemoryDatabase): MemoryTable | undefined {
  return tables[tableName(SYNC.target)];
}

/** The slices that are applied to the table that is there after a step, from those before it. */
export function appliedAfter(before: Postgres, database: MemoryDatabase): readonly AppliedPart[] {
  const [table, row] = [tableOf(database), rowOf(database)];
  if (table?.oid !== tableOf(before.database)?.oid) return [];
  const planId = row?.plan?.id;
  const cleared = planId !== rowOf(before.database)?.plan?.id;
  const committed = database.ledger
    .filter((entry) => !before.database.ledger.includes(entry))
    .map(({ planId: id, slice, of }) => ({ planId: id, slice, of }));
  const kept = cleared ? before.applied.filter((part) => part.planId === planId) : before.applied;
  return committed.length === 0 && kept === before.applied
    ? before.applied
    : [...kept, ...committed].sort((a, b) => a.of - b.of || a.slice - b.slice);
}

/** What a step of a process broke, in words. */
export function brokenBy(before: World, after: World, histories: Histories): string | undefined {
  const cause = after.checkpoints.checkpoint;
  if (cause?.state === 'halted' && !isExpected(cause.cause.kind)) {
    return `the sync halts for ${cause.cause.kind}: ${cause.cause.message}`;
  }
  if (before.postgres === after.postgres) return undefined;
  const [from, to] = [before.postgres.database, after.postgres.database];
  return (
    rowMovedBack(from, to) ?? throughMovedWrongly(before.postgres, to) ?? differsWhenQuiet(to, histories)
  );
}

function rowMovedBack(from: MemoryDatabase, to: MemoryDatabase): string | undefined {
  const [before, after] = [tableOf(from), tableOf(to)];
  if (before?.oid !== after?.oid || before?.rows === after?.rows) return undefined;
  for (const [key, line] of Object.entries(after?.rows ?? {})) {
    const [old, now] = [cellOf(before?.rows[key]), cellOf(line)];
    if (old && now && old.tableId === now.tableId && now.version < old.version) {
      return `row ${key} moved backwards, from version ${old.version} to ${now.version}`;
    }
  }
  return undefined;
}

function cellOf(
  line: string | undefined,
): { readonly tableId: string; readonly version: number } | undefined {
  const value = line?.split('\t')[1];
  return value === undefined ? undefined : { tableId: value.slice(0, 1), version: Number(value.slice(1)) };
}

function throughMovedWrongly({ database, applied }: Postgres, to: MemoryDatabase): string | undefined {
  const [before, after] = [rowOf(database), rowOf(to)];
  if (!before || after?.through === undefined || after.through === before.through) return undefined;
  const plan = after.plan;
  if (!plan || !before.open || before.plan?.id !== plan.id) return '`through` moved outside of a finish';
  const parts = applied.filter(({ planId }) => planId === plan.id);
  const [missing] = slicesOf(plan).flatMap((slice) => missingOf(slice, parts));
  if (missing) {
    return `\`through\` moved to ${after.through} though slice ${missing.slice} of ${missing.of} is not in this target`;
  }
  if (
    before.through !== undefined &&
    before.sourceTableId === after.sourceTableId &&
    after.through < before.through
  ) {
    return `\`through\` moved from ${before.through} down to ${after.through}`;
  }
  return undefined;
}

/** With no plan open, the target equals the source at `through`. */
export function differsWhenQuiet(database: MemoryDatabase, histories: Histories): string | undefined {
  const [row, table] = [rowOf(database), tableOf(database)];
  if (!row || row.open || row.through === undefined || !table || table.oid !== row.targetOid)
    return undefined;
  const expected = rowsAt(histories, row.sourceTableId ?? '', Number(row.through));
  const keys = new Set([...Object.keys(expected), ...Object.keys(table.rows)]);
  for (const key of keys) {
    const found = table.rows[key]?.split('\t')[1];
    if (found !== expected[key]) {
      return `no plan is open, but key ${key} has ${found ?? 'no row'} where the source at version ${row.through} has ${expected[key] ?? 'none'}`;
    }
  }
  return undefined;
}
