import { defineConfig, mergeConfig } from 'vitest/config';
import quick from './vitest.config.ts';

/** Everything that can break, one at a time and at random, where `npm test` does a part of it. */
export default mergeConfig(
  quick,
  defineConfig({
    test: {
      include: ['test/crash/**/*.test.ts'],
      env: { LAKEFERRY_TEST_CRASH: 'all' },
      testTimeout: 3_600_000,
    },
  }),
);
