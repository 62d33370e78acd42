import type { Command } from 'commander';
import type { Connections } from '../../config/connections.ts';
import type { DeadLetterQueue } from '../../queue/queue.ts';
import { redriveSync, surveyDeadLetters } from '../../sync/redrive.ts';
import { type CliIo, widthOf } from '../io.ts';
import { chooseSyncs, openLocal, requireLocal, withServices } from '../local-runtime.ts';
import { configOption, dryRunOption, jsonOption, localOption, readConfigOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatCount, formatNumber } from '../quantity.ts';
import { redrivenJson, renderRedriven, renderSurvey, surveyJson } from '../redrive-report.ts';
import { styleFor } from '../style.ts';
import { layoutFor } from '../table.ts';

interface RedriveFlags {
  readonly config: string;
  readonly local?: true;
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
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
SQS tells of a message only to whoever receives it: --dry-run receives each and puts it back, and what somebody else
holds at this moment is not counted.

Examples:
  lakeferry redrive --local --dry-run
  lakeferry redrive orders --local`,
    )
    .action((sync: string | undefined, flags: RedriveFlags) => redrive(sync, flags, io));
}

async function redrive(sync: string | undefined, flags: RedriveFlags, io: CliIo): Promise<void> {
  requireLocal(flags, sync === undefined ? 'redrive' : `redrive ${sync}`);
  if (sync !== undefined) chooseSyncs(await readConfigOption(flags, io), [sync]);
  const connections = await openLocal(io);
  const { composeDeadLetters } = await import('../../compose.ts');
  const deadLetters = composeDeadLetters(connections.aws);
  const progress = new Progress(io.stderr, io.clock);
  try {
    const work = { connections, deadLetters, progress, sync, json: flags.json === true };
    await (flags.dryRun ? survey(work, io) : move(work, io));
  } finally {
    progress.clear();
    deadLetters.close();
  }
}

interface Work {
  readonly connections: Connections;
  readonly deadLetters: DeadLetterQueue;
  readonly progress: Progress;
  readonly sync: string | undefined;
  readonly json: boolean;
}

async function survey({ connections, deadLetters, progress, sync, json }: Work, io: CliIo): Promise<void> {
  progress.update('looking at the dead letters');
  const found = await withServices(connections, io, false, (services) =>
    surveyDeadLetters(
      services,
      deadLetters,
      (looked) => progress.update(`looked at ${formatNumber(looked, 'dead letter')}`),
      io.signal,
    ),
  );
  progress.clear();
  if (json) io.stdout.write(surveyJson(found, sync));
  else io.stdout.write(`${renderSurvey(found, sync, layoutOf(io)).join('\n')}\n`);
}

async function move({ connections, deadLetters, progress, sync, json }: Work, io: CliIo): Promise<void> {
  progress.update('moving dead letters');
  const done =
    sync === undefined
      ? await deadLetters.moveAll(
          ({ moved, total }) =>
            progress.update(`moved ${formatCount(moved)} of ${formatNumber(total, 'dead letter')}`),
          io.signal,
        )
      : await withServices(connections, io, false, (services) =>
          redriveSync(
            services,
            deadLetters,
            sync,
            (moved) => progress.update(`moved ${formatNumber(moved, 'dead letter')} of ${sync}`),
            io.signal,
          ),
        );
  progress.clear();
  if (json) io.stdout.write(redrivenJson(done, sync));
  else io.stdout.write(`${renderRedriven(done, sync, layoutOf(io)).join('\n')}\n`);
  if ('complete' in done && !done.complete) io.setExitCode(3);
}

function layoutOf(io: CliIo) {
  return { layout: layoutFor(io.stdout), width: widthOf(io.stdout), style: styleFor(io.stdout, io.env) };
}
