import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { safeFields, safeText } from '../../src/telemetry/redaction.ts';
import { quickestMs } from '../support/quickest.ts';

describe('a text in a log', () => {
  it.each([
    ['postgresql://app:S3cret@host.neon.tech/db?sslmode=require', '@host.neon.tech/db?sslmode=require'],
    ['could not reach postgres://app:S3c@ret/x@host/db now', '@host/db now'],
    ['https://S3cretToken@github.com/x', '@github.com/x'],
    ['user=app password=S3cret host=h', 'host=h'],
    ["password='S3cret with blanks' host=h", 'host=h'],
    ['{"password":"S3cret"}', 'password'],
    ['{"clientSecret": 1, "token" : "S3cret"}', 'token'],
    ['Authorization: Bearer S3cret.S3cret', 'Authorization'],
    ['sent with bearer S3cretS3cret', 'sent with'],
    ['the token dapiS3cret'.replace('S3cret', '0123456789abcdef0123456789abcdef'), 'the token'],
    [`signed ${['eyJS3cret', 'eyJS3cret', 'S3cret'].join('.')}`, 'signed'],
    ['Key (email)=(S3cret@example.com) already exists.', 'Key'],
    ['Failing row contains (1, S3cret, null).', 'Failing row'],
  ])('keeps no secret of: %s', (text, kept) => {
    const safe = safeText(text);
    expect(safe).toContain('[redacted]');
    expect(safe).not.toMatch(/S3c|ret\/x|0123456789abcdef/);
    expect(safe).toContain(kept);
  });

  it.each([
    'The chunk queue https://sqs.eu-central-1.amazonaws.com/123456789012/chunks does not exist.',
    'password authentication failed for user "app"',
    'syncs.orders.columns: map fewer columns',
    'main.gold.orders → app.orders, after 5410 through 5413',
  ])('stays as it is when it holds none: %s', (text) => {
    expect(safeText(text)).toBe(text);
  });

  it('is cut at 2,000 characters', () => {
    expect(safeText('x'.repeat(2_001))).toBe(`${'x'.repeat(1_999)}…`);
  });

  it('is read in a time that grows with its length only', async () => {
    const hostile = ['://'.repeat(1_000), 'Key ('.repeat(500), 'password='.repeat(300), 'eyJa.'.repeat(500)];
    const tookMs = await quickestMs(500, () => {
      for (const text of hostile) safeText(text);
    });
    expect(tookMs).toBeLessThan(500);
  });
});

describe('a field in a log', () => {
  it.each([
    'detail',
    'hint',
    'where',
    'internalQuery',
    'payload',
    'body',
    'row',
    'rows',
    'records',
    'lines',
    'value',
    'values',
    'key',
    'keys',
    'params',
    'password',
    'token',
    'accessToken',
    'client_secret',
    'client-secret',
    'Authorization',
    'awsCredentials',
    'connectionString',
  ])('named %s shows no text and no object', (name) => {
    expect(
      safeFields({ [name]: 'S3cret', nested: { [name]: ['S3cret'], deeper: [{ [name]: { a: 'S3cret' } }] } }),
    ).toEqual({
      [name]: '[redacted]',
      nested: { [name]: '[redacted]', deeper: [{ [name]: '[redacted]' }] },
    });
  });

  it('shows a count under any name', () => {
    expect(safeFields({ rows: 12, keys: 3n, values: true, detail: null })).toEqual({
      rows: 12,
      keys: '3',
      values: true,
      detail: null,
    });
  });

  it('is text where it is a version or a time, and left out where it is nothing', () => {
    const fields = {
      through: parseCommitVersion('9007199254740993'),
      at: new Date(0),
      never: new Date(Number.NaN),
      ratio: Number.POSITIVE_INFINITY,
      nothing: undefined,
      call: () => 'S3cret',
    };
    expect(safeFields(fields)).toStrictEqual({
      through: '9007199254740993',
      at: '1970-01-01T00:00:00.000Z',
      never: 'invalid date',
      ratio: 'Infinity',
    });
  });

  it('shows no bytes', () => {
    expect(safeFields({ page: Buffer.from('S3cret'), numbers: new Float64Array(2) })).toEqual({
      page: '[6 bytes]',
      numbers: '[16 bytes]',
    });
  });

  it('is guarded in sets, maps and lists, too', () => {
    const fields = {
      slices: new Set([1, 2]),
      failures: new Map([['password', 'S3cret']]),
      list: ['token=S3cret', undefined],
    };
    expect(safeFields(fields)).toEqual({
      slices: [1, 2],
      failures: { password: '[redacted]' },
      list: ['token=[redacted]', null],
    });
  });

  it('ends at a depth, so that a circle ends', () => {
    const circle: Record<string, unknown> = {};
    circle['again'] = circle;
    expect(JSON.stringify(safeFields(circle))).toContain('[…]');
  });

  it('shows at most 50 entries', () => {
    const many = Array.from({ length: 51 }, (_, n) => n);
    expect(safeFields({ many })['many']).toHaveLength(50);
    expect(Object.keys(safeFields(Object.fromEntries(many.map((n) => [`f${n}`, n]))))).toHaveLength(50);
  });

  it('of a class that is not known shows its name only', () => {
    class Session {
      readonly name = 'a name with blanks';
      readonly line1 = 'S3cret';
    }
    expect(safeFields({ session: new Session() })).toEqual({ session: { name: 'Session' } });
  });
});

describe('an error in a log', () => {
  const driverError = Object.assign(new Error('invalid input syntax: "S3cret"'), {
    name: 'DatabaseError',
    code: '22P02',
    detail: 'Failing row contains (S3cret).',
    where: 'COPY stage, line 1: "S3cret"',
  });

  it('of ours shows its kind, message and fields, and of its cause the name and code', () => {
    const error = new SyncError(
      'target_failed',
      'Postgres refused a statement.',
      { sync: 'orders', slice: 3, detail: 'S3cret' },
      { cause: driverError },
    );
    expect(safeFields({ error })).toStrictEqual({
      error: {
        kind: 'target_failed',
        message: 'Postgres refused a statement.',
        fields: { sync: 'orders', slice: 3, detail: '[redacted]' },
        cause: { name: 'DatabaseError', code: '22P02' },
      },
    });
  });

  it('of a driver shows its name and code', () => {
    expect(safeFields({ error: driverError })).toStrictEqual({
      error: { name: 'DatabaseError', code: '22P02' },
    });
  });

  it.each([
    ['a text', 'S3cret', { name: 'string' }],
    ['nothing', null, { name: 'object' }],
    [
      'an object of a driver',
      { name: 'StatusError', code: 500, message: 'S3cret' },
      { name: 'StatusError', code: 500 },
    ],
    [
      'an object without a class',
      Object.assign(Object.create(null), { code: 'S3cret S3cret' }),
      { name: 'object' },
    ],
  ])('whose cause is %s shows no more than its name and code', (_, cause, shown) => {
    const error = new SyncError('source_failed', 'M.', {}, { cause });
    expect(safeFields({ error })).toStrictEqual({
      error: { kind: 'source_failed', message: 'M.', cause: shown },
    });
  });

  it('that is a fault of ours says where it happened, and still repeats no message', () => {
    const cause = new TypeError('S3cret\n    at S3cret is not a function');
    const error = new SyncError('internal', 'An unexpected TypeError was thrown.', {}, { cause });
    const shown = safeFields({ error })['error'] as { frames: string[] };
    expect(shown.frames[0]).toMatch(/^at .*telemetry-redaction\.test\.ts:\d+:\d+\)?$/);
    expect(JSON.stringify(shown)).not.toContain('S3cret');
  });
});
