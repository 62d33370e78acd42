import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The long ones first, so that no worker is left with one of them at the end. */
const LONG = [
  '/test/crash/',
  '/test/faults/',
  '/test/model/',
  '/test/soak/',
  '/test/processes/',
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

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/lakehouse/**', 'node_modules/**'],
    globalSetup: ['test/support/postgres-server.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
