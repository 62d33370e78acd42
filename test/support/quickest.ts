const GOES = 10;

/**
 * Milliseconds of the quickest of ten goes, or of the first below `enoughMs`: a busy machine makes some of them late,
 * and not all.
 */
export async function quickestMs(enoughMs: number, go: () => unknown): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY;
  for (let goes = 0; goes < GOES && quickest >= enoughMs; goes++) {
    const startedAt = performance.now();
    await go();
    quickest = Math.min(quickest, performance.now() - startedAt);
  }
  return quickest;
}
