import { asSyncError, SyncError } from '../error/sync-error.ts';

export type Attempt<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: SyncError };

/**
 * What the call gives, or why it does not; `cancelled` when it takes longer than `limitMs`. Throws only when the
 * caller's own signal aborts.
 */
export async function attempt<T>(
  signal: AbortSignal,
  limitMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<Attempt<T>> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return { value: await call(AbortSignal.any([signal, limit])) };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!limit.aborted) return { error: asSyncError(thrown) };
    const message = `There was no answer within ${Math.round(limitMs / 1_000)} s.`;
    return { error: new SyncError('cancelled', message, {}, { cause: thrown }) };
  }
}
