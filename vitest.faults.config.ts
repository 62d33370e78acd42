import { defineConfig } from 'vitest/config';
import { COMMON, FAULT_SUITES } from './vitest.config.ts';

/** More of the random histories than `npm test` takes are here, too. */
export default defineConfig({
  test: {
    ...COMMON,
    // They wait for servers, and for time to pass.
    maxWorkers: 3,
    include: [...FAULT_SUITES, 'test/property/histories.test.ts'],
    env: { LAKEFERRY_TEST_HISTORIES: '80' },
  },
});
