import { describe, expect, it } from 'vitest';
import { sparkError } from '../../src/local/warehouse/spark/errors.ts';
import { sourceError } from '../../src/source/databricks/errors.ts';

const failure = (errorClass: string, message: string) =>
  sparkError({ errorClass, sqlState: 'XX000', message: `[${errorClass}] ${message} SQLSTATE: XX000` });

describe('a failure of open-source Spark', () => {
  it.each([
    ['REQUIRES_SINGLE_PART_NAMESPACE', 'x', 'NO_SUCH_CATALOG_EXCEPTION', 'source_table_missing'],
    ['FAILED_READ_FILE.FILE_NOT_EXIST', 'x', 'FAILED_READ_FILE.DBR_FILE_NOT_EXIST', 'retention_gap'],
    [
      'INTERNAL_ERROR',
      'java.lang.IllegalStateException: Could not find any delta files for version 2',
      'DELTA_LOG_FILE_NOT_FOUND',
      'retention_gap',
    ],
    [
      'INTERNAL_ERROR',
      'AnalysisException: Cannot time travel Delta table to version 1. Available versions: [2, 4].',
      'DELTA_VERSION_NOT_FOUND',
      'retention_gap',
    ],
    ['INTERNAL_ERROR', 'something else', 'INTERNAL_ERROR', 'source_failed'],
    ['DELTA_MISSING_CHANGE_DATA', 'x', 'DELTA_MISSING_CHANGE_DATA', 'change_feed_off'],
  ])('%s (%s) has Databricks’ name %s', (errorClass, message, name, kind) => {
    const named = failure(errorClass, message);
    expect(named.errorClass).toBe(name);
    expect(sourceError(named, {}).kind).toBe(kind);
  });
});
