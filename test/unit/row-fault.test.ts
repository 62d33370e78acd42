import { describe, expect, test } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { fromDriver, SQLSTATE_MEANING } from '../../src/target/postgres/errors.ts';
import { isRowFault } from '../../src/target/postgres/row-fault.ts';

const KEY_INDEXES = new Set(['orders_pkey']);

function serverError(code: string, fields: Record<string, string> = {}): SyncError {
  const error = Object.assign(new Error('refused'), {
    code,
    severity: 'ERROR',
    routine: 'routine',
    ...fields,
  });
  return fromDriver(error);
}

/** States and classes that a row causes by itself; whatever else the table of SQLSTATEs has, it does not. */
const ROW_FAULTS = new Set([
  ...['22', '22001', '22003', '22007', '22008', '22021', '22P02', '22P05'],
  ...['23', '23502', '23503', '23505', '23514', '23P01'],
  ...['54000', '54001', 'P0'],
]);

describe('what is a row’s own fault', () => {
  test.each(Object.keys(SQLSTATE_MEANING))('is decided for SQLSTATE %s', (state) => {
    expect(isRowFault(serverError(state.padEnd(5, '9')), KEY_INDEXES)).toBe(ROW_FAULTS.has(state));
  });

  test.each(['XX000', 'XX001', '99999', '57P01', '53300', '40001', '0A000', 'HV000'])(
    'is not SQLSTATE %s',
    (state) => {
      expect(isRowFault(serverError(state), KEY_INDEXES)).toBe(false);
    },
  );

  test('is a unique constraint, but not the key’s', () => {
    expect(isRowFault(serverError('23505', { constraint: 'orders_email_key' }), KEY_INDEXES)).toBe(true);
    expect(isRowFault(serverError('23505', { constraint: 'orders_pkey' }), KEY_INDEXES)).toBe(false);
  });

  test.each(['P0001', '45000', 'ABC12', '23514', '42501', '42P01', '0A000', '21000', '22P04'])(
    'is what a function of the owner raises, with SQLSTATE %s',
    (state) => {
      expect(isRowFault(serverError(state, { routine: 'exec_stmt_raise' }), KEY_INDEXES)).toBe(true);
    },
  );

  test.each(['40001', '55P03', '57014', '53200', '08006', '58030'])(
    'is not what such a function raises as passing, with SQLSTATE %s',
    (state) => {
      expect(isRowFault(serverError(state, { routine: 'exec_stmt_raise' }), KEY_INDEXES)).toBe(false);
    },
  );

  test('is nothing that the server did not say', () => {
    expect(isRowFault(new SyncError('row_rejected', 'Too many rows are rejected.'), KEY_INDEXES)).toBe(false);
    expect(isRowFault(new TypeError('no'), KEY_INDEXES)).toBe(false);
    expect(isRowFault(undefined, KEY_INDEXES)).toBe(false);
  });
});
