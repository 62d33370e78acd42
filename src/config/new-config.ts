import { type ConfigAddition, inlineText, syncText } from './config-addition.ts';

/** The text of a lakeferry.yaml with one sync, for a folder that has none. */
export function newConfigText({ connections, sync }: ConfigAddition): string {
  const { databricks, neon, aws } = connections;
  const lines = [
    '# yaml-language-server: $schema=./lakeferry.schema.json',
    '#',
    "# One setting's help:  lakeferry explain syncs.deletes",
    '# The schema for editors:  lakeferry schema > lakeferry.schema.json',
    '',
    'connections:',
    '  databricks:',
    '    # DATABRICKS_HOST, DATABRICKS_HTTP_PATH and DATABRICKS_TOKEN in the environment go before these.',
    setting('host', databricks.host, 'dbc-a1b2c3d4-e5f6.cloud.databricks.com'),
    setting('httpPath', databricks.httpPath, '/sql/1.0/warehouses/0123456789abcdef'),
    '    # The name of a secret in AWS Secrets Manager, for the deployed functions. Never the secret itself.',
    setting('secret', databricks.secret, 'lakeferry/databricks'),
    '  neon:',
    '    # The same for the connection string of Neon; NEON_URL in the environment goes before it.',
    setting('secret', neon.secret, 'lakeferry/neon'),
    ...(aws.region === undefined ? [] : ['  aws:', setting('region', aws.region, '')]),
    '',
    'syncs:',
    ...indented(syncText(sync, 2)),
    '',
    '    # What else can stand here, with its default:',
    '    # where: is_active            # only these rows; a row that leaves the filter is deleted from the target',
    '    # deletes: hard               # soft sets softDeleteColumn, ignore keeps the row',
    '    # rejectedRows: halt          # quarantine puts aside what Postgres cannot hold, and goes on',
    ...(sync.schedule === undefined
      ? ['    # schedule: rate(5 minutes)   # how often to look for new commits; or continuous']
      : []),
    '',
  ];
  return lines.join('\n');
}

/** A setting of a connection; where it is not set, a comment that shows its form. */
function setting(key: string, value: string | undefined, example: string): string {
  return value === undefined ? `    # ${key}: ${example}` : `    ${key}: ${inlineText(value)}`;
}

function indented(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`));
}
