import { isDeepStrictEqual } from 'node:util';
import type { ConfigAddition } from './config-addition.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { addToConfig } from './edit-config.ts';
import { lakeferryFile, syncDefaults } from './file-schema.ts';
import type { LakeferryConfig } from './lakeferry-config.ts';
import { newConfigText } from './new-config.ts';
import { parseConfig } from './parse-config.ts';
import { YamlSource } from './yaml-source.ts';

export type SyncAddition =
  | { readonly outcome: 'added'; readonly text: string; readonly config: LakeferryConfig }
  /** The sync and the file are valid each by itself, but not together. */
  | { readonly outcome: 'contradiction'; readonly problems: readonly ConfigProblem[] }
  /** The file is written in a way that leaves no place for a sync, as by an alias. */
  | { readonly outcome: 'no_place' };

/**
 * lakeferry.yaml with the addition: a new file where there is none (`before` is undefined), else the text of the valid
 * file with nothing in it changed. What it gives parses, and every sync of before means the same.
 */
export function addSync(
  before: string | undefined,
  addition: ConfigAddition,
  fileName: string,
): SyncAddition {
  const text = before === undefined ? newConfigText(addition) : addToConfig(before, addition);
  if (text === undefined) return { outcome: 'no_place' };
  try {
    const config = parseConfig(text, fileName);
    if (before !== undefined && !isKept(parseConfig(before, fileName), config, addition)) {
      return { outcome: 'no_place' };
    }
    return { outcome: 'added', text, config };
  } catch (thrown) {
    if (thrown instanceof ConfigError) return { outcome: 'contradiction', problems: thrown.problems };
    throw thrown;
  }
}

/** Whether the syncs of before are those of now, but for the new one. */
function isKept(before: LakeferryConfig, now: LakeferryConfig, { sync }: ConfigAddition): boolean {
  const others = [...now.syncs].filter(([name]) => name !== sync.name);
  return now.syncs.has(sync.name) && isDeepStrictEqual(others, [...before.syncs]);
}

/** The schedule of a sync that has none of its own: of the valid file, or where there is none. */
export function defaultScheduleOf(text: string | undefined): string {
  if (text === undefined) return syncDefaults.parse({}).schedule;
  return lakeferryFile.parse(new YamlSource(text).toValue()).defaults.schedule;
}
