import type { SyncError } from '../../error/sync-error.ts';

/**
 * Tries the units, all at once first, and halves whatever fails until each failure is of one unit, which is then
 * handed to `reject`. `attempt` answers with the fault when nothing of its units was kept. About
 * bad × log2(units) attempts, in the units' order.
 */
export async function bisect<T>(
  units: readonly T[],
  attempt: (units: readonly T[]) => Promise<SyncError | undefined>,
  reject: (unit: T, fault: SyncError) => void,
): Promise<void> {
  if (units.length > 0) await bisectUnits(units, false, attempt, reject);
}

/** Whether all were kept. `knownBad`: one of several units is known to fail, so that trying all of them tells nothing. */
async function bisectUnits<T>(
  units: readonly T[],
  knownBad: boolean,
  attempt: (units: readonly T[]) => Promise<SyncError | undefined>,
  reject: (unit: T, fault: SyncError) => void,
): Promise<boolean> {
  const [first] = units as readonly [T];
  if (units.length === 1 || !knownBad) {
    const fault = await attempt(units);
    if (fault === undefined) return true;
    if (units.length === 1) {
      reject(first, fault);
      return false;
    }
  }
  const half = units.length >> 1;
  const leftKept = await bisectUnits(units.slice(0, half), false, attempt, reject);
  await bisectUnits(units.slice(half), leftKept, attempt, reject);
  return false;
}
