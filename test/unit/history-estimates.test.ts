import { describe, expect, it } from 'vitest';
import { estimateChangeRows, estimateDeletedRows } from '../../src/source/databricks/history.ts';

const json = (value: object | null) => JSON.stringify(value);

describe('the deletes that a commit tells of', () => {
  it.each<[string, object, object, number | undefined]>([
    ['MERGE', {}, { numTargetRowsDeleted: '3', numTargetRowsUpdated: '4' }, 3],
    ['DELETE', { predicate: '[]' }, { numDeletedRows: '5', numRemovedFiles: '1' }, 5],
    ['DELETE', { predicate: '["true"]' }, { numRemovedFiles: '2' }, undefined],
    ['UPDATE', {}, { numUpdatedRows: '7' }, 0],
    ['WRITE', { mode: 'Append' }, { numOutputRows: '9' }, 0],
    ['WRITE', { mode: 'Overwrite' }, { numOutputRows: '9' }, undefined],
    ['WRITE', { mode: 'Overwrite', predicate: 'a = 1' }, { numOutputRows: '9', numDeletedRows: '2' }, 2],
    ['STREAMING UPDATE', { outputMode: 'Append' }, { numOutputRows: '9' }, 0],
    ['STREAMING UPDATE', { outputMode: 'Complete' }, { numOutputRows: '9' }, undefined],
    ['CREATE OR REPLACE TABLE AS SELECT', {}, { numOutputRows: '9' }, undefined],
    ['RESTORE', { version: '1' }, { numRestoredFiles: '1', numRemovedFiles: '1' }, undefined],
    ['TRUNCATE', {}, { numRemovedFiles: '1' }, undefined],
    ['OPTIMIZE', {}, { numRemovedFiles: '4' }, 0],
    ['SET TBLPROPERTIES', {}, {}, 0],
    ['an operation of tomorrow', {}, {}, undefined],
  ])('%s %j with %j: %s', (operation, parameters, metrics, deletes) => {
    expect(estimateDeletedRows(operation, parameters, metrics)).toBe(deletes);
    expect(estimateDeletedRows(operation, json(parameters), json(metrics))).toBe(deletes);
  });

  it('are none where there are no metrics and the operation keeps all rows', () => {
    expect(estimateDeletedRows('UPDATE', null, null)).toBe(0);
    expect(estimateDeletedRows('DELETE', null, null)).toBeUndefined();
  });
});

describe('the change rows that a commit tells of', () => {
  it.each<[string, object | null, object | null, number | undefined]>([
    ['MERGE', {}, { numTargetRowsInserted: '1', numTargetRowsUpdated: '4', numTargetRowsDeleted: '2' }, 7],
    ['MERGE', {}, { numTargetRowsUpdated: '4', numTargetRowsDeleted: '2', numOutputRows: '900' }, 6],
    ['UPDATE', {}, { numUpdatedRows: '7', numAddedFiles: '1' }, 7],
    ['DELETE', { predicate: '["a = 1"]' }, { numDeletedRows: '5', numRemovedFiles: '1' }, 5],
    ['WRITE', { mode: 'Append' }, { numOutputRows: '9' }, 9],
    ['COPY INTO', {}, { numOutputRows: '9' }, 9],
    ['CREATE TABLE AS SELECT', {}, { numOutputRows: '9' }, 9],
    ['STREAMING UPDATE', { outputMode: 'Append' }, { numOutputRows: '9' }, 9],
    ['WRITE', { mode: 'Overwrite', predicate: 'a = 1' }, { numOutputRows: '9', numDeletedRows: '2' }, 11],
    ['WRITE', { mode: 'Append' }, null, undefined],
    ['OPTIMIZE', {}, { numRemovedFiles: '4', numAddedFiles: '1' }, 0],
    ['VACUUM END', null, null, 0],
    ['SET TBLPROPERTIES', {}, {}, undefined],
    ['an operation of tomorrow', {}, {}, undefined],
  ])('%s %j with %j: %s', (operation, parameters, metrics, rows) => {
    expect(estimateChangeRows(operation, parameters, metrics)).toBe(rows);
    expect(estimateChangeRows(operation, json(parameters), json(metrics))).toBe(rows);
  });

  it.each<[string, object | null, object]>([
    ['WRITE', { mode: 'Overwrite' }, { numOutputRows: '9', numRemovedFiles: '400' }],
    ['WRITE', { mode: 'Overwrite', predicate: 'day = 1' }, { numOutputRows: '9', numRemovedFiles: '1' }],
    ['WRITE', { mode: 'Overwrite', isDynamicPartitionOverwrite: 'true' }, { numOutputRows: '9' }],
    ['WRITE', null, { numOutputRows: '9' }],
    ['STREAMING UPDATE', { outputMode: 'Complete' }, { numOutputRows: '9' }],
    ['CREATE OR REPLACE TABLE AS SELECT', {}, { numOutputRows: '9' }],
    ['REPLACE TABLE AS SELECT', {}, { numOutputRows: '9' }],
    ['REPLACE TABLE', {}, {}],
    ['TRUNCATE', {}, { numRemovedFiles: '1' }],
    ['DELETE', { predicate: '["true"]' }, { numRemovedFiles: '2' }],
    ['RESTORE', { version: '1' }, { numRestoredFiles: '1', numRemovedFiles: '1' }],
    ['an operation of tomorrow', {}, { numOutputRows: '9' }],
  ])('are unknown where those that it deleted are: %s %j with %j', (operation, parameters, metrics) => {
    expect(estimateChangeRows(operation, parameters, metrics)).toBeUndefined();
  });
});
