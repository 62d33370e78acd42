import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import { nearest } from './suggestion.ts';
import type { ConfigPath } from './yaml-source.ts';

/** One setting's help, as the schema gives it. */
export interface Setting {
  /** Dotted; `<sync>`, `<column>` stand for names of the reader's choice. */
  readonly path: string;
  readonly description: string;
  /** E.g. `hard, soft or ignore`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly examples: readonly unknown[];
  /** Paths of the settings below it. */
  readonly below: readonly string[];
}

/** The schema of the value at a path of the file; undefined where nothing may stand. */
export function subschemaAt(schema: JsonSchema, path: ConfigPath): JsonSchema | undefined {
  let at: JsonSchema | undefined = schema;
  for (const part of path) {
    at = at?.properties?.[part] ?? (at?.additionalProperties || undefined) ?? at?.items;
  }
  return at;
}

/** Every setting, in the order of the file. */
export function allSettings(): readonly Setting[] {
  return collect(configJsonSchema(), '', false);
}

function collect(schema: JsonSchema, path: string, required: boolean): Setting[] {
  const children: [string, JsonSchema, boolean][] = Object.entries(schema.properties ?? {}).map(
    ([name, child]) => [
      path === '' ? name : `${path}.${name}`,
      child,
      schema.required?.includes(name) ?? false,
    ],
  );
  if (schema.additionalProperties) {
    const placeholder = path === 'syncs' ? '<sync>' : '<column>';
    children.push([`${path}.${placeholder}`, schema.additionalProperties, false]);
  }
  const settings = children.flatMap(([name, child, needed]) => collect(child, name, needed));
  if (schema.description === undefined || path === '') return settings;
  const itself: Setting = {
    path,
    description: schema.description,
    type: typeOf(schema),
    required,
    ...(schema.default !== undefined && { default: schema.default }),
    examples: schema.examples ?? [],
    below: settings.map((setting) => setting.path),
  };
  return [itself, ...settings];
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return list(schema.enum.map(String));
  if (schema.anyOf) return list(schema.anyOf.map(typeOf));
  switch (schema.type) {
    case 'integer':
      return `number, ${thousands(schema.minimum)} to ${thousands(schema.maximum)}`;
    case 'array':
      return 'list of texts';
    case 'object':
      return schema.additionalProperties ? 'names with values' : 'settings';
    default:
      return 'text';
  }
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function thousands(value: number | undefined): string {
  return value === undefined ? 'any' : value.toLocaleString('en-US');
}

/** `ambiguous` and `unknown` say what the reader may have meant. */
export type SettingSearch =
  | { readonly outcome: 'found'; readonly setting: Setting }
  | { readonly outcome: 'ambiguous'; readonly paths: readonly string[] }
  | { readonly outcome: 'unknown'; readonly suggestion?: string };

/**
 * Finds a setting by its path (`syncs.<sync>.deletes`), with a real name in place of `<sync>`, without it
 * (`syncs.deletes`), or by its last part alone (`deletes`, which means the sync's).
 */
export function findSetting(key: string): SettingSearch {
  const settings = allSettings();
  const wanted = key.trim().toLowerCase().split('.');
  const exact = settings.filter(({ path }) => matches(path.toLowerCase().split('.'), wanted));
  const shortest = Math.min(...exact.map(({ path }) => path.split('.').length));
  const one = exact.find(({ path }) => path.split('.').length === shortest);
  if (one) return { outcome: 'found', setting: one };

  const ending = settings.filter(({ path }) => path.toLowerCase().endsWith(`.${wanted.join('.')}`));
  const ofSyncs = ending.filter(({ path }) => path.startsWith('syncs.'));
  const candidates = ofSyncs.length > 0 ? ofSyncs : ending;
  if (candidates.length === 1) return { outcome: 'found', setting: candidates[0] as Setting };
  if (candidates.length > 1) return { outcome: 'ambiguous', paths: candidates.map(({ path }) => path) };

  const last = wanted.at(-1) as string;
  const names = new Map(settings.map(({ path }) => [path.split('.').at(-1) as string, path]));
  const near = nearest(last, names.keys());
  const suggestion = near === undefined ? undefined : names.get(near);
  return { outcome: 'unknown', ...(suggestion !== undefined && { suggestion }) };
}

/** Whether the parts name this path, where a placeholder stands for any one name or is left out. */
function matches(path: readonly string[], wanted: readonly string[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return wanted.length === 0;
  if (first.startsWith('<')) {
    return (
      (wanted.length > 0 && matches(rest, wanted.slice(1))) || (rest.length > 0 && matches(rest, wanted))
    );
  }
  return first === wanted[0]?.toLowerCase() && matches(rest, wanted.slice(1));
}
