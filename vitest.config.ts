import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The long ones first, so that no worker is left with one of them at the end. */
const LONG = [
  '/test/crash/',
  '/test/model/',
  '/test/soak/',
  '/test/property/',
  '/test/e2e/',
  '/test/postgres/',
  '/test/contract/',
  '/test/infra/',
  '/test/unit/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => LONG.findIndex((folder) => moduleId.includes(folder));
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** What breaks connections, processes, guards and the protocol takes minutes: `npm run test:faults`. */
export const FAULT_SUITES = [
  'test/faults/**/*.test.ts',
  'test/processes/**/*.test.ts',
  'test/crash/{changed-config,every-point,nothing-leaves,without-guards}.test.ts',
  'test/model/**/*.test.ts',
  'test/property/repeated-changes.test.ts',
  'test/soak/**/*.test.ts',
];

/** The servers of the local stack, on their own: `npm run test:local`. */
export const LOCAL_SUITES = [
  'test/contract/{duckdb,local,warehouse}-*.test.ts',
  'test/e2e/attached-tables.test.ts',
];

/**
 * What every run on DuckDB and Postgres has in common. The limits are for what hangs: a machine whose processors are
 * lent to others may take ten times as long as usual.
 */
export const COMMON: ViteUserConfig['test'] = {
  globalSetup: ['test/support/postgres-server.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 30_000 } },
  pool: 'forks',
  maxWorkers: 2,
  sequence: { sequencer: LongestFirst },
};

/**
 * Files that leave nothing behind in their process share one: half of their time is imports otherwise. Two put a console
 * of their own under the logger, which is made when the functions are loaded.
 */
const SHARING = ['test/{unit,postgres,contract}/**/*.test.ts', 'test/e2e/!(handlers|rotation).test.ts'];

export default defineConfig({
  test: {
    ...COMMON,
    // They wait for servers for a third of their time.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'isolated',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/bench/**',
            'test/lakehouse/**',
            'node_modules/**',
            ...FAULT_SUITES,
            ...LOCAL_SUITES,
            ...SHARING,
          ],
        },
      },
      { extends: true, test: { name: 'sharing', isolate: false, include: SHARING, exclude: LOCAL_SUITES } },
    ],
  },
});
