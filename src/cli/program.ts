import { Command, CommanderError } from 'commander';
import { asSyncError, type SyncError } from '../error/sync-error.ts';
import { registerApprove } from './commands/approve.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDemo } from './commands/demo.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerExplain } from './commands/explain.ts';
import { registerInit } from './commands/init.ts';
import { registerLocal } from './commands/local.ts';
import { registerLogs } from './commands/logs.ts';
import { registerPause } from './commands/pause.ts';
import { registerPlan } from './commands/plan.ts';
import { registerRedrive } from './commands/redrive.ts';
import { registerRejected } from './commands/rejected.ts';
import { registerResume } from './commands/resume.ts';
import { registerRun } from './commands/run.ts';
import { registerSchema } from './commands/schema.ts';
import { registerStatus } from './commands/status.ts';
import { registerVersion, VERSION } from './commands/version.ts';
import { errorJson, exitCodeOf, renderError } from './error-report.ts';
import type { PlaceFlags } from './in-place.ts';
import { type CliIo, type ExitCode, widthOf } from './io.ts';
import { jsonDocument } from './json-document.ts';
import { EXIT_CODES, renderOverview } from './overview.ts';
import { styleFor } from './style.ts';
import { UsageError } from './usage-error.ts';

/** Adds one command. Its group, summary and options are its own; what is heavy it imports when it runs. */
export type Register = (program: Command, io: CliIo) => void;

/** In order of use within each group. */
const COMMANDS: readonly Register[] = [
  registerDemo,
  registerLocal,
  registerInit,
  registerDoctor,
  registerPlan,
  registerRun,
  registerStatus,
  registerLogs,
  registerRedrive,
  registerRejected,
  registerApprove,
  registerPause,
  registerResume,
  registerExplain,
  registerSchema,
  registerCompletion,
  registerVersion,
];

/** What certainly holds of a command that was interrupted: these write once at the end, or not at all. */
const ONLY_LOOK: ReadonlySet<string> = new Set(['init', 'doctor', 'plan', 'status', 'logs']);
const NO_HALF = 'No chunk is half applied; the next run goes on from here.';

/** Runs one command line (without node and script) and answers how the process should end. Never throws. */
export async function runCli(
  args: readonly string[],
  world: Omit<CliIo, 'setExitCode'>,
  commands: readonly Register[] = COMMANDS,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const io: CliIo = {
    ...world,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  let flags: PlaceFlags = {};
  let interrupted = NO_HALF;
  const program = createProgram(io, commands);
  try {
    program.hook('preAction', (_, command) => {
      flags = command.opts();
      if (ONLY_LOOK.has(command.name())) interrupted = 'Nothing was written.';
    });
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    if (io.signal.aborted) {
      io.stderr.write(`Interrupted. ${interrupted}\n`);
      return 130;
    }
    const error =
      thrown instanceof CommanderError ? usageErrorOf(thrown, helpFor(program, args)) : asSyncError(thrown);
    return reportFailure(error, wantsJson(args), flags, io);
  }
}

/** Every command with its options. */
export function createProgram(io: CliIo, commands: readonly Register[] = COMMANDS): Command {
  const program = new Command('lakeferry')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: () => {},
      getOutHelpWidth: () => widthOf(io.stdout),
      getOutHasColors: () => false,
    })
    .helpCommand(false)
    .version(VERSION, '--version', 'print the version')
    .addHelpText('afterAll', ({ command }) => (command.parent ? `\n${EXIT_CODES}\n` : ''));
  for (const register of commands) register(program, io);
  const overview = () => renderOverview(program, styleFor(io.stdout, io.env), widthOf(io.stdout));
  program.helpInformation = overview;
  return program;
}

/** Before the command line is understood: `--json` anywhere before a lone `--`. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).includes('--json');
}

function reportFailure(error: SyncError, json: boolean, flags: PlaceFlags, io: CliIo): ExitCode {
  if (json) io.stdout.write(jsonDocument(errorJson(error), flags, io.env));
  else {
    const options = { width: widthOf(io.stderr), style: styleFor(io.stderr, io.env, flags) };
    io.stderr.write(`${renderError(error, options).join('\n')}\n`);
  }
  return exitCodeOf(error);
}

/** The command line that shows how the command of `args` is typed. */
function helpFor(program: Command, args: readonly string[]): string {
  const names = [program.name()];
  let command: Command | undefined = program;
  for (const word of args) {
    command = command.commands.find((each) => each.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return [...names, '--help'].join(' ');
}

/** commander's message is `error: <what>`, with its suggestion in parentheses on a line of its own. */
function usageErrorOf(error: CommanderError, help: string): UsageError {
  const [first = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const what = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.?$/, '.');
  if (error.code === 'commander.help') return new UsageError('No command was given.', help);
  return new UsageError(what, hint?.replace(/^\((.*)\)$/, '$1') ?? help);
}
