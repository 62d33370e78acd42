import { resolve } from 'node:path';
import { RootCommand, script } from '@bomb.sh/tab';
import type { Argument, Command, Option } from 'commander';
import { CONFIG_FILE, readConfigFile } from '../config/config-file.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

export type Shell = (typeof SHELLS)[number];

/** The script that a shell reads once: it calls `lakeferry complete -- <words>` at each tab. */
export function completionScript(shell: Shell): string {
  const text = printed(() => script(shell, 'lakeferry', 'lakeferry'));
  // Whoever reads ~/.bashrc a second time would be told that they are read-only.
  return text.replaceAll(/^readonly (?=ShellCompDirective)/gm, '');
}

/**
 * What may stand in the place of the last of `words` (the command line without `lakeferry`; `''` for a new word), in
 * the form that the script reads: a line for each, its description behind a tab, and a directive as the last line.
 */
export async function completionsOf(
  program: Command,
  words: readonly string[],
  cwd: string,
): Promise<string> {
  if (['-c', '--config'].includes(words.at(-2) ?? '')) return FILES;
  const root = new RootCommand();
  const syncs = await syncNames(words, cwd);
  for (const [path, command] of visibleCommands(program)) {
    const node = path === '' ? root : root.command(path, command.summary());
    for (const option of command.createHelp().visibleOptions(command)) addOption(node, option, syncs);
    for (const argument of command.registeredArguments) addArgument(node, argument, syncs);
  }
  return printed(() => root.parse([...words]));
}

/** No completion of ours, and the directive by which shells that can complete names of files. */
const FILES = ':0\n';

type Node = ReturnType<RootCommand['command']>;

function visibleCommands(command: Command, path = ''): readonly (readonly [string, Command])[] {
  const below = command.createHelp().visibleCommands(command);
  return [
    [path, command],
    ...below.flatMap((each) => visibleCommands(each, `${path} ${each.name()}`.trim())),
  ];
}

function addOption(node: Node, option: Option, syncs: readonly string[]): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const alias = option.short?.slice(1);
  if (!option.required && !option.optional) {
    node.option(name, option.description, alias);
    return;
  }
  const values = option.argChoices ?? (option.attributeName() === 'sync' ? syncs : []);
  node.option(name, option.description, each(values), alias);
}

/** An argument or an option that is called `sync` takes names of syncs. */
function addArgument(node: Node, argument: Argument, syncs: readonly string[]): void {
  const values = argument.argChoices ?? (argument.name() === 'sync' ? syncs : []);
  node.argument(argument.name(), each(values), argument.variadic);
}

function each(values: readonly string[]): (complete: (value: string, description: string) => void) => void {
  return (complete) => {
    for (const value of values) complete(value, '');
  };
}

/** Of the file that the words name, or else the usual one; none where it is missing or broken. */
async function syncNames(words: readonly string[], cwd: string): Promise<readonly string[]> {
  const file = configOf(words) ?? CONFIG_FILE;
  const config = await readConfigFile(resolve(cwd, file)).catch(() => undefined);
  return [...(config?.syncs.keys() ?? [])];
}

function configOf(words: readonly string[]): string | undefined {
  const joined = words.findLast((word) => word.startsWith('--config='));
  if (joined !== undefined) return joined.slice('--config='.length);
  const at = words.findLastIndex((word) => word === '-c' || word === '--config');
  return at < 0 ? undefined : words[at + 1] || undefined;
}

/** The library prints by `console.log`, at once: its lines are taken as text. */
function printed(print: () => void): string {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  try {
    print();
  } finally {
    console.log = log;
  }
  return `${lines.join('\n')}\n`;
}
