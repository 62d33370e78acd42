import { SyncError } from '../error/sync-error.ts';

/** Throws `cancelled` once the signal is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
}

export function cancelled(signal: AbortSignal): SyncError {
  return new SyncError(
    'cancelled',
    'The work was stopped before it was done; nothing of it was kept.',
    {},
    { cause: signal.reason },
  );
}

/**
 * Runs `call` under a signal that aborts after `limitMs`, too. Where it fails after that it fails with what `late` makes
 * of it, unless the caller's own signal aborted.
 */
export async function within<T>(
  signal: AbortSignal,
  limitMs: number,
  call: (limited: AbortSignal) => Promise<T>,
  late: (cause: unknown) => SyncError,
): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return await call(AbortSignal.any([signal, limit]));
  } catch (thrown) {
    throw limit.aborted && !signal.aborted ? late(thrown) : thrown;
  }
}

/**
 * Settles as `work` does, or rejects with `cancelled` as soon as the signal aborts; `onAbort` then tells the
 * other side to stop, and what `work` becomes is of no interest any more.
 */
export function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onAbort: () => void = () => {},
): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {});
    onAbort();
    return Promise.reject(cancelled(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      reject(cancelled(signal));
      onAbort();
    };
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
