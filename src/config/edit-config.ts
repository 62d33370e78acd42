import { isMap, isScalar, type Pair, parseDocument, type Range, type YAMLMap } from 'yaml';
import {
  blockText,
  type ConfigAddition,
  connectionSettings,
  flowPairText,
  syncText,
  syncValue,
} from './config-addition.ts';

/**
 * The text of lakeferry.yaml with an addition: what is there already stays as it is, byte by byte. Undefined where
 * there is no place for it, as in a file whose `syncs` is an alias. The file must be valid, and must not have the sync;
 * connection settings that it has are not changed.
 */
export function addToConfig(text: string, { connections, sync }: ConfigAddition): string | undefined {
  const place = placeAt(text, ['syncs']);
  let edited = place && insertInto(text, place, sync.name, syncValue(sync), (step) => syncText(sync, step));
  for (const { path, value } of connectionSettings(connections)) {
    edited = edited === undefined ? undefined : addSetting(edited, ['connections', ...path], value);
  }
  return edited;
}

/** Adds a value at a path, with the maps above it that are not there. */
function addSetting(text: string, path: readonly string[], value: string): string | undefined {
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const place = placeAt(text, path.slice(0, depth));
    if (!place) continue;
    if (place.map.has(path[depth])) return depth === path.length - 1 ? text : undefined;
    const below = path.slice(depth + 1).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    const key = path[depth] as string;
    return insertInto(text, place, key, below, (step) => blockText({ [key]: below }, step));
  }
  return undefined;
}

/** A map of the file. */
interface Place {
  readonly map: YAMLMap & { readonly range?: Range | null };
  /** Column of the key whose value the map is; -1 for the file as a whole. */
  readonly column: number;
  /** Whether its entries have a blank line between them where there is only one to go by. */
  readonly airy: boolean;
  /** Whether the file is JSON, as YAML reads it too. */
  readonly json: boolean;
}

function placeAt(text: string, path: readonly string[]): Place | undefined {
  const document = parseDocument(text);
  const root: unknown = document.contents;
  let [node, column] = [root, -1];
  for (const key of path) {
    const pair: Pair | undefined = isMap(node) ? node.items.find((item) => keyOf(item) === key) : undefined;
    if (!pair) return undefined;
    column = columnOf(text, startOf(pair.key));
    node = pair.value;
  }
  if (!isMap(node)) return undefined;
  return { map: node, column, airy: path[0] !== 'connections', json: isMap(root) && root.flow === true };
}

function insertInto(
  text: string,
  place: Place,
  key: string,
  value: unknown,
  block: (step: number) => string,
): string | undefined {
  const { map, json } = place;
  return map.flow ? insertFlow(text, map, flowPairText(key, value, json)) : insertBlock(text, place, block);
}

/** Behind the last pair between the braces, on a line of its own where that one is. */
function insertFlow(text: string, { items, range }: Place['map'], pair: string): string | undefined {
  const last = items.at(-1);
  if (!last) {
    const opening = range?.[0];
    return opening === undefined ? undefined : splice(text, opening + 1, ` ${pair} `);
  }
  const start = startOf(last.key);
  const indent = text.slice(lineStart(text, start), start);
  const separator = indent.trim() === '' ? `,${newlineOf(text)}${indent}` : ', ';
  return splice(text, endOf(last), `${separator}${pair}`);
}

/** Behind the last pair of the map and the comments that belong to it, as indented as its other keys. */
function insertBlock(
  text: string,
  { map, column, airy }: Place,
  block: (step: number) => string,
): string | undefined {
  const [first] = map.items;
  const last = map.items.at(-1);
  if (!first || !last) return undefined;
  const newline = newlineOf(text);
  const keyColumn = columnOf(text, startOf(first.key));
  const step = column < 0 ? 2 : Math.max(1, keyColumn - column);
  const lines = block(step).trimEnd().split('\n');
  const indented = lines.map((line) => (line === '' ? '' : `${' '.repeat(keyColumn)}${line}`));
  const offset = endOfBlock(text, endOf(last), column);
  const before = offset > 0 && text[offset - 1] !== '\n' ? newline : '';
  const gap = isSpaced(text, map, airy) ? newline : '';
  return splice(text, offset, `${before}${gap}${indented.join(newline)}${newline}`);
}

/** The start of the line behind a block: comments that are deeper than the key of the block are part of it. */
function endOfBlock(text: string, end: number, column: number): number {
  let kept = end === lineStart(text, end) ? end : nextLine(text, end);
  for (let at = kept; at < text.length; at = nextLine(text, at)) {
    const line = text.slice(at, nextLine(text, at));
    const indent = line.length - line.trimStart().length;
    if (line.trim() === '') continue;
    if (!line.trimStart().startsWith('#') || indent <= column) break;
    kept = nextLine(text, at);
  }
  return kept;
}

/** Whether blank lines stand between the last entries; of one alone its own length tells, where the map is `airy`. */
function isSpaced(text: string, map: YAMLMap, airy: boolean): boolean {
  const [last, previous] = [map.items.at(-1), map.items.at(-2)] as const;
  if (!last) return false;
  if (!previous) return airy && text.slice(startOf(last.key), endOf(last)).trimEnd().includes('\n');
  return /\n[ \t]*\r?\n/.test(text.slice(endOf(previous) - 1, startOf(last.key)));
}

function keyOf({ key }: Pair): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}

function startOf(node: unknown): number {
  return (node as { readonly range?: Range | null } | null)?.range?.[0] ?? 0;
}

function endOf({ key, value }: Pair): number {
  const range = (node: unknown) => (node as { readonly range?: Range | null } | null)?.range;
  return range(value)?.[1] ?? range(key)?.[1] ?? 0;
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function splice(text: string, offset: number, inserted: string): string {
  return text.slice(0, offset) + inserted + text.slice(offset);
}
