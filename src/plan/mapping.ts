import { createHash } from 'node:crypto';
import type { DeleteMode, MetadataColumns } from '../config/sync-config.ts';

/** One source column and the target column that it fills. */
export interface MappedColumn {
  readonly source: string;
  readonly target: string;
  /** Delta type text, e.g. `decimal(10,2)`. */
  readonly sourceType: string;
  /** Postgres type text, e.g. `numeric(10,2)`. */
  readonly targetType: string;
  readonly comment?: string;
}

/** A sync's settings, resolved against the source's columns. Key columns come first, in the configured order. */
export interface Mapping {
  /** The first `keyColumns` of `columns` are the key. At least 1. */
  readonly keyColumns: number;
  readonly columns: readonly MappedColumn[];
  readonly where?: string;
  readonly deletes: DeleteMode;
  readonly metadata: MetadataColumns;
  readonly nulCharacters: 'reject' | 'strip';
  readonly rejectedRows: 'halt' | 'quarantine';
  /** With `quarantine`: rejected keys that may stand in the target. */
  readonly maxRejectedRows: number;
  /** Part of the target's rows that a plan may delete, 1 to 100. */
  readonly maxDeletePercent: number;
}

export function keyOf(mapping: Mapping): readonly MappedColumn[] {
  return mapping.columns.slice(0, mapping.keyColumns);
}

export function nonKeyOf(mapping: Mapping): readonly MappedColumn[] {
  return mapping.columns.slice(mapping.keyColumns);
}

/**
 * Identity of what the target's rows mean: two plans with one digest write the same value for the same source
 * row. No part of it: comments, the order of columns, the policy for rejected rows, limits, and the types of the target's
 * columns, which its owner may widen at will.
 */
export function mappingDigest(mapping: Mapping): string {
  const meaning = {
    key: keyOf(mapping).map(meaningOf),
    columns: nonKeyOf(mapping)
      .map(meaningOf)
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    where: mapping.where ?? null,
    deletes: mapping.deletes,
    metadata: [
      mapping.metadata.commitVersion ?? null,
      mapping.metadata.commitTimestamp ?? null,
      mapping.metadata.syncedAt ?? null,
    ],
    nulCharacters: mapping.nulCharacters,
  };
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex');
}

function meaningOf({ source, target, sourceType }: MappedColumn): readonly string[] {
  return [source, target, sourceType];
}
