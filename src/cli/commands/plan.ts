import type { Command } from 'commander';
import { parseConfig } from '../../config/parse-config.ts';
import { SyncError } from '../../error/sync-error.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { configOption, deploymentOption, jsonOption, localOption, readConfigOptionText } from '../options.ts';
import { noteOtherConfig } from '../other-config.ts';
import { planJson } from '../plan-json.ts';
import { renderPlan } from '../plan-report.ts';
import { planExitCode } from '../plan-sentence.ts';
import { Progress } from '../progress.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from '../runtime.ts';
import { styleFor } from '../style.ts';
import { openSurroundings } from '../surroundings.ts';

interface PlanFlags extends RuntimeFlags {
  readonly exact?: true;
  readonly json?: true;
}

export function registerPlan(program: Command, io: CliIo): void {
  program
    .command('plan')
    .helpGroup('Begin')
    .summary('what would happen')
    .description(
      'Says what the next tick would do for each sync, and writes nothing: the window or the first load, how much it changes, how it is cut, what becomes of the target table, and what it would halt for. Works before a deployment, too. Exits with 3 where a sync is halted or would halt, and with 1 where something could not be looked at.',
    )
    .argument('[sync...]', 'names of syncs; all of them when none is given')
    .option('--exact', 'count the changes in the warehouse, which reads all that the plan would read')
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry plan\n  lakeferry plan orders --exact\n  lakeferry plan --json --local',
    )
    .action((names: string[], flags: PlanFlags) => plan(names, flags, io));
}

async function plan(names: readonly string[], flags: PlanFlags, io: CliIo): Promise<void> {
  const text = await readConfigOptionText(flags, io);
  const config = parseConfig(text, flags.config);
  const syncs = chooseSyncs(config, names);
  const progress = new Progress(io.stderr, io.clock);
  const look = async () => {
    if (!flags.local) progress.update('looking for the deployment');
    const surroundings = await openSurroundings(config.connections, flags, io);
    progress.clear();
    const { deployment } = surroundings;
    const isThere = deployment !== undefined && !(deployment instanceof SyncError);
    if (isThere) noteOtherConfig(deployment, text, flags, io);
    const isMissing = deployment instanceof SyncError && deployment.kind === 'deployment_missing';
    const options = { exact: flags.exact === true, ...(isMissing && { undeployed: deployment.message }) };
    progress.update(`looking at ${syncs.map(({ name }) => name).join(', ')}`);
    const { previewPlans } = await import('../../sync/preview-plan.ts');
    return withServices(surroundings, { needs: ['source', 'target'] }, io, (services) =>
      previewPlans(services, syncs, options, io.signal),
    );
  };
  const previews = await look().finally(() => progress.clear());
  if (flags.json) io.stdout.write(jsonDocument(planJson(previews), flags, io.env));
  else {
    const style = styleFor(io.stdout, io.env, flags);
    const screen = renderPlan(previews, { now: io.clock.now(), width: widthOf(io.stdout), style });
    io.stdout.write(`${screen.join('\n')}\n`);
  }
  io.setExitCode(planExitCode(previews));
}
