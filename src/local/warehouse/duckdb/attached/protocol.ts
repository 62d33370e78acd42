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

/** Throws for a table that this reader would read wrong. */
export function checkReadable(protocol: ProtocolAction, metadata: MetadataAction): void {
  if (protocol.minReaderVersion > NEWEST_READER_VERSION) throw unsupportedProtocol(protocol.minReaderVersion);
  const unknown = (protocol.readerFeatures ?? []).filter((feature) => !READ_FEATURES.has(feature));
  if ((metadata.configuration[MAPPING_MODE] ?? 'none').toLowerCase() !== 'none')
    unknown.push('columnMapping');
  if (metadata.schemaString.includes(TYPE_CHANGES)) unknown.push('typeWidening');
  if (unknown.length > 0) throw unsupportedFeatures([...new Set(unknown)].sort());
}

/** Throws for files of which only some rows count. */
export function checkFiles({ adds, removes }: Actions): void {
  const marked = ({ deletionVector }: { readonly deletionVector?: unknown }) =>
    deletionVector !== null && deletionVector !== undefined;
  if (adds.some(marked) || removes.some(marked)) throw unsupportedFeatures(['deletionVectors']);
}
