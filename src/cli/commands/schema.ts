import type { Command } from 'commander';
import { configJsonSchemaText } from '../../config/json-schema.ts';
import type { CliIo } from '../io.ts';

export function registerSchema(program: Command, io: CliIo): void {
  program
    .command('schema')
    .helpGroup('More')
    .summary('completion in the editor')
    .description(
      'Prints the JSON Schema of lakeferry.yaml, whatever the file holds. To bring the copy for editors up to date:\n  lakeferry schema > lakeferry.schema.json',
    )
    .action(() => {
      io.stdout.write(configJsonSchemaText());
    });
}
