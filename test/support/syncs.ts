import type { SyncConfig } from '../../src/config/sync-config.ts';
import { parseSourceTable, parseTargetTable } from '../../src/schema/table-name.ts';

/** A sync with the defaults of lakeferry.yaml. */
export function aSync(
  source: string,
  target: string,
  primaryKey: readonly string[],
  over: Partial<SyncConfig> = {},
): SyncConfig {
  const [from, into] = [parseSourceTable(source), parseTargetTable(target)];
  if (!from || !into) throw new Error(`not table names: ${source}, ${target}`);
  return {
    name: into.table,
    source: from,
    target: into,
    primaryKey,
    columns: { exclude: [], rename: {}, types: {} },
    deletes: { mode: 'hard' },
    metadata: {},
    nulCharacters: 'reject',
    rejectedRows: 'halt',
    maxRejectedRows: 1_000,
    maxDeletePercent: 50,
    schedule: 'rate(5 minutes)',
    maxLagSeconds: 1_800,
    maxChunkRows: 200_000,
    maxWriters: 4,
    ...over,
  };
}
