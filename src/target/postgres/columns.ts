import type { Mapping } from '../../plan/mapping.ts';

/** Target columns that a page's line carries, in its field order, without the operation. */
export function deliveredColumns({ columns, metadata }: Mapping): readonly string[] {
  return [
    ...columns.map(({ target }) => target),
    ...[metadata.commitVersion, metadata.commitTimestamp].filter((name) => name !== undefined),
  ];
}

/** Every target column that Lakeferry writes; all others are their owner's. */
export function writtenColumns(mapping: Mapping): readonly string[] {
  const { metadata, deletes } = mapping;
  return [
    ...deliveredColumns(mapping),
    ...(metadata.syncedAt === undefined ? [] : [metadata.syncedAt]),
    ...(deletes.mode === 'soft' ? [deletes.column] : []),
  ];
}

export interface OwnColumn {
  readonly name: string;
  readonly type: 'bigint' | 'timestamp with time zone';
}

/** The columns that Lakeferry fills beside the mapped ones, with the type that each must have. */
export function ownColumns({ metadata, deletes }: Mapping): readonly OwnColumn[] {
  const own: OwnColumn[] = [];
  if (metadata.commitVersion !== undefined) own.push({ name: metadata.commitVersion, type: 'bigint' });
  for (const name of [metadata.commitTimestamp, metadata.syncedAt]) {
    if (name !== undefined) own.push({ name, type: 'timestamp with time zone' });
  }
  if (deletes.mode === 'soft') own.push({ name: deletes.column, type: 'timestamp with time zone' });
  return own;
}

/** The stage's first column. */
export function operationColumn(mapping: Mapping): string {
  return besideDelivered('operation', mapping);
}

/** The name, changed until it is no delivered column's. */
export function besideDelivered(wanted: string, mapping: Mapping): string {
  const taken = new Set(deliveredColumns(mapping));
  let name = wanted;
  while (taken.has(name)) name = `_${name}`;
  return name;
}
