import { defineConfig } from 'vitest/config';

/**
 * The suites that touch the source, on Apache Spark with Delta Lake. Whatever is written for the local warehouse is
 * entered here too: a suite needs no more than `startLake()`.
 */
export default defineConfig({
  test: {
    include: ['test/lakehouse/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/property/**/*.test.ts'],
    // These have no lake: the whole local stack as `local up` starts it, or none of it, and Postgres alone.
    exclude: [
      'test/e2e/{cli,commands,completion,deployed,deployed-control-planes,docs,doctor,init,plan-command}.test.ts',
      'test/property/refused-rows.test.ts',
    ],
    globalSetup: ['test/support/postgres-server.ts', 'test/support/spark-server.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
