import type { Actions, MetadataAction, ProtocolAction } from './actions.ts';
import { unsupportedFeatures, unsupportedProtocol } from './log-errors.ts';

const NEWEST_READER_VERSION = 3;

/**
 * Reader features that need nothing of this reader, or are looked for where they are used: a table may know column
 * mapping without mapping a column.
 */
const READ_FEATURES = new Set(['columnMapping', 'timestampNtz', 'vacuumProtocolCheck']);

const MAPPING_MODE = 'delta.columnMapping.mode';
const TYPE_CHANGES = '"delta.typeChanges"';

/** Throws for a table whose protocol this reader does not know. */
export function checkProtocol({ minReaderVersion, readerFeatures }: ProtocolAction): void {
  if (minReaderVersion > NEWEST_READER_VERSION) throw unsupportedProtocol(minReaderVersion);
  const unknown = (readerFeatures ?? []).filter((feature) => !READ_FEATURES.has(feature));
  if (unknown.length > 0) throw unsupportedFeatures(unknown.sort());
}

/** Throws for columns that this reader would read wrong. */
export function checkMetadata({ configuration, schemaString }: MetadataAction): void {
  const mapping = configuration[MAPPING_MODE] ?? 'none';
  if (mapping.toLowerCase() !== 'none') throw unsupportedFeatures(['columnMapping']);
  if (schemaString.includes(TYPE_CHANGES)) throw unsupportedFeatures(['typeWidening']);
}

/** Throws for files of which only some rows count. */
export function checkFiles({ adds, removes }: Actions): void {
  const marked = ({ deletionVector }: { readonly deletionVector?: unknown }) =>
    deletionVector !== null && deletionVector !== undefined;
  if (adds.some(marked) || removes.some(marked)) throw unsupportedFeatures(['deletionVectors']);
}
