/** How much of what can break is tried: `LAKEFERRY_TEST_CRASH=all`, as `npm run test:crash` sets it, or a part. */
export const TRY_ALL = process.env['LAKEFERRY_TEST_CRASH'] === 'all';

/** Random histories; `LAKEFERRY_TEST_CRASH_RUNS` where there are to be more or fewer. */
export const RANDOM_RUNS = Number(process.env['LAKEFERRY_TEST_CRASH_RUNS'] ?? (TRY_ALL ? 150 : 8));
