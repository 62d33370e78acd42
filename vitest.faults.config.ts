import { defineConfig } from 'vitest/config';
import { COMMON, FAULT_SUITES } from './vitest.config.ts';

/** More of the random histories than `npm test` takes are here, too. */
export default defineConfig({
  test: {
    ...COMMON,
    include: [...FAULT_SUITES, 'test/property/histories.test.ts'],
    env: { LAKEFERRY_TEST_HISTORIES: '80' },
  },
});
