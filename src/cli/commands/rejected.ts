import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CliIo, widthOf } from '../io.ts';
import { chooseSyncs, openLocal, requireLocal, withServices } from '../local-runtime.ts';
import { configOption, jsonOption, localOption, readConfigOption } from '../options.ts';
import { rejectedJson, renderRejected } from '../rejected-report.ts';
import { styleFor } from '../style.ts';
import { layoutFor } from '../table.ts';

interface RejectedFlags {
  readonly config: string;
  readonly limit: number;
  readonly local?: true;
  readonly json?: true;
}

const MAX_LIMIT = 100_000;

export function registerRejected(program: Command, io: CliIo): void {
  program
    .command('rejected')
    .helpGroup('Repair')
    .summary('rows that were put aside')
    .description(
      'Lists the rows of a sync that the target could not hold and that "rejectedRows: quarantine" put aside: their keys, newest first, why, and how many there are in all. Keys are data: mind where the output goes.',
    )
    .argument('<sync>', 'name of a sync')
    .addOption(new Option('--limit <keys>', 'at most so many keys').default(20).argParser(parseLimit))
    .addOption(localOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry rejected orders --local\n  lakeferry rejected orders --local --limit 1000 --json',
    )
    .action((sync: string, flags: RejectedFlags) => rejected(sync, flags, io));
}

async function rejected(sync: string, flags: RejectedFlags, io: CliIo): Promise<void> {
  requireLocal(flags, `rejected ${sync}`);
  chooseSyncs(await readConfigOption(flags, io), [sync]);
  const connections = await openLocal(io);
  const found = await withServices(connections, io, false, ({ target }) =>
    target.readRejected(sync, flags.limit, io.signal),
  );
  if (flags.json) io.stdout.write(rejectedJson(sync, found));
  else {
    const style = styleFor(io.stdout, io.env);
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
