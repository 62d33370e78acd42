import { asSyncError, type SyncError } from '../error/sync-error.ts';

/** What a call gave, or why it did not. */
export type Attempt<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: SyncError };

/** For whoever looks at many things and says of each what could not be seen. Never throws. */
export async function attempt<T>(call: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await call() };
  } catch (thrown) {
    return { error: asSyncError(thrown) };
  }
}
