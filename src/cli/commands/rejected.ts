import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openRuntime } from '../open-runtime.ts';
import { configOption, deploymentOption, dryRunOption, jsonOption, localOption } from '../options.ts';
import { rejectedJson, renderRejected } from '../rejected-report.ts';
import { retryRejected } from '../retry-rejected.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from '../runtime.ts';
import { styleFor } from '../style.ts';
import { layoutFor } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface RejectedFlags extends RuntimeFlags {
  readonly limit: number;
  readonly retry?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const MAX_LIMIT = 100_000;

export function registerRejected(program: Command, io: CliIo): void {
  program
    .command('rejected')
    .helpGroup('Repair')
    .summary('rows that were put aside')
    .description(
      'Lists the rows of a sync that the target could not hold and that "rejectedRows: quarantine" put aside: their keys, newest first, why, and how many there are in all. Keys are data: mind where the output goes. With --retry they are read from the source again and applied, for when the target was changed to hold them; a change of such a row in the source does that by itself.',
    )
    .argument('<sync>', 'name of a sync')
    .addOption(new Option('--limit <keys>', 'at most so many keys').default(20).argParser(parseLimit))
    .option('--retry', 'sync, and try the rows that stand aside again')
    .addOption(dryRunOption())
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry rejected orders\n  lakeferry rejected orders --limit 1000 --json\n  lakeferry rejected orders --retry',
    )
    .action((sync: string, flags: RejectedFlags) => rejected(sync, flags, io));
}

async function rejected(sync: string, flags: RejectedFlags, io: CliIo): Promise<void> {
  if (flags.dryRun && !flags.retry) {
    throw new UsageError(
      'Without --retry nothing is changed.',
      `lakeferry rejected ${sync} --retry --dry-run`,
    );
  }
  const runtime = await openRuntime(flags, io);
  const [chosen] = chooseSyncs(runtime.config, [sync]);
  if (flags.retry && chosen) {
    const wanted = { dryRun: flags.dryRun === true, json: flags.json === true };
    return retryRejected({ runtime, sync: chosen, flags, ...wanted }, io);
  }
  const found = await withServices(runtime, { needs: ['target'] }, io, ({ target }) =>
    target.readRejected(sync, flags.limit, io.signal),
  );
  if (flags.json) io.stdout.write(jsonDocument(rejectedJson(sync, found)));
  else {
    const style = styleFor(io.stdout, io.env, flags);
    const layout = layoutFor(io.stdout);
    const options = { now: io.clock.now(), layout, style, width: widthOf(io.stdout) };
    io.stdout.write(`${renderRejected(sync, found, options).join('\n')}\n`);
  }
}

function parseLimit(text: string): number {
  const limit = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_LIMIT}.`);
}
