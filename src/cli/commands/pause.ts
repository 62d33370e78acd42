import { type Command, Option } from 'commander';
import type { CliIo } from '../io.ts';
import { type OperateFlags, operate } from '../operate.ts';
import { renderPause } from '../operation-report.ts';
import { configOption, deploymentOption, dryRunOption, jsonOption, localOption } from '../options.ts';

interface PauseFlags extends OperateFlags {
  readonly reason: string;
}

export function registerPause(program: Command, io: CliIo): void {
  program
    .command('pause')
    .helpGroup('Repair')
    .summary('plan nothing new')
    .description(
      'Plans nothing new for the syncs until "lakeferry resume". A plan in flight is let finish: chunks that were sent are still applied, others wait. Neon keeps serving what it has. A pause that outlasts what the source keeps of its changes ends in retention_gap.',
    )
    .argument('<sync...>', 'names of syncs')
    .addOption(new Option('--reason <text>', 'why, for whoever looks at the status').default('', 'none'))
    .addOption(dryRunOption())
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry pause orders --reason "index build"\n  lakeferry pause orders items --dry-run',
    )
    .action(async (names: string[], flags: PauseFlags) => {
      const by = operatorName(io);
      const event = { type: 'pause', by, reason: flags.reason, now: io.clock.now() } as const;
      await operate(names, event, flags, renderPause, io);
    });
}

/** Who is at the terminal, as far as its environment says. */
function operatorName({ env }: CliIo): string {
  return env['USER'] || env['LOGNAME'] || env['USERNAME'] || 'somebody';
}
