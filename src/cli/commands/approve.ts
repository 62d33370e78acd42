import { type Command, Option } from 'commander';
import { haltCauseOf } from '../../checkpoint/checkpoint.ts';
import { throughOf } from '../../plan/plan.ts';
import { type Approval, approveDeletes } from '../../sync/approve-deletes.ts';
import { confirmSync } from '../confirm.ts';
import { inPlace } from '../in-place.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openRuntime } from '../open-runtime.ts';
import { configOption, deploymentOption, dryRunOption, jsonOption, localOption } from '../options.ts';
import { formatCount } from '../quantity.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from '../runtime.ts';
import { type Style, styleFor } from '../style.ts';
import { printable, wrap } from '../text.ts';

interface ApproveFlags extends RuntimeFlags {
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

export function registerApprove(program: Command, io: CliIo): void {
  program
    .command('approve')
    .helpGroup('Repair')
    .summary('let many rows be deleted')
    .description(
      'Lets a sync that halted before it deleted more of its target than maxDeletePercent allows go on: that one plan deletes what the cause says. The next one is judged anew. If the source lost the rows by mistake, restore it instead, and run the sync. A sync that is halted for another reason stays halted; then this exits with 3.',
    )
    .argument('<sync>', 'name of a sync')
    .addOption(dryRunOption())
    .addOption(new Option('--yes', 'do not ask for the name of the sync'))
    .addOption(localOption())
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  lakeferry approve orders --dry-run\n  lakeferry approve orders')
    .action((sync: string, flags: ApproveFlags) => approve(sync, flags, io));
}

async function approve(sync: string, flags: ApproveFlags, io: CliIo): Promise<void> {
  const runtime = await openRuntime(flags, io);
  chooseSyncs(runtime.config, [sync]);
  const style = styleFor(io.stdout, io.env, flags);
  const dryRun = flags.dryRun === true;
  const command = inPlace(`lakeferry approve ${sync}`, flags, io.env);
  const approval = await withServices(runtime, { needs: ['target'] }, io, async (services) => {
    const found = await approveDeletes(services, sync, { dryRun: true }, io.signal);
    if (dryRun || found.outcome !== 'approved') return found;
    if (!flags.yes && !flags.json) {
      io.stderr.write(`${wrap(printable(found.cause.message), widthOf(io.stderr)).join('\n')}\n`);
    }
    await confirmSync(sync, command, flags, io);
    return approveDeletes(services, sync, { dryRun: false }, io.signal);
  });
  if (flags.json) io.stdout.write(jsonDocument(approvalJson(sync, approval, dryRun), flags, io.env));
  else {
    const screen = renderApproval(sync, approval, { dryRun, style, width: widthOf(io.stdout) });
    io.stdout.write(`${screen.join('\n')}\n`);
  }
  if (needsAttention(approval)) io.setExitCode(3);
}

/** There is another plan by now, or the sync stays halted for another reason. */
function needsAttention(approval: Approval): boolean {
  if (approval.outcome === 'nothing_to_approve') return haltCauseOf(approval.checkpoint) !== undefined;
  return approval.outcome === 'superseded';
}

interface ApprovalOptions {
  readonly dryRun: boolean;
  readonly style: Style;
  readonly width: number;
}

/** Lines of `lakeferry approve`; the last one is what to do now. */
export function renderApproval(
  sync: string,
  approval: Approval,
  { dryRun, style, width }: ApprovalOptions,
): string[] {
  const name = style.bold(sync);
  const ok = style.green(style.symbols.ok);
  switch (approval.outcome) {
    case 'approved': {
      const through = formatCount(throughOf(approval.plan));
      const paragraph = wrap(printable(approval.cause.message), width - 2).map((line) => `  ${line}`);
      return dryRun
        ? [
            `${style.yellow(style.symbols.look)} ${name} waits for an approval of its plan through version ${through}.`,
            ...paragraph,
            `  ${style.command(`lakeferry approve ${sync}`)}`,
          ]
        : [
            `${ok} ${name} may delete these rows, in its plan through version ${through}. It goes on at the next tick.`,
            ...paragraph,
            `  ${style.command(`At once: lakeferry run ${sync}`)}`,
          ];
    }
    case 'nothing_to_approve': {
      const cause = haltCauseOf(approval.checkpoint);
      if (cause === undefined) return [`${ok} ${name} does not wait for an approval.`];
      return [
        `${style.red(style.symbols.bad)} ${name} is halted for another reason: ${cause.kind}.`,
        `  ${style.command(printable(cause.remedy))}`,
      ];
    }
    case 'superseded':
      return [
        `${style.yellow(style.symbols.look)} ${name} has another plan by now: what that one deletes is judged anew.`,
        `  ${style.command(`lakeferry status ${sync}`)}`,
      ];
    default:
      return approval satisfies never;
  }
}

function approvalJson(sync: string, approval: Approval, dryRun: boolean) {
  return {
    dryRun,
    sync,
    outcome: approval.outcome,
    plan:
      approval.outcome === 'approved' ? { id: approval.plan.id, through: throughOf(approval.plan) } : null,
    cause: approval.outcome === 'approved' ? approval.cause.message : null,
  };
}
