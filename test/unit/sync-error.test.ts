import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/usage-error.ts';
import { remedyFor } from '../../src/error/error-kind.ts';
import { asSyncError, SyncError } from '../../src/error/sync-error.ts';

describe('the remedy of an error', () => {
  it('is that of its kind, with the name of the sync', () => {
    const error = new SyncError('mass_delete', 'Too many.', { sync: 'orders' });
    expect(error.remedy).toBe(remedyFor('mass_delete', 'orders'));
  });

  it('is its own where it has one, also once its place is known', () => {
    const cause = new Error('the driver');
    const error = new SyncError('internal', 'It failed.', { at: 1 }, { cause, remedy: 'npx cdk deploy' });
    expect(error.remedy).toBe('npx cdk deploy');
    const placed = asSyncError(error, { sync: 'orders', at: 2 });
    expect(placed).toMatchObject({
      kind: 'internal',
      message: 'It failed.',
      remedy: 'npx cdk deploy',
      cause,
    });
    expect(placed.fields).toEqual({ sync: 'orders', at: 1 });
    expect(asSyncError(new UsageError('What?', 'lakeferry --help'), { sync: 'orders' }).remedy).toBe(
      'lakeferry --help',
    );
  });
});

describe('anything thrown', () => {
  it('stays what it is where nothing is to be added', () => {
    const error = new SyncError('usage', 'No.', { sync: 'orders' });
    expect(asSyncError(error)).toBe(error);
    expect(asSyncError(error, { sync: 'other' })).toBe(error);
  });

  it('is a fault of ours when it is no error of ours, and none of its text is told', () => {
    const error = asSyncError(new TypeError('a secret word'), { sync: 'orders' });
    expect(error.kind).toBe('internal');
    expect(error.message).not.toContain('secret');
  });
});
