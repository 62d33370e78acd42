import type { Command } from 'commander';
import type { CliIo } from '../io.ts';
import { type OperateFlags, operate } from '../operate.ts';
import { renderResume } from '../operation-report.ts';
import { configOption, deploymentOption, dryRunOption, jsonOption, localOption } from '../options.ts';

export function registerResume(program: Command, io: CliIo): void {
  program
    .command('resume')
    .helpGroup('Repair')
    .summary('end a pause')
    .description(
      'Ends the pause of the syncs: a plan in flight goes on where it was, and what came meanwhile is planned. A halt is not a pause: it ends by its remedy and "lakeferry run"; then this says why the sync is halted, and exits with 3.',
    )
    .argument('<sync...>', 'names of syncs')
    .addOption(dryRunOption())
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  lakeferry resume orders')
    .action(async (names: string[], flags: OperateFlags) => {
      const operated = await operate(names, { type: 'resume' }, flags, renderResume, io);
      if (operated.some(({ operation }) => operation.after.state === 'halted')) io.setExitCode(3);
    });
}
