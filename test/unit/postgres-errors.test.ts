import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ErrorKind } from '../../src/error/error-kind.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { fromDriver, NEON_TEXTS, SQLSTATE_MEANING } from '../../src/target/postgres/errors.ts';

/** As the driver's DatabaseError comes, with everything in it that may quote a row. */
function serverError(code: string, fields: Record<string, string> = {}): Error {
  return Object.assign(new Error('the server says "hidden"'), {
    code,
    severity: 'ERROR',
    routine: 'routine',
    detail: 'Failing row contains (hidden).',
    where: 'COPY t, line 1: "hidden"',
    ...fields,
  });
}

const KIND_OF_STATE: Record<string, ErrorKind> = {
  '08': 'target_unavailable',
  '08P01': 'target_failed',
  '0A000': 'target_failed',
  '21000': 'duplicate_source_key',
  '22': 'row_rejected',
  '22001': 'row_rejected',
  '22003': 'row_rejected',
  '22007': 'row_rejected',
  '22008': 'row_rejected',
  '22021': 'row_rejected',
  '22P02': 'row_rejected',
  '22P04': 'internal',
  '22P05': 'row_rejected',
  '23': 'row_rejected',
  '23502': 'row_rejected',
  '23503': 'row_rejected',
  '23505': 'unique_conflict',
  '23514': 'row_rejected',
  '23P01': 'row_rejected',
  '25006': 'target_failed',
  '25P03': 'target_unavailable',
  '25P04': 'target_unavailable',
  '28': 'target_unauthorized',
  '3D000': 'target_missing',
  '3F000': 'target_incompatible',
  '40001': 'target_busy',
  '40003': 'target_unavailable',
  '40P01': 'target_busy',
  '42': 'target_failed',
  '42501': 'target_permission',
  '428C9': 'target_incompatible',
  '42703': 'target_incompatible',
  '42704': 'target_incompatible',
  '42804': 'target_incompatible',
  '42883': 'target_incompatible',
  '42P01': 'target_incompatible',
  '53': 'target_unavailable',
  '54000': 'row_rejected',
  '54001': 'row_rejected',
  '55000': 'target_failed',
  '55P03': 'target_busy',
  '57': 'target_unavailable',
  '57014': 'target_busy',
  '58': 'target_unavailable',
  P0: 'row_rejected',
};

describe('an SQLSTATE', () => {
  test('has one row here for each row of the table', () => {
    expect(Object.keys(KIND_OF_STATE).toSorted()).toEqual(Object.keys(SQLSTATE_MEANING).toSorted());
  });

  test.each(Object.entries(KIND_OF_STATE))('%s is %s', (state, kind) => {
    const code = state.padEnd(5, '9');
    const error = fromDriver(serverError(code));
    expect(error.kind).toBe(kind);
    expect(error.fields.sqlState).toBe(code);
    expect(error.message).toContain(`SQLSTATE ${code}`);
  });

  test.each([
    ['57P01', 'target_unavailable'],
    ['53300', 'target_unavailable'],
    ['28P01', 'target_unauthorized'],
    ['22012', 'row_rejected'],
    ['XX000', 'target_failed'],
    ['99999', 'target_failed'],
  ])('%s, which only its class or nothing explains, is %s', (code, kind) => {
    expect(fromDriver(serverError(code)).kind).toBe(kind);
  });
});

describe('what the server says', () => {
  const all = (error: unknown) => inspect(error, { depth: 10, showHidden: true });

  test.each(Object.keys(SQLSTATE_MEANING).filter((state) => SQLSTATE_MEANING[state]?.says !== 'server'))(
    'never shows with %s',
    (state) => {
      expect(all(fromDriver(serverError(state.padEnd(5, '9'))))).not.toContain('hidden');
    },
  );

  test('shows where it names an object only', () => {
    const error = Object.assign(serverError('42P01'), { message: 'relation "s.t" does not exist' });
    expect(fromDriver(error).message).toBe('Relation "s.t" does not exist (SQLSTATE 42P01).');
  });

  test('does not show when a function of the owner says it', () => {
    expect(all(fromDriver(serverError('42501', { routine: 'exec_stmt_raise' })))).not.toContain('hidden');
  });

  test.each([
    ['COPY lakeferry_stage, line 7, column amount: "hidden"', 'amount'],
    ['COPY lakeferry_stage, line 7, column amount: null input', 'amount'],
    ['JSON data, line 1: {hidden\nCOPY t, line 1, column tags: "{hidden"', 'tags'],
    ['COPY t, line 1: "hidden, line 2, column hidden: x"', undefined],
    ['COPY t, line 1: "hidden\u2028COPY t, line 2, column hidden: x"', undefined],
    ['SQL statement "hidden"', undefined],
  ])('of a COPY gives the column of %j', (where, column) => {
    const error = fromDriver(serverError('22P02', { where }));
    expect(error.fields['column']).toBe(column);
    expect(all(error)).not.toContain('hidden');
  });

  test('of a constraint gives its name, table and column', () => {
    const error = fromDriver(serverError('23502', { column: 'name', table: 't', constraint: 'c' }));
    expect(error.fields).toEqual({ sqlState: '23502', column: 'name', table: 't', constraint: 'c' });
    expect(error.message).toContain('column "name", constraint "c"');
  });
});

describe('Neon', () => {
  test.each(NEON_TEXTS.map(({ text, meaning }) => [text, meaning.kind] as const))(
    '%j is %s',
    (text, kind) => {
      expect(fromDriver(Object.assign(serverError('XX000'), { message: `ERROR: ${text}.` })).kind).toBe(kind);
      expect(fromDriver(new Error(`something ${text}`)).kind).toBe(kind);
    },
  );

  test('at the size limit of its plan needs a person; a disk that is full passes', () => {
    const limit = 'could not extend file because project size limit (512 MB) has been exceeded';
    const error = fromDriver(serverError('53100', { message: limit }));
    expect(error.kind).toBe('target_failed');
    expect(error.message).toContain('size limit');
    const full = 'could not extend file "base/5/16384": No space left on device';
    expect(fromDriver(serverError('53100', { message: full })).kind).toBe('target_unavailable');
  });
});

describe('without an SQLSTATE', () => {
  test.each([
    ['a dropped socket', new Error('Connection terminated unexpectedly')],
    [
      'a refused WebSocket',
      Object.assign(new Event('error'), { error: new Error('hidden'), message: 'hidden' }),
    ],
    ['a client past use', new Error('Client has encountered a connection error and is not queryable')],
    ['a refused port', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
    ['a name that does not resolve', Object.assign(new Error('hidden'), { code: 'ENOTFOUND' })],
    ['a TLS failure', Object.assign(new Error('hidden'), { code: 'CERT_HAS_EXPIRED' })],
    ['nothing', undefined],
  ])('%s is unavailable', (_, thrown) => {
    const error = fromDriver(thrown);
    expect(error.kind).toBe('target_unavailable');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hidden');
  });

  test('a fault of ours is internal', () => {
    expect(fromDriver(new TypeError('hidden')).kind).toBe('internal');
  });

  test('what is a SyncError stays one', () => {
    const error = new SyncError('cancelled', 'Cancelled.');
    expect(fromDriver(error)).toBe(error);
  });
});
