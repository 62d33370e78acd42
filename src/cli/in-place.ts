import { CONFIG_FILE } from '../config/config-file.ts';
import type { Environment } from '../config/environment-reader.ts';
import type { RuntimeFlags } from './runtime.ts';
import { shellWord } from './text.ts';

/** What a command line says of the system that it means. */
export type PlaceFlags = Partial<RuntimeFlags>;

const LAKEFERRY =
  /lakeferry (approve|doctor|logs|pause|plan|redrive|rejected|resume|run|status)\b[^"\p{Cc}]*/gu;
const CDK = /npx cdk (?:deploy|destroy|diff)\b/g;
/** The configuration in words; neither part of a longer name nor of what is quoted. */
const FILE = /(?<![\w./"])lakeferry\.yaml(?!"|\.?\w)/g;
/** What says already which system is meant, or means none. */
const SAYS_SO = / (?:--local|--deployment|--config|-c|--help)\b/;

/**
 * The commands in what a person is told to do, as they have to be typed to mean the same system as the command that
 * prints them, and the configuration by the name of the file that it has there. Each command ends with its line, or with
 * the quotation mark after it.
 */
export function inPlace(text: string, flags: PlaceFlags, env: Environment): string {
  const { deployment, local } = flags;
  const config =
    flags.config === undefined || flags.config === CONFIG_FILE ? undefined : shellWord(flags.config);
  const ours = (command: string) => [
    ...(local && command !== 'logs' ? ['--local'] : []),
    ...(deployment === undefined ? [] : [`--deployment ${shellWord(deployment)}`]),
    ...(config === undefined ? [] : [`--config ${config}`]),
  ];
  const name = deployment ?? (env['LAKEFERRY_DEPLOYMENT']?.trim() || undefined);
  const cdk = [
    ...(name === undefined ? [] : [`-c name=${shellWord(name)}`]),
    ...(config === undefined ? [] : [`-c config=${config}`]),
  ];
  return withFile(text, flags.config ?? CONFIG_FILE)
    .replaceAll(LAKEFERRY, (line: string, command: string) =>
      SAYS_SO.test(line) ? line : [line, ...ours(command)].join(' '),
    )
    .replaceAll(CDK, (line) => [line, ...cdk].join(' '));
}

/** Where the file's own name is said already, it stays, whatever it is made of. */
function withFile(text: string, file: string): string {
  const parts = text.split(file).map((part) => part.replaceAll(FILE, () => file));
  return parts.join(file);
}
