import type { Command } from 'commander';
import { readStatus } from '../../sync/read-status.ts';
import { type CliIo, widthOf } from '../io.ts';
import { chooseSyncs, openLocal, withServices } from '../local-runtime.ts';
import { configOption, jsonOption, readConfigOption } from '../options.ts';
import { statusJson } from '../status-json.ts';
import { renderStatus } from '../status-report.ts';
import { styleFor } from '../style.ts';
import { statusExitCode } from '../sync-status.ts';
import { layoutFor } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface StatusFlags {
  readonly config: string;
  readonly local?: true;
  readonly json?: true;
}

export function registerStatus(program: Command, io: CliIo): void {
  program
    .command('status')
    .helpGroup('Run')
    .summary('where everything stands')
    .description(
      'Looks at every sync now: its checkpoint, what the target shows and what the source has. What cannot be looked at is "unknown".',
    )
    .argument('[sync...]', 'names of syncs; all of them when none is given')
    .option('--local', 'of the local stack, which "lakeferry local up" starts')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry status --local\n  lakeferry status customer_profiles --local --json',
    )
    .action((names: string[], flags: StatusFlags) => status(names, flags, io));
}

async function status(names: readonly string[], flags: StatusFlags, io: CliIo): Promise<void> {
  if (!flags.local) {
    throw new UsageError('The deployed stack cannot be looked at from here yet.', 'lakeferry status --local');
  }
  const config = await readConfigOption(flags, io);
  const syncs = chooseSyncs(config, names);
  const connections = await openLocal(io);
  const rows = await withServices(connections, io, false, (services) =>
    readStatus(services, syncs, io.signal),
  );
  if (flags.json) io.stdout.write(statusJson(rows));
  else {
    const options = {
      now: io.clock.now(),
      layout: layoutFor(io.stdout),
      width: widthOf(io.stdout),
      style: styleFor(io.stdout, io.env),
      title: 'local stack',
    };
    io.stdout.write(`${renderStatus(rows, options).join('\n')}\n`);
  }
  io.setExitCode(statusExitCode(rows));
}
