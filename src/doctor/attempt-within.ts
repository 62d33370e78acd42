import { SyncError } from '../error/sync-error.ts';
import { type Attempt, attempt } from '../sync/attempt.ts';
import { within } from '../telemetry/abort.ts';

/** `attempt` with a limit, after which the call is `cancelled`. Throws only when the caller's own signal aborts. */
export async function attemptWithin<T>(
  signal: AbortSignal,
  limitMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<Attempt<T>> {
  const message = `There was no answer within ${Math.round(limitMs / 1_000)} s.`;
  const late = (cause: unknown) => new SyncError('cancelled', message, {}, { cause });
  const made = await attempt(() => within(signal, limitMs, call, late));
  if (made.error) signal.throwIfAborted();
  return made;
}
