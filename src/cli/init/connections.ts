import type { Environment } from '../../config/environment-reader.ts';
import type { ConnectionSettings } from '../../config/lakeferry-config.ts';
import { UsageError } from '../usage-error.ts';
import type { InitFlags } from './flags.ts';
import type { Interview, OptionalQuestion, Question } from './interview.ts';
import { parseHost, parseHttpPath, parseRegion, parseSecretName } from './setting-answers.ts';

/** A setting of the connections that the file may lack. */
interface Asked extends Omit<OptionalQuestion<string>, 'given'> {
  readonly path: readonly [connection: keyof ConnectionSettings, key: string];
  readonly given: (flags: InitFlags) => string | undefined;
  /** Where one of them is set, the file need not have it. */
  readonly variables: readonly string[];
  readonly fallback?: string;
  readonly optional?: true;
}

const ASKED: readonly Asked[] = [
  {
    path: ['databricks', 'host'],
    flag: '--host <host>',
    what: 'Host of the Databricks workspace',
    given: ({ host }) => host,
    variables: ['DATABRICKS_HOST'],
    parse: parseHost,
  },
  {
    path: ['databricks', 'httpPath'],
    flag: '--http-path <path>',
    what: 'HTTP path of the SQL warehouse',
    given: ({ httpPath }) => httpPath,
    variables: ['DATABRICKS_HTTP_PATH'],
    parse: parseHttpPath,
  },
  {
    path: ['databricks', 'secret'],
    flag: '--databricks-secret <name>',
    what: 'Name of the secret for Databricks in AWS Secrets Manager',
    given: ({ databricksSecret }) => databricksSecret,
    variables: [],
    fallback: 'lakeferry/databricks',
    parse: parseSecretName,
  },
  {
    path: ['neon', 'secret'],
    flag: '--neon-secret <name>',
    what: 'Name of the secret for Neon in AWS Secrets Manager',
    given: ({ neonSecret }) => neonSecret,
    variables: [],
    fallback: 'lakeferry/neon',
    parse: parseSecretName,
  },
  {
    path: ['aws', 'region'],
    flag: '--region <region>',
    what: 'AWS region of the deployment',
    hint: 'empty for that of your AWS profile',
    given: ({ region }) => region,
    variables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    optional: true,
    parse: parseRegion,
  },
];

/** A setting to add to the file: by its question, or without one as it is. */
export type ConnectionAddition = Pick<Asked, 'path' | 'optional'> &
  ({ readonly question: Question<string> } | { readonly question?: undefined; readonly value: string });

/**
 * The settings to add to the file, or to begin it with where there is none (`has` is undefined): what neither it nor,
 * for what is no secret, the environment has. A new file gets what the environment says of the warehouse, since the
 * deployed functions read the file alone. The local stack needs none of them, so that nobody is asked there. Throws
 * `usage` for a flag that says other than the file.
 */
export function connectionAdditions(
  flags: InitFlags,
  has: ConnectionSettings | undefined,
  env: Environment,
): readonly ConnectionAddition[] {
  return ASKED.flatMap(
    ({ path, given: givenIn, variables, fallback, optional, ...asked }): ConnectionAddition[] => {
      const [connection, key] = path;
      const inFile = (has?.[connection] as Readonly<Record<string, string>> | undefined)?.[key];
      const given = givenIn(flags);
      if (inFile !== undefined) {
        if (given !== undefined && given !== inFile) throw alreadyThere(path, asked.flag, flags);
        return [];
      }
      const elsewhere = variables.map((variable) => env[variable]?.trim()).find((value) => value);
      const isNeeded = flags.local !== true && (elsewhere === undefined || (has === undefined && !optional));
      if (given === undefined && !isNeeded) {
        return has === undefined && fallback !== undefined ? [{ path, value: fallback }] : [];
      }
      const question = { ...asked, given: given ?? elsewhere, ...(fallback !== undefined && { fallback }) };
      return [{ path, question, ...(optional && { optional }) }];
    },
  );
}

export async function askConnections(
  interview: Interview,
  additions: readonly ConnectionAddition[],
): Promise<ConnectionSettings> {
  const found: Record<keyof ConnectionSettings, Record<string, string>> = {
    databricks: {},
    neon: {},
    aws: {},
  };
  for (const addition of additions) {
    const [connection, key] = addition.path;
    const value = await additionValue(addition, interview);
    if (value !== undefined) found[connection][key] = value;
  }
  return found;
}

async function additionValue(
  addition: ConnectionAddition,
  interview: Interview,
): Promise<string | undefined> {
  if (addition.question === undefined) return addition.value;
  return addition.optional ? interview.optional(addition.question) : interview.answer(addition.question);
}

function alreadyThere(path: Asked['path'], flag: string, { config }: InitFlags): UsageError {
  const name = flag.split(' ')[0];
  return new UsageError(
    `${config} has another connections.${path.join('.')} already, which is not changed.`,
    `Leave out ${name}, or change the file by hand`,
  );
}
