import type { SyncError } from '../../error/sync-error.ts';
import { isRowFault } from './row-fault.ts';
import type { Transaction } from './transaction.ts';

/** `kept`: it is done. `fault`: a row's own fault kept it from being done, and nothing of it is left. */
export type Attempt<T> =
  | { readonly kept: T; readonly fault?: never }
  | { readonly kept?: never; readonly fault: SyncError };

interface AttemptScope {
  readonly tx: Transaction;
  /** Names of what enforces the key; see `isRowFault`. */
  readonly keyIndexes: ReadonlySet<string>;
}

const ENTER = 'savepoint lakeferry_attempt';
const LEAVE = 'release savepoint lakeferry_attempt';
const UNDO = ['rollback to savepoint lakeferry_attempt', LEAVE];

/** Does the work in a savepoint. Throws what is no row's fault; then the transaction is of no more use. */
export async function attempt<T>(scope: AttemptScope, work: () => Promise<T>): Promise<Attempt<T>> {
  await scope.tx.run([ENTER]);
  return undoneOnFault(scope, async () => {
    const kept = await work();
    await scope.tx.run([LEAVE]);
    return kept;
  });
}

/** The same for statements whose text is known beforehand, in one round trip; gives the rows that each wrote. */
export function attemptStatements(
  scope: AttemptScope,
  statements: readonly string[],
): Promise<Attempt<readonly number[]>> {
  return undoneOnFault(scope, async () => {
    const counts = await scope.tx.run([ENTER, ...statements, LEAVE]);
    return counts.slice(1, -1);
  });
}

async function undoneOnFault<T>(
  { tx, keyIndexes }: AttemptScope,
  work: () => Promise<T>,
): Promise<Attempt<T>> {
  try {
    return { kept: await work() };
  } catch (error) {
    if (!isRowFault(error, keyIndexes)) throw error;
    await tx.run(UNDO);
    return { fault: error };
  }
}
