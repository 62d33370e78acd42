import type { Command } from 'commander';
import type { CliIo } from '../cli/io.ts';
import { EXIT_CODES } from '../cli/overview.ts';
import { createProgram, runCli } from '../cli/program.ts';
import { systemClock } from '../telemetry/clock.ts';
import { block, pageText } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';

/** Each command's help, in the order of the overview. */
export const cli: ReferencePage = {
  path: 'docs/reference/cli.md',
  async make() {
    const program = createProgram(world(() => {}));
    const commands = await Promise.all(visible(program).map((command) => sections(command, [])));
    return pageText([
      madeFrom('the help of the commands'),
      '',
      '# The command line',
      '',
      'In a checkout, `lakeferry` is `npm run -s lakeferry --`. Without arguments it prints this:',
      '',
      ...block('', await printed([])),
      '',
      'Each command ends with one of these codes, with and without `--json`; the documents that `--json` prints are in',
      '[exit-codes-and-json.md](exit-codes-and-json.md).',
      '',
      ...commands.flat(),
    ]);
  },
};

/** Without those that only programs call. */
function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

async function sections(command: Command, above: readonly string[]): Promise<string[]> {
  const names = [...above, command.name()];
  const help = (await printed([...names, '--help'])).replace(`\n${EXIT_CODES}\n`, '');
  const below = await Promise.all(visible(command).map((each) => sections(each, names)));
  return [
    `${'#'.repeat(1 + names.length)} lakeferry ${names.join(' ')}`,
    '',
    ...block('', help),
    '',
    ...below.flat(),
  ];
}

async function printed(args: readonly string[]): Promise<string> {
  let text = '';
  const code = await runCli(
    args,
    world((part) => {
      text += part;
    }),
  );
  if (code !== 0) throw new Error(`lakeferry ${args.join(' ')} ended with ${code}.`);
  return text;
}

/** No terminal: 100 columns, no colours. */
function world(write: (text: string) => void): CliIo {
  return {
    stdout: { write },
    stderr: { write: () => {} },
    env: { LANG: 'C.UTF-8' },
    cwd: '/',
    clock: systemClock,
    signal: new AbortController().signal,
    setExitCode: () => {},
  };
}
