import { CONFIG_FILE } from '../config/config-file.ts';
import { allSettings, type Setting } from '../config/setting.ts';
import { block, code, listed, pageText, plain, table } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';

/** A file with what most syncs need, and one sync that has nearly everything. */
export const EXAMPLE = `# yaml-language-server: $schema=./lakeferry.schema.json
connections:
  databricks:
    host: dbc-a1b2c3d4-e5f6.cloud.databricks.com
    httpPath: /sql/1.0/warehouses/0123456789abcdef
    secret: lakeferry/databricks     # a name in AWS Secrets Manager, never the secret itself
  neon:
    secret: lakeferry/neon
  aws:
    region: eu-central-1

defaults:                            # for every sync that does not say otherwise
  schedule: rate(15 minutes)

syncs:
  customers:
    source: main.gold.customers      # catalog.schema.table
    target: app.customers            # schema.table; created when missing
    primaryKey: customer_id

  orders:
    source: main.gold.orders
    target: app.orders
    primaryKey: [tenant_id, order_id]
    columns:
      exclude: [internal_note]
      rename: { ts: ordered_at }
      types: { tags: 'text[]' }      # jsonb otherwise
    where: status <> 'draft'         # a row that leaves the filter is deleted from the target
    deletes: soft
    softDeleteColumn: deleted_at
    metadata:                        # columns that Lakeferry fills
      commitVersion: _commit_version
      commitTimestamp: _commit_timestamp
      syncedAt: _synced_at
    rejectedRows: quarantine
    schedule: rate(5 minutes)
    maxLag: 30 minutes
`;

/** Every setting, with its type, default, help and examples. */
export const lakeferryYaml: ReferencePage = {
  path: 'docs/reference/lakeferry-yaml.md',
  make() {
    const settings = allSettings();
    const under = (part: string) => settings.filter(({ path }) => path.startsWith(`${part}.`));
    return pageText([
      madeFrom('src/config/file-schema.ts'),
      '',
      `# ${CONFIG_FILE}`,
      '',
      'One file, at the root of the checkout unless `--config` names another. All of its problems are reported at once, with',
      'line and column. `lakeferry explain syncs.deletes` prints one setting; editors complete from',
      '[lakeferry.schema.json](../../lakeferry.schema.json), which `lakeferry schema` prints.',
      '',
      ...block('yaml', EXAMPLE),
      '',
      '## connections',
      '',
      'Where the two databases are. For commands on your machine, the environment or a file `.env` goes before it:',
      '`DATABRICKS_HOST`, `DATABRICKS_HTTP_PATH`, `DATABRICKS_TOKEN` (or `DATABRICKS_CLIENT_ID` and',
      '`DATABRICKS_CLIENT_SECRET`), `NEON_URL`, `NEON_DIRECT_URL`, `AWS_REGION`.',
      '',
      ...sections(under('connections')),
      '## syncs',
      '',
      plain(descriptionOf(settings, 'syncs')),
      '',
      ...sections(under('syncs.<sync>')),
      '## defaults',
      '',
      `${plain(descriptionOf(settings, 'defaults'))} These may stand here: ${listed(defaultsOf(settings).map(code))}.`,
    ]);
  },
};

function sections(settings: readonly Setting[]): string[] {
  return settings
    .filter(({ type }) => type !== 'settings')
    .flatMap((setting) => {
      const { path, description, type, required, examples } = setting;
      const facts = [
        ['type', plain(type)],
        ['default', required ? 'none: it is required' : defaultText(setting)],
        ...(examples.length === 0
          ? []
          : [['example', examples.map((each) => code(yaml(each))).join(' or ')]]),
      ];
      return [`### ${code(path)}`, '', plain(description), '', ...table(['', ''], facts), ''];
    });
}

function defaultText({ default: fallback }: Setting): string {
  return fallback === undefined ? 'none' : code(yaml(fallback));
}

function descriptionOf(settings: readonly Setting[], path: string): string {
  return settings.find((setting) => setting.path === path)?.description ?? '';
}

/** Names of the settings directly under `defaults`. */
function defaultsOf(settings: readonly Setting[]): string[] {
  return settings.flatMap(({ path }) => /^defaults\.(\w+)$/.exec(path)?.[1] ?? []);
}

/** A value as it stands in the file. */
function yaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yaml).join(', ')}]`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
