import type { Command } from 'commander';
import { readStatus } from '../../sync/read-status.ts';
import { type CliIo, widthOf } from '../io.ts';
import { configOption, deploymentOption, jsonOption, localOption } from '../options.ts';
import { chooseSyncs, openRuntime, type RuntimeFlags, withServices } from '../runtime.ts';
import { statusJson } from '../status-json.ts';
import { renderStatus } from '../status-report.ts';
import { styleFor } from '../style.ts';
import { statusExitCode } from '../sync-status.ts';
import { layoutFor } from '../table.ts';

interface StatusFlags extends RuntimeFlags {
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
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry status --local\n  lakeferry status customer_profiles --local --json',
    )
    .action((names: string[], flags: StatusFlags) => status(names, flags, io));
}

async function status(names: readonly string[], flags: StatusFlags, io: CliIo): Promise<void> {
  const runtime = await openRuntime(flags, io);
  const syncs = chooseSyncs(runtime.config, names);
  const rows = await withServices(runtime, { needs: ['source', 'target'] }, io, (services) =>
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
