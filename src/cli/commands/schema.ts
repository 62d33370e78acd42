import type { Command } from 'commander';
import { configJsonSchemaText } from '../../config/json-schema.ts';
import type { CliIo } from '../io.ts';

export function registerSchema(program: Command, io: CliIo): void {
  program
    .command('schema')
    .helpGroup('More')
    .summary('completion in the editor')
    .description(
      'Prints the JSON Schema of lakeferry.yaml, whatever the file holds. Editors complete from a copy of it, which the first line of lakeferry.yaml names.',
    )
    .addHelpText('after', '\nExample:\n  lakeferry schema > lakeferry.schema.json')
    .action(() => {
      io.stdout.write(configJsonSchemaText());
    });
}
