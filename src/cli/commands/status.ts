import type { Command } from 'commander';
import { readStatus } from '../../sync/read-status.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openRuntime } from '../open-runtime.ts';
import { configOption, deploymentOption, jsonOption, localOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { chooseSyncs, type Runtime, type RuntimeFlags, withServices } from '../runtime.ts';
import { statusJson } from '../status-json.ts';
import { renderStatus, type StatusLook } from '../status-report.ts';
import { styleFor } from '../style.ts';
import { statusExitCode } from '../sync-status.ts';
import { layoutFor } from '../table.ts';
import { watch } from '../watch.ts';

interface StatusFlags extends RuntimeFlags {
  readonly watch?: true;
  readonly json?: true;
}

export function registerStatus(program: Command, io: CliIo): void {
  program
    .command('status')
    .helpGroup('Run')
    .summary('where everything stands')
    .description(
      'Looks at every sync now: its checkpoint, what the target shows and what the source has. What cannot be looked at is "unknown". Exits with 3 where a sync is halted, also behind a pause, is over its maxLag or drifts from its source, and with 1 where something could not be looked at.',
    )
    .argument('[sync...]', 'names of syncs; all of them when none is given')
    .option(
      '--watch',
      'look again every 2 s until Ctrl-C, and mark what changed; the warehouse stays awake for it',
    )
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry status\n  lakeferry status customer_profiles --json\n  lakeferry status --watch --deployment prod\n  lakeferry status --local',
    )
    .action((names: string[], flags: StatusFlags) => status(names, flags, io));
}

async function status(names: readonly string[], flags: StatusFlags, io: CliIo): Promise<void> {
  const runtime = await openRuntime(flags, io);
  const syncs = chooseSyncs(runtime.config, names);
  // For the first look alone, which a warehouse that starts may keep waiting: a frame that is watched stays in its place.
  const progress = new Progress(io.stderr, io.clock);
  if (!flags.json) progress.update(`looking at ${syncs.map(({ name }) => name).join(', ')}`);
  await withServices(runtime, { needs: ['source', 'target'] }, io, async (services) => {
    const look = async (): Promise<StatusLook> => {
      const at = io.clock.now();
      const rows = await readStatus(services, syncs, io.signal);
      progress.clear();
      return { at, rows };
    };
    if (flags.watch) {
      let earlier: StatusLook | undefined;
      return watch(io, async () => {
        const seen = await look();
        const frame = flags.json
          ? jsonDocument(statusJson(seen.rows), flags, io.env)
          : render(seen, runtime, flags, io, earlier);
        if (io.stdout.isTTY) earlier = seen;
        return frame;
      });
    }
    const seen = await look();
    io.stdout.write(
      flags.json ? jsonDocument(statusJson(seen.rows), flags, io.env) : render(seen, runtime, flags, io),
    );
    io.setExitCode(statusExitCode(seen.rows));
  }).finally(() => progress.clear());
}

/** Dated by when the look began: what is shown was so then, or later. */
function render(
  { at, rows }: StatusLook,
  { title }: Runtime,
  flags: StatusFlags,
  io: CliIo,
  earlier?: StatusLook,
): string {
  const style = styleFor(io.stdout, io.env, flags);
  const options = {
    now: at,
    layout: layoutFor(io.stdout),
    width: widthOf(io.stdout),
    style,
    title: title.join(` ${style.symbols.dot} `),
    ...(earlier && { earlier }),
  };
  return `${renderStatus(rows, options).join('\n')}\n`;
}
