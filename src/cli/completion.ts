import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Argument, type Command, type Option } from 'commander';
import { CONFIG_FILE, readConfigFile } from '../config/config-file.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

export type Shell = (typeof SHELLS)[number];

/** The script that a shell reads once: it calls `lakeferry complete -- <words>` at each tab. */
export function completionScript(shell: Shell): Promise<string> {
  const name = `lakeferry.${shell === 'powershell' ? 'ps1' : shell}`;
  return readFile(new URL(`completion/${name}`, import.meta.url), 'utf8');
}

/** The line by which a shell completes names of files itself. */
const FILES = ':files';

/**
 * What may stand in the place of the last of `words` (the command line without `lakeferry`; `''` for a new word), as
 * the scripts read it: a line for each, its description behind a tab; or `:files`.
 */
export async function completionsOf(
  program: Command,
  words: readonly string[],
  cwd: string,
): Promise<string> {
  // A script may put a space behind the last word, where its shell drops an empty one.
  const word = words.at(-1)?.trimEnd() ?? '';
  const { command, option, given } = placeBehind(program, words.slice(0, -1));
  const [joined = ''] = /^--[^=]+=/.exec(word) ?? [];
  if (joined !== '') {
    const values = await valuesOf(optionOf(command, joined.slice(0, -1)), words, cwd);
    return linesOf(
      values.map((value) => (value === FILES ? value : `${joined}${value}`)),
      word,
    );
  }
  if (option !== undefined) return linesOf(await valuesOf(option, words, cwd), word);
  if (word.startsWith('-')) return linesOf(visibleOptions(command), word);
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[given] ?? (last?.variadic ? last : undefined);
  const below = given === 0 ? visibleCommands(command) : [];
  return linesOf([...below, ...(await valuesOf(argument, words, cwd))], word);
}

/** The command that `words` lead to, how many arguments they give it, and the option whose value is next. */
function placeBehind(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly given: number; readonly option: Option | undefined } {
  let command = program;
  let option: Option | undefined;
  let given = 0;
  for (const word of words) {
    const below = given === 0 ? command.commands.find((each) => each.name() === word) : undefined;
    if (option !== undefined) option = undefined;
    else if (word.startsWith('-')) option = optionOf(command, word);
    else if (below !== undefined) command = below;
    else given += 1;
  }
  return { command, given, option };
}

/** The option that is called `flag`, when it takes a value. */
function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find((option) => option.required && [option.short, option.long].includes(flag));
}

/** Lines, a description behind a tab. */
function visibleOptions(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, description }) => `${long}\t${description}`);
}

function visibleCommands(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => `${each.name()}\t${each.summary()}`);
}

/** Its choices; or by what the help calls it: `sync`, `file` or `directory`. */
async function valuesOf(
  value: Option | Argument | undefined,
  words: readonly string[],
  cwd: string,
): Promise<readonly string[]> {
  if (value?.argChoices) return value.argChoices;
  const name = value instanceof Argument ? value.name() : /<(.+)>/.exec(value?.flags ?? '')?.[1];
  if (name === 'sync') return syncNames(words, cwd);
  return name === 'file' || name === 'directory' ? [FILES] : [];
}

function linesOf(values: readonly string[], word: string): string {
  return values
    .filter((value) => value === FILES || value.startsWith(word))
    .map((value) => `${value}\n`)
    .join('');
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
