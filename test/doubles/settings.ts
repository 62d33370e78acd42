import { OTHER_VERSIONS, type OtherVersion } from './postgres/versions.ts';

/** What the suites run against; `npm run test:doubles` sets it, and whoever wants to look at one file. */
export interface DoubleSettings {
  /** `LAKEFERRY_TEST_POSTGRES`: undefined for the version of the local stack. */
  readonly postgres: OtherVersion | undefined;
  /** `LAKEFERRY_TEST_POOLER`: whether the Neon proxy leads to PgBouncer instead of straight to the server. */
  readonly pooler: boolean;
  /** `LAKEFERRY_TEST_AWS`: where the contract suites' DynamoDB and SQS come from. */
  readonly aws: 'local' | 'moto';
  /** `LAKEFERRY_TEST_TEMPLATES`: whether cfn-lint reads the stack's templates. */
  readonly templates: boolean;
}

export function readDoubleSettings(environment: NodeJS.ProcessEnv = process.env): DoubleSettings {
  const postgres = read(environment, 'LAKEFERRY_TEST_POSTGRES', ['18', ...OTHER_VERSIONS]);
  const pooler = read(environment, 'LAKEFERRY_TEST_POOLER', ['none', 'pgbouncer']);
  const aws = read(environment, 'LAKEFERRY_TEST_AWS', ['local', 'moto']);
  const templates = read(environment, 'LAKEFERRY_TEST_TEMPLATES', ['none', 'cfn-lint']);
  return {
    postgres: postgres === '18' ? undefined : postgres,
    pooler: pooler === 'pgbouncer',
    aws,
    templates: templates === 'cfn-lint',
  };
}

/** The first value is what holds when the variable is not set. */
function read<const Value extends string>(
  environment: NodeJS.ProcessEnv,
  variable: string,
  values: readonly [Value, ...Value[]],
): Value {
  const text = environment[variable] ?? values[0];
  const found = values.find((value) => value === text);
  if (found === undefined) throw new Error(`${variable} is none of: ${values.join(', ')}.`);
  return found;
}
