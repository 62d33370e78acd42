import { SyncError } from '../error/sync-error.ts';
import { type Attempt, attempt } from '../sync/attempt.ts';

/** `attempt` with a limit, after which the call is `cancelled`. Throws only when the caller's own signal aborts. */
export async function attemptWithin<T>(
  signal: AbortSignal,
  limitMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<Attempt<T>> {
  const limit = AbortSignal.timeout(limitMs);
  const made = await attempt(() => call(AbortSignal.any([signal, limit])));
  if (made.error === undefined) return made;
  signal.throwIfAborted();
  if (!limit.aborted) return made;
  const message = `There was no answer within ${Math.round(limitMs / 1_000)} s.`;
  return { error: new SyncError('cancelled', message, {}, { cause: made.error }) };
}
