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

bash, with the package bash-completion
  echo 'source <(lakeferry completion bash)' >> ~/.bashrc
zsh, below the line with compinit
  echo 'source <(lakeferry completion zsh)' >> ~/.zshrc
fish
  lakeferry completion fish > ~/.config/fish/completions/lakeferry.fish
powershell
  lakeferry completion powershell >> $PROFILE

It completes the word "lakeferry", which must be a command of the shell. In a
clone of the repository, this makes it one:
  lakeferry() { node_modules/.bin/node src/cli/main.ts "$@"; }`,
    )
    .action((shell: Shell) => {
      io.stdout.write(completionScript(shell));
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      io.stdout.write(await completionsOf(program, words, io.cwd));
    });
}
