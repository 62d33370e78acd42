import { describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { sourceError } from '../../src/source/databricks/errors.ts';

const operationState = (errorMessage: string, sqlState?: string) =>
  Object.assign(new Error('The operation failed due to an error'), { response: { errorMessage, sqlState } });

describe('a failure of the warehouse', () => {
  it.each([
    [
      '[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found. SQLSTATE: 42P01',
      '42P01',
      'source_table_missing',
    ],
    ['[DELTA_TABLE_NOT_FOUND] gone', undefined, 'source_table_missing'],
    ['[INSUFFICIENT_PERMISSIONS] no SELECT', '42501', 'source_permission'],
    ['[UNRESOLVED_COLUMN.WITH_SUGGESTION] `x`', '42703', 'source_column_missing'],
    ['[PARSE_SYNTAX_ERROR] near x', '42601', 'source_query_invalid'],
    ['[DELTA_MISSING_CHANGE_DATA] from 3', 'KD002', 'change_feed_off'],
    ['[DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION] x', '0AKDC', 'retention_gap'],
    ['[DELTA_VERSION_NOT_FOUND] x', '22003', 'retention_gap'],
    ['[DELTA_CHANGE_DATA_FILE_NOT_FOUND] x', undefined, 'retention_gap'],
    ['Error: [FAILED_READ_FILE.DBR_FILE_NOT_EXIST] x', undefined, 'retention_gap'],
    ['[DELTA_CDC_START_VERSION_AFTER_LATEST] x', '22003', 'source_replaced'],
    ['[DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA] at 7', '0AKDC', 'schema_break'],
    ['Session handle 1 has not been initialized or had already closed', undefined, 'source_unavailable'],
    ['[SOMETHING_NEW] x', 'XXKDA', 'source_failed'],
  ])('reads %s', (message, sqlState, kind) => {
    expect(sourceError(operationState(message, sqlState), { table: 'main.gold.x' }).kind).toBe(kind);
  });

  it.each([
    [401, 'source_unauthorized'],
    [403, 'source_unauthorized'],
    [503, 'source_unavailable'],
  ])('reads HTTP status %i', (statusCode, kind) => {
    expect(sourceError({ message: 'bad HTTP status', statusCode }, {}).kind).toBe(kind);
  });

  it('reads a status error that is not an Error, and a refused connection', () => {
    const status = { name: 'Status Error', message: '[TABLE_OR_VIEW_NOT_FOUND] x', code: -1 };
    expect(sourceError(status, {}).kind).toBe('source_table_missing');
    const refused = Object.assign(new Error('connect'), {
      name: 'FetchError',
      type: 'system',
      code: 'ECONNREFUSED',
    });
    expect(sourceError(refused, {}).kind).toBe('source_unavailable');
  });

  it('does not repeat the text of a failure that may quote a row', () => {
    const error = sourceError(
      operationState("[CAST_INVALID_INPUT] The value 'Alice' cannot be cast", '22018'),
      { table: 't' },
    );
    expect(error.message).not.toContain('Alice');
    expect(JSON.stringify(error.fields)).not.toContain('Alice');
  });

  it('names the version at which the columns changed, and no schema', () => {
    const schema = JSON.stringify({ type: 'struct', fields: [{ name: 'x'.repeat(400) }] });
    const error = sourceError(
      operationState(
        `[DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA] Retrieving table changes between version 2 and 4 failed. Your read schema is ${schema} at version 4, but we found an incompatible data schema at version 2.`,
        '0AKDC',
      ),
      { table: 'main.gold.t' },
    );
    expect(error.message).toContain('version 2');
    expect(error.message).not.toContain('struct');
  });

  it('leaves an error of ours as it is', () => {
    const error = new SyncError('cancelled', 'stopped');
    expect(sourceError(error, {})).toBe(error);
  });
});
