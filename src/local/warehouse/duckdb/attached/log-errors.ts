import { EngineError } from '../../engine.ts';

/** What is wrong with a log, as Delta names it; `detail` names files and versions, never a value of a row. */

export function noDeltaTable(location: string): EngineError {
  return new EngineError('DELTA_MISSING_DELTA_TABLE', '42P01', `There is no Delta table at ${location}.`);
}

export function corruptLog(detail: string): EngineError {
  return new EngineError('DELTA_STATE_RECOVER_ERROR', 'XXKDS', `The Delta log cannot be read: ${detail}.`);
}

export function truncatedLog(version: bigint): EngineError {
  return new EngineError(
    'DELTA_TRUNCATED_TRANSACTION_LOG',
    '42K03',
    `The table cannot be read at version ${version}: the first commits of its log are gone, and no checkpoint stands for them.`,
  );
}

export function missingCommit(version: bigint): EngineError {
  return new EngineError(
    'DELTA_VERSIONS_NOT_CONTIGUOUS',
    'KD00C',
    `The Delta log lacks the commit of version ${version}, and later ones are there.`,
  );
}

/** `features` by the names that the protocol gives them. */
export function unsupportedFeatures(features: readonly string[]): EngineError {
  return new EngineError(
    'DELTA_UNSUPPORTED_FEATURES_FOR_READ',
    '56038',
    `The local warehouse does not read Delta tables with: ${features.join(', ')}.`,
  );
}

export function unsupportedProtocol(readerVersion: number): EngineError {
  return new EngineError(
    'DELTA_INVALID_PROTOCOL_VERSION',
    'KD004',
    `The local warehouse reads Delta tables up to reader version 3; this one demands ${readerVersion}.`,
  );
}
