import { type Command, Option } from 'commander';
import type { InitFlags } from '../init/flags.ts';
import type { CliIo } from '../io.ts';
import { configOption, dryRunOption, jsonOption } from '../options.ts';

export function registerInit(program: Command, io: CliIo): void {
  program
    .command('init')
    .helpGroup('Begin')
    .summary('write lakeferry.yaml')
    .description(
      'Looks at a Delta table and writes a sync of it into lakeferry.yaml: a new file, or one that is there, of which nothing else is changed. At a terminal it asks for what no flag says. It writes names of secrets, never a secret.',
    )
    .argument('[table]', 'the Delta table, as catalog.schema.table')
    .option('--name <name>', 'name of the sync; that of the table when absent')
    .option(
      '--target <schema.table>',
      'the Postgres table; as in the source, without its catalog, when absent',
    )
    .option('--key <columns>', 'the columns that identify a row, separated by commas')
    .option('--exclude <columns>', 'columns to leave out, separated by commas')
    .option('--schedule <expression>', 'how often to look for changes (default: rate(5 minutes))')
    .option('--host <host>', 'of the Databricks workspace, unless DATABRICKS_HOST says it')
    .option('--http-path <path>', 'of the SQL warehouse, unless DATABRICKS_HTTP_PATH says it')
    .option(
      '--databricks-secret <name>',
      'of a secret in AWS Secrets Manager (default: lakeferry/databricks)',
    )
    .option('--neon-secret <name>', 'of a secret in AWS Secrets Manager (default: lakeferry/neon)')
    .option('--region <region>', 'of AWS; that of your AWS profile when absent')
    .option('--no-look', 'do not look at the table: there is no access to it yet')
    .addOption(
      new Option('--local', 'look at the table on the local stack, which "lakeferry local up" starts'),
    )
    .option('--yes', 'take every default, and ask nothing')
    .addOption(dryRunOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  lakeferry init
  lakeferry init main.gold.orders --key order_id --dry-run
  lakeferry init main.gold.orders --target app.orders --key tenant_id,order_id --yes
  lakeferry init main.gold.orders --key order_id --no-look`,
    )
    .action(async (table: string | undefined, flags: InitFlags) => {
      // Loaded only here, with the schema of the file and the editor of YAML.
      const { runInit } = await import('../init/run-init.ts');
      await runInit(table, flags, io);
    });
}
