import { resolve } from 'node:path';
import { Option } from 'commander';
import { CONFIG_FILE, readConfigFile, readConfigText } from '../config/config-file.ts';
import { DEFAULT_DEPLOYMENT } from '../config/deployment.ts';
import type { LakeferryConfig } from '../config/lakeferry-config.ts';
import type { CliIo } from './io.ts';

/** Options that mean the same in every command that has them. */

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON document');
}

export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration').default(CONFIG_FILE);
}

export function localOption(): Option {
  return new Option('--local', 'on the local stack, which "lakeferry local up" starts, not the deployed one');
}

export function deploymentOption(): Option {
  return new Option(
    '--deployment <name>',
    `name of the deployed stack; LAKEFERRY_DEPLOYMENT or "${DEFAULT_DEPLOYMENT}" when absent`,
  ).conflicts('local');
}

export function dryRunOption(): Option {
  return new Option('--dry-run', 'say what would be done, and change nothing');
}

/** The file that `configOption` names, from where the command runs. Throws as `readConfigFile`. */
export function readConfigOption(options: { readonly config: string }, io: CliIo): Promise<LakeferryConfig> {
  return readConfigFile(resolve(io.cwd, options.config), options.config);
}

/** Its text. `config_missing` when it cannot be read. */
export function readConfigOptionText(options: { readonly config: string }, io: CliIo): Promise<string> {
  return readConfigText(resolve(io.cwd, options.config), options.config);
}
