import type { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import type { CliIo } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { jsonOption } from '../options.ts';

export const VERSION: string = packageJson.version;

export function registerVersion(program: Command, io: CliIo): void {
  program
    .command('version')
    .helpGroup('More')
    .summary('which Lakeferry this is')
    .description('Prints the versions of Lakeferry and of Node.js.')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  lakeferry version')
    .action(({ json }: { json?: true }) => {
      const node = process.versions.node;
      io.stdout.write(
        json ? jsonDocument({ version: VERSION, node }) : `lakeferry ${VERSION}, node ${node}\n`,
      );
    });
}
