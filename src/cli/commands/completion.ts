import { Argument, type Command } from 'commander';
import { completionScript, completionsOf, SHELLS, type Shell } from '../completion.ts';
import type { CliIo } from '../io.ts';

export function registerCompletion(program: Command, io: CliIo): void {
  program
    .command('completion')
    .helpGroup('More')
    .summary('completion in the shell')
    .description(
      'Prints the script by which a shell completes commands, options and their values, and the names of the syncs in lakeferry.yaml.',
    )
    .addArgument(new Argument('<shell>', 'the shell that is to read it').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples, to have it in every new shell:

bash
  lakeferry completion bash > ~/.lakeferry.bash
  echo 'source ~/.lakeferry.bash' >> ~/.bashrc
zsh
  lakeferry completion zsh > ~/.lakeferry.zsh
  echo 'source ~/.lakeferry.zsh' >> ~/.zshrc
fish
  mkdir -p ~/.config/fish/completions
  lakeferry completion fish > ~/.config/fish/completions/lakeferry.fish
powershell, not tried yet
  New-Item -Force -ItemType Directory (Split-Path $PROFILE)
  lakeferry completion powershell | Add-Content $PROFILE

It completes the word "lakeferry", which must be a command of the shell. In a
clone of the repository, this makes it one:
bash, zsh
  lakeferry() { node_modules/.bin/node src/cli/main.ts "$@"; }
fish
  function lakeferry; node_modules/.bin/node src/cli/main.ts $argv; end
powershell
  function lakeferry { node_modules/.bin/node src/cli/main.ts @args }`,
    )
    .action(async (shell: Shell) => {
      io.stdout.write(await completionScript(shell));
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      io.stdout.write(await completionsOf(program, words, io.cwd));
    });
}
