import type { SyncConfig } from '../config/sync-config.ts';
import type { Mapping } from '../plan/mapping.ts';
import type { SourceColumn } from '../schema/source-column.ts';
import type { Source } from '../source/source.ts';
import type { Target, TargetState } from '../target/target.ts';
import { keepLoadedColumns, resolveMapping, ruleFor } from './resolve-mapping.ts';

/** The mapping that a plan gets, and the columns that are new at the source and not in it. */
export interface ReadMapping {
  readonly mapping: Mapping;
  readonly leftOut: readonly SourceColumn[];
}

/** Resolves a sync's settings against the columns that source and target have now. Throws as `resolveMapping`. */
export async function readMapping(
  {
    source,
    target,
  }: { readonly source: Pick<Source, 'readColumns'>; readonly target: Pick<Target, 'readColumnTypes'> },
  config: SyncConfig,
  { row, table }: TargetState,
  signal: AbortSignal,
): Promise<ReadMapping> {
  const columns = await source.readColumns(config.source, signal);
  const existing = await target.readColumnTypes(config.target, signal);
  const loaded = table !== undefined && row.through !== undefined ? row.plan?.mapping : undefined;
  const { mapping, leftOut } = keepLoadedColumns(resolveMapping(config, columns, existing), loaded, config);
  return { mapping, leftOut: columns.filter(({ name }) => leftOut.includes(name)) };
}

/** Target columns of the key, in its order, as the settings spell them: the source may do so in another case. */
export function targetKey({ primaryKey, columns }: SyncConfig): readonly string[] {
  return primaryKey.map((name) => ruleFor(name, columns.rename) ?? name);
}
