import { ensureMoto } from './aws/moto.ts';
import { ensurePgBouncer } from './pgbouncer/pgbouncer.ts';
import { ensurePostgres, OTHER_VERSIONS } from './postgres/versions.ts';
import { ensureCfnLint } from './templates/cfn-lint.ts';

/** Suites that run against another double than in `npm test`. */
export interface Part {
  readonly name: string;
  /** Installs what the part needs, if it is missing. Throws where that cannot be had. */
  prepare(): Promise<unknown>;
  /** The suites' settings, as in settings.ts. */
  readonly environment: Readonly<Record<string, string>>;
  readonly suites: readonly string[];
  /** Names of tests that make no sense here, with the reason. */
  readonly without?: Readonly<Record<string, string>>;
}

/** All that reaches Postgres over the product's own data path. */
const ON_POSTGRES = [
  'test/postgres/',
  'test/e2e/bad-input.test.ts',
  'test/e2e/control-path.test.ts',
  'test/e2e/control-recovery.test.ts',
  'test/e2e/handlers.test.ts',
  'test/e2e/target-of-the-guide.test.ts',
  'test/e2e/types.test.ts',
];

export const PARTS: readonly Part[] = [
  {
    name: 'aws',
    prepare: ensureMoto,
    environment: { LAKEFERRY_TEST_AWS: 'moto' },
    suites: [
      'test/contract/checkpoint-store.test.ts',
      'test/contract/chunk-queue.test.ts',
      'test/contract/dead-letter-queue.test.ts',
      'test/doubles/aws/',
    ],
  },
  {
    name: 'templates',
    prepare: ensureCfnLint,
    environment: { LAKEFERRY_TEST_TEMPLATES: 'cfn-lint' },
    suites: ['test/doubles/templates/'],
  },
  ...OTHER_VERSIONS.map((version) => ({
    name: `postgres-${version}`,
    prepare: () => ensurePostgres(version),
    environment: { LAKEFERRY_TEST_POSTGRES: version },
    suites: ON_POSTGRES,
  })),
  {
    name: 'pgbouncer',
    prepare: ensurePgBouncer,
    environment: { LAKEFERRY_TEST_POOLER: 'pgbouncer' },
    suites: [...ON_POSTGRES, 'test/doubles/pgbouncer/'],
    without: {
      'is used again, until it rested for too long':
        'it counts the connections of the server, and those are the pooler’s',
    },
  },
];

/** The parts of a name, `postgres` being all versions; all parts for no name. Throws for one that is none. */
export function resolveParts(names: readonly string[]): readonly Part[] {
  if (names.length === 0) return PARTS;
  return names.flatMap((name) => {
    const found = PARTS.filter((part) => part.name === name || part.name.startsWith(`${name}-`));
    if (found.length > 0) return found;
    const known = ['postgres', ...PARTS.map((part) => part.name)];
    throw new Error(`"${name}" is none of the parts: ${known.join(', ')}.`);
  });
}
