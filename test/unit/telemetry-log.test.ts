import { Logger } from '@aws-lambda-powertools/logger';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { lineLog } from '../../src/telemetry/line-log.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { powertoolsLog } from '../../src/telemetry/powertools-log.ts';
import { withFields } from '../../src/telemetry/with-fields.ts';

const clock = { now: () => Date.UTC(2026, 10, 21, 14, 32, 7, 123) };

function written(format: 'json' | 'text', log: (log: Log) => void): string {
  let text = '';
  log(lineLog({ write: (line) => (text += line) }, { format, clock }));
  return text;
}

describe('the log of the Lambda functions', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  function entries(use: (log: Log, logger: Logger) => void): Record<string, unknown>[] {
    vi.stubEnv('POWERTOOLS_DEV', 'true');
    const lines: string[] = [];
    for (const level of ['info', 'warn', 'error'] as const) {
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
    }
    const logger = new Logger({ serviceName: 'lakeferry' });
    use(powertoolsLog(logger, { sync: 'orders', planId: 'p' }), logger);
    return lines.map((line) => JSON.parse(line));
  }

  it('writes message, level, service and fields, the persistent ones in every entry', () => {
    const shown = entries((log) => {
      log.info('chunk applied', { slice: 3, through: parseCommitVersion('9007199254740993') });
      log.warn('chunk not applied');
      log.error('sync halted', { sync: 'items' });
    });
    expect(shown).toMatchObject([
      {
        level: 'INFO',
        message: 'chunk applied',
        service: 'lakeferry',
        sync: 'orders',
        planId: 'p',
        slice: 3,
      },
      { level: 'WARN', message: 'chunk not applied', sync: 'orders', planId: 'p' },
      { level: 'ERROR', message: 'sync halted', sync: 'items', planId: 'p' },
    ]);
    expect(shown[0]?.['through']).toBe('9007199254740993');
  });

  it('leaves the logger as it was', () => {
    const [, plain] = entries((log, logger) => {
      log.info('with fields');
      logger.info('without');
    });
    expect(plain).not.toHaveProperty('sync');
  });

  it('shows of an error no message of a driver and no row', () => {
    const cause = Object.assign(new Error('S3cret'), { detail: 'S3cret', code: '23505' });
    const [shown] = entries((log) => {
      const error = new SyncError('unique_conflict', 'Refused.', { slice: 1 }, { cause });
      log.error('chunk not applied: postgres://u:S3cret@h/d', { error, payload: 'S3cret' });
    });
    expect(shown).toMatchObject({
      message: 'chunk not applied: postgres://[redacted]@h/d',
      error: { kind: 'unique_conflict', message: 'Refused.', cause: { name: 'Error', code: '23505' } },
      payload: '[redacted]',
    });
    expect(JSON.stringify(shown)).not.toContain('S3cret');
  });
});

describe('the log of the command line', () => {
  it('writes one JSON object a line', () => {
    const text = written('json', (log) => {
      log.info('chunks sent', { sync: 'orders', chunks: 2 });
      log.error('sync halted', { message: 'no', level: 'no', time: 'no' });
    });
    expect(text.endsWith('\n')).toBe(true);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { time: '2026-11-21T14:32:07.123Z', level: 'info', message: 'chunks sent', sync: 'orders', chunks: 2 },
      { time: '2026-11-21T14:32:07.123Z', level: 'error', message: 'sync halted' },
    ]);
  });

  it('writes a line for people: time in UTC, level, message, fields', () => {
    const error = new SyncError('target_busy', 'A lock was held.', { sync: 'orders' });
    const text = written('text', (log) => {
      log.info('chunks sent', { sync: 'orders', chunks: 2, slices: [0, 1], note: 'two words', empty: '' });
      log.warn('chunk not applied', { error });
      log.error('sync halted');
    });
    expect(text).toBe(
      [
        '14:32:07 info  chunks sent  sync=orders chunks=2 slices=[0,1] note="two words" empty=""',
        '14:32:07 warn  chunk not applied  error.kind=target_busy error.message="A lock was held." error.fields.sync=orders',
        '14:32:07 error sync halted',
        '',
      ].join('\n'),
    );
  });

  it('keeps an entry on its line and its colours out of the terminal', () => {
    const text = written('text', (log) =>
      log.info('one\ntwo', { a: 'x\u001b[31mred\r\n', 'b\nc': 1, d: '\u202e' }),
    );
    expect(text).toBe('14:32:07 info  one two  a="x\\u001b[31mred\\r\\n" b c=1 d=" "\n');
  });

  it.each(['json', 'text'] as const)('shows no secret as %s', (format) => {
    const text = written(format, (log) =>
      log.warn('postgres://u:S3cret@h/d', {
        url: 'postgres://u:S3cret@h/d',
        token: 'S3cret',
        row: ['S3cret'],
      }),
    );
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('S3cret');
  });
});

describe('fields that stand in every entry', () => {
  it('nest, and give way to an entry’s own', () => {
    const text = written('json', (log) =>
      withFields(withFields(log, { sync: 'orders', slice: 1 }), { slice: 2, planId: 'p' }).info('m', {
        planId: 'q',
      }),
    );
    expect(JSON.parse(text)).toMatchObject({ sync: 'orders', slice: 2, planId: 'q' });
  });
});
