import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { ENGINES, type EngineName } from '../../local/engine-name.ts';
import { parseSourceTable, type SourceTable } from '../../schema/table-name.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openLocal, stackFolder } from '../local-runtime.ts';
import { jsonOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatDuration, formatNumber } from '../quantity.ts';
import { styleFor } from '../style.ts';
import { type Column, layoutFor, renderTable } from '../table.ts';
import { UsageError } from '../usage-error.ts';

export function registerLocal(program: Command, io: CliIo): void {
  const local = program
    .command('local')
    .helpCommand(false)
    .helpGroup('Begin')
    .summary('a whole stack on this machine')
    .description(
      'Postgres behind a Neon proxy, a SQL warehouse with Delta tables, SQS and DynamoDB: all on loopback, for the real drivers.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry local up\n  lakeferry local load orders.csv as main.gold.orders\n  lakeferry run --local --until-idle',
    );
  local
    .command('up')
    .summary('start it, until Ctrl-C')
    .description(
      'Starts the local stack in the foreground. Its data stay in .lakeferry/ and are there at the next start.',
    )
    .option('--fresh', 'forget the data of an earlier stack')
    .addOption(
      new Option(
        '--engine <name>',
        'what runs it: "spark" is Apache Spark with Delta Lake, and needs Java 17 and Python 3',
      )
        .choices(ENGINES)
        .default('duckdb'),
    )
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  lakeferry local up\n  lakeferry local up --fresh --engine spark')
    .action((flags: UpFlags) => up(flags, io));
  local
    .command('sql')
    .summary('run a statement on its warehouse')
    .description(
      'Runs one statement of Databricks SQL on the local warehouse and prints its rows. "-" reads it from stdin.',
    )
    .argument('<statement>')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nExamples:\n  lakeferry local sql "create table main.default.t (id int, name string) using delta"\n  lakeferry local sql "describe history main.default.t"`,
    )
    .action((statement: string, flags: { readonly json?: true }) => sql(statement, flags, io));
  local
    .command('load')
    .summary('a file as a Delta table of it')
    .description(
      'Reads a CSV, Parquet or JSON file into a Delta table of the local warehouse; a table that is there is replaced, in one commit.',
    )
    .argument('<file>', 'a .csv, .parquet or .json file')
    .argument('as', 'the word "as"')
    .argument('<table>', 'catalog.schema.table')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  lakeferry local load orders.csv as main.gold.orders')
    .action((file: string, as: string, table: string, flags: { readonly json?: true }) =>
      load(file, as, table, flags, io),
    );
  local
    .command('attach')
    .summary('a Delta table that others write')
    .description(
      'Makes the Delta table in a directory a table of the local warehouse, read-only and in its place: what its writers commit shows at the next statement. "drop table" lets it go.',
    )
    .argument('<directory>', 'the directory that holds _delta_log')
    .argument('as', 'the word "as"')
    .argument('<table>', 'catalog.schema.table')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  lakeferry local attach ./spark-warehouse/orders as main.gold.orders')
    .action((directory: string, as: string, table: string, flags: { readonly json?: true }) =>
      attach(directory, as, table, flags, io),
    );
}

const PART_NAMES = {
  postgres: 'Postgres',
  proxy: 'the Neon proxy',
  aws: 'SQS and DynamoDB',
  'spark-packages': 'Spark: installing it, once (about a minute and 1 GB)',
  'spark-jars': "Spark: installing Delta's jars, once",
  spark: 'Spark',
  warehouse: 'the SQL warehouse',
};

interface UpFlags {
  readonly fresh?: true;
  readonly engine: EngineName;
  readonly json?: true;
}

async function up(flags: UpFlags, io: CliIo): Promise<void> {
  const { startStack } = await import('../../local/stack.ts');
  const progress = new Progress(io.stderr, io.clock);
  const startedAt = io.clock.now();
  const stack = await startStack({
    folder: stackFolder(io),
    fresh: flags.fresh === true,
    engine: flags.engine,
    onPart: (part) => progress.update(`starting ${PART_NAMES[part]}`),
  }).finally(() => progress.clear());
  try {
    const { info } = stack;
    if (flags.json) io.stdout.write(jsonDocument(info));
    else {
      const { warehouse, aws } = info;
      const lines = [
        `The local stack is up, after ${formatDuration(io.clock.now() - startedAt)}. Ctrl-C stops it; its data stay in .lakeferry/.`,
        '',
        `  postgres   ${info.postgres}`,
        `  neon       ws://${info.neon}/v2`,
        `  warehouse  https://${warehouse.host}:${warehouse.port}${warehouse.path}`,
        `  sqs        ${aws.chunkQueueUrl}`,
        `  dynamodb   ${aws.dynamodb}  table ${aws.checkpointTable}`,
        '',
        'In another terminal, a table, its sync in lakeferry.yaml, and its rows in Postgres:',
        `  npm run -s lakeferry -- local sql "create table main.default.people as select 1 as id, 'Ana' as name"`,
        '  npm run -s lakeferry -- init main.default.people --local --target app.people --key id',
        '  npm run -s lakeferry -- run people --local --until-idle',
        '  npm run -s lakeferry -- status people --local',
      ];
      io.stdout.write(`${lines.join('\n')}\n`);
    }
    await new Promise<void>((done) => {
      if (io.signal.aborted) done();
      else io.signal.addEventListener('abort', () => done(), { once: true });
    });
  } finally {
    progress.update('stopping');
    await stack.close();
    progress.clear();
  }
}

async function sql(statement: string, flags: { readonly json?: true }, io: CliIo): Promise<void> {
  const asked = statement === '-' ? await text(process.stdin) : statement;
  const { runStatement } = await import('../../local/run-statement.ts');
  const { columns, rows } = await runStatement((await openLocal(io)).databricks, asked, io.signal);
  if (flags.json) {
    io.stdout.write(jsonDocument({ columns, rows }));
    return;
  }
  if (columns.length === 0) {
    io.stdout.write('Done.\n');
    return;
  }
  const style = styleFor(io.stdout, io.env);
  const shown: Column<readonly string[]>[] = columns.map((name, index) => ({
    header: name,
    cell: (row) => row[index] ?? '',
  }));
  const cells = rows.map((row) => columns.map((name) => cellText(row[name])));
  const lines = renderTable(shown, cells, { layout: layoutFor(io.stdout), width: widthOf(io.stdout), style });
  io.stdout.write(`${lines.join('\n')}\n`);
  io.stderr.write(`${formatNumber(rows.length, 'row')}\n`);
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function load(
  file: string,
  as: string,
  table: string,
  flags: { readonly json?: true },
  io: CliIo,
): Promise<void> {
  const name = readTable(`lakeferry local load ${file}`, as, table);
  const { loadFile } = await import('../../local/run-statement.ts');
  const progress = new Progress(io.stderr, io.clock);
  progress.update(`loading ${file}`);
  const { databricks } = await openLocal(io);
  const loaded = await loadFile(databricks, resolve(io.cwd, file), name, io.signal).finally(() =>
    progress.clear(),
  );
  if (flags.json) io.stdout.write(jsonDocument({ table, ...loaded }));
  else
    io.stdout.write(`Loaded ${formatNumber(loaded.rows, 'row')} into ${table}, version ${loaded.version}.\n`);
}

async function attach(
  directory: string,
  as: string,
  table: string,
  flags: { readonly json?: true },
  io: CliIo,
): Promise<void> {
  const name = readTable(`lakeferry local attach ${directory}`, as, table);
  const { attachTable } = await import('../../local/run-statement.ts');
  const { databricks } = await openLocal(io);
  const attached = await attachTable(databricks, resolve(io.cwd, directory), name, io.signal);
  if (flags.json) io.stdout.write(jsonDocument({ table, ...attached }));
  else io.stdout.write(`Attached ${directory} as ${table}, read-only, at version ${attached.version}.\n`);
}

/** What follows the first argument of load and attach: `as catalog.schema.table`. */
function readTable(command: string, as: string, table: string): SourceTable {
  if (as !== 'as')
    throw new UsageError(`Expected the word "as", not "${as}".`, `${command} as main.default.my_table`);
  const name = parseSourceTable(table);
  if (!name)
    throw new UsageError(`"${table}" is not catalog.schema.table.`, `${command} as main.default.${table}`);
  return name;
}
