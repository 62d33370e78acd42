import { defineConfig } from 'vitest/config';
import { COMMON } from './vitest.config.ts';

/** Everything that can break, one at a time and at random, where the other runs do a part of it. */
export default defineConfig({
  test: {
    ...COMMON,
    include: ['test/crash/**/*.test.ts'],
    env: { LAKEFERRY_TEST_CRASH: 'all' },
    testTimeout: 3_600_000,
  },
});
