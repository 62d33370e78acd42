import { type Command, InvalidArgumentError } from 'commander';
import type { CliIo } from '../io.ts';
import { UsageError } from '../usage-error.ts';

interface DemoFlags {
  readonly keep?: true;
  readonly rows?: number;
  readonly changes?: number;
}

export function registerDemo(program: Command, io: CliIo): void {
  program
    .command('demo')
    .helpGroup('Begin')
    .summary('see it work here')
    .description(
      "Loads the guide's customer_profiles from a local Delta table into a local Postgres through the real drivers, changes the source, syncs the changes and proves that both are equal. Needs no account and no network.",
    )
    .option('--keep', 'leave the stack up, to try a change by hand')
    .option('--rows <number>', 'generated rows in place of the six', wholeNumber)
    .option('--changes <number>', 'generated changes to them (default: a tenth of the rows)', wholeNumber)
    .addHelpText('after', '\nExamples:\n  npm run demo\n  npm run demo -- --rows 200000 --changes 50000')
    .action(async ({ keep, rows, changes }: DemoFlags) => {
      if (rows === undefined && changes !== undefined) {
        throw new UsageError(
          '--changes is for generated rows.',
          `lakeferry demo --rows 100000 --changes ${changes}`,
        );
      }
      const generated =
        rows === undefined ? {} : { generated: { rows, changes: changes ?? Math.ceil(rows / 10) } };
      const { runDemo } = await import('../demo/run-demo.ts');
      const passed = await runDemo({ keep: keep === true, ...generated }, io);
      io.setExitCode(passed ? 0 : 1);
    });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('Give a whole number above 0.');
}
