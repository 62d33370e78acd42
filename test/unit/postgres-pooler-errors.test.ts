import { describe, expect, test } from 'vitest';
import type { ErrorKind } from '../../src/error/error-kind.ts';
import { fromDriver, POOLER_TEXTS } from '../../src/target/postgres/errors.ts';

/** As PgBouncer's own errors come: without routine, detail or position. */
function poolerError(message: string, fields: Record<string, string> = {}): Error {
  return Object.assign(new Error(message), { code: '08P01', severity: 'FATAL', ...fields });
}

const KIND_OF_TEXT: readonly (readonly [string, ErrorKind])[] = [
  ['SASL authentication failed', 'target_unauthorized'],
  ['no such user', 'target_unauthorized'],
  ['no such database: sales', 'target_missing'],
  ['database "sales" does not exist', 'target_missing'],
  ['server conn crashed?', 'target_unavailable'],
  ['server connection closed', 'target_unavailable'],
  ['server login has been failing, try again later (server_login_retry)', 'target_unavailable'],
  ['the database system is starting up', 'target_unavailable'],
  ['terminating connection due to administrator command', 'target_unavailable'],
  ['pooler is shutting down', 'target_unavailable'],
  ['sorry, too many clients already', 'target_unavailable'],
  ['remaining connection slots are reserved for roles with the SUPERUSER attribute', 'target_unavailable'],
];

describe('an error of the pooler', () => {
  test('has one row here for each text', () => {
    const found = KIND_OF_TEXT.map(([message]) => POOLER_TEXTS.find(({ text }) => message.includes(text)));
    expect(found).toEqual(POOLER_TEXTS);
  });

  test.each(KIND_OF_TEXT)('%s', (message, kind) => {
    const error = fromDriver(poolerError(message));
    expect(error.kind).toBe(kind);
    expect(error.fields.sqlState).toBe('08P01');
  });

  test('that names the database that is not there says which', () => {
    expect(fromDriver(poolerError('database "sales" does not exist')).message).toBe(
      'Database "sales" does not exist (SQLSTATE 08P01).',
    );
  });

  test('with another text halts', () => {
    expect(fromDriver(poolerError('unsupported startup parameter: options')).kind).toBe('target_failed');
  });

  test.each(KIND_OF_TEXT)('is not taken from the server’s own error (%s)', (message) => {
    const ofServer = poolerError(message, { routine: 'ProcessStartupPacket' });
    expect(fromDriver(ofServer).kind).toBe('target_failed');
  });
});
