import { describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { cancelled, within } from '../../src/telemetry/abort.ts';

describe('a call within a limit', () => {
  const NEVER = new AbortController().signal;
  const LONG_MS = 600_000;
  const late = (cause: unknown) => new SyncError('target_unavailable', 'late', {}, { cause });
  const endless = (limited: AbortSignal) =>
    new Promise<never>((_, reject) => {
      limited.addEventListener('abort', () => reject(cancelled(limited)));
    });

  it('gives what it gives', async () => {
    expect(await within(NEVER, LONG_MS, async () => 'answer', late)).toBe('answer');
  });

  it('throws what it throws', async () => {
    const broken = async () => {
      throw new Error('broken');
    };
    await expect(within(NEVER, LONG_MS, broken, late)).rejects.toThrow('broken');
  });

  it('is late after the limit, and tells what it threw then', async () => {
    const failure = await within(NEVER, 1, endless, late).catch((error: SyncError) => error);
    expect(failure).toMatchObject({ kind: 'target_unavailable', cause: { kind: 'cancelled' } });
  });

  it('is stopped by its caller, and not late', async () => {
    const stop = new AbortController();
    const stopped = within(stop.signal, LONG_MS, endless, late);
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
