import type { Command } from 'commander';
import type { DeadLetterQueue } from '../../queue/queue.ts';
import { redriveSync, surveyDeadLetters } from '../../sync/redrive.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openRuntime } from '../open-runtime.ts';
import { configOption, deploymentOption, dryRunOption, jsonOption, localOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatCount, formatNumber } from '../quantity.ts';
import { redrivenJson, renderRedriven, renderSurvey, surveyJson } from '../redrive-report.ts';
import { chooseSyncs, type Runtime, type RuntimeFlags, withServices } from '../runtime.ts';
import { styleFor } from '../style.ts';
import { layoutFor } from '../table.ts';

interface RedriveFlags extends RuntimeFlags {
  readonly dryRun?: true;
  readonly json?: true;
}

export function registerRedrive(program: Command, io: CliIo): void {
  program
    .command('redrive')
    .helpGroup('Repair')
    .summary('send failed chunks again')
    .description(
      "Moves messages from the dead-letter queue back to the chunk queue, all of them by SQS' own redrive or those of one sync, and waits until that is done: the plan that they belong to goes on where it was. However old they are, they do no harm: those of earlier plans are ignored.",
    )
    .argument('[sync]', "one sync, whose messages are picked out one by one; the others' stay")
    .addOption(dryRunOption())
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
SQS tells of a message only to whoever receives it: --dry-run receives each and
puts it back, and what somebody else holds at this moment is not counted.

Examples:
  lakeferry redrive --dry-run
  lakeferry redrive orders`,
    )
    .action((sync: string | undefined, flags: RedriveFlags) => redrive(sync, flags, io));
}

async function redrive(sync: string | undefined, flags: RedriveFlags, io: CliIo): Promise<void> {
  const runtime = await openRuntime(flags, io);
  if (sync !== undefined) chooseSyncs(runtime.config, [sync]);
  const { composeDeadLetters } = await import('../../compose.ts');
  const deadLetters = composeDeadLetters(runtime.aws);
  const progress = new Progress(io.stderr, io.clock);
  try {
    const work = { runtime, deadLetters, progress, sync, flags };
    await (flags.dryRun ? survey(work, io) : move(work, io));
  } finally {
    progress.clear();
    deadLetters.close();
  }
}

interface Work {
  readonly runtime: Runtime;
  readonly deadLetters: DeadLetterQueue;
  readonly progress: Progress;
  readonly sync: string | undefined;
  readonly flags: RedriveFlags;
}

async function survey({ runtime, deadLetters, progress, sync, flags }: Work, io: CliIo): Promise<void> {
  progress.update('looking at the dead letters');
  const found = await withServices(runtime, { needs: ['target'] }, io, (services) =>
    surveyDeadLetters(
      services,
      deadLetters,
      (looked) => progress.update(`looked at ${formatNumber(looked, 'dead letter')}`),
      io.signal,
    ),
  );
  progress.clear();
  if (flags.json) io.stdout.write(jsonDocument(surveyJson(found, sync)));
  else io.stdout.write(`${renderSurvey(found, sync, layoutOf(io, flags)).join('\n')}\n`);
}

async function move({ runtime, deadLetters, progress, sync, flags }: Work, io: CliIo): Promise<void> {
  progress.update('moving dead letters');
  const done =
    sync === undefined
      ? await deadLetters.moveAll(
          ({ moved, total }) =>
            progress.update(`moved ${formatCount(moved)} of ${formatNumber(total, 'dead letter')}`),
          io.signal,
        )
      : await withServices(runtime, { needs: [] }, io, (services) =>
          redriveSync(
            services,
            deadLetters,
            sync,
            (moved) => progress.update(`moved ${formatNumber(moved, 'dead letter')} of ${sync}`),
            io.signal,
          ),
        );
  progress.clear();
  if (flags.json) io.stdout.write(jsonDocument(redrivenJson(done, sync)));
  else io.stdout.write(`${renderRedriven(done, sync, layoutOf(io, flags)).join('\n')}\n`);
  if ('complete' in done && !done.complete) io.setExitCode(3);
}

function layoutOf({ stdout, env }: CliIo, flags: RedriveFlags) {
  return { layout: layoutFor(stdout), width: widthOf(stdout), style: styleFor(stdout, env, flags) };
}
