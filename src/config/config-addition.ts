import { Document, isMap, isScalar, type Pair, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { ConnectionSettings } from './lakeferry-config.ts';

/** A sync to write into lakeferry.yaml. Texts are as they are to stand in the file. */
export interface NewSync {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly primaryKey: readonly string[];
  readonly exclude: readonly string[];
  /** Left out where the file's own default is meant. */
  readonly schedule?: string;
  /** Why columns cannot go as they are, one line each, for comments: those of `exclude`, and those that are not. */
  readonly excludedBecause: readonly string[];
  readonly notExcluded: readonly { readonly column: string; readonly because: string }[];
}

/** What is to be added to a file: a sync, and the settings of the connections that it lacks. */
export interface ConfigAddition {
  readonly connections: ConnectionSettings;
  readonly sync: NewSync;
}

/** One setting of the connections by its path below `connections`. */
export interface ConnectionSetting {
  readonly path: readonly [connection: string, key: string];
  readonly value: string;
}

export function connectionSettings(connections: ConnectionSettings): readonly ConnectionSetting[] {
  return Object.entries(connections).flatMap(([connection, settings]) =>
    Object.entries(settings).map(
      ([key, value]): ConnectionSetting => ({ path: [connection, key], value: String(value) }),
    ),
  );
}

/** An addition as the part of a file that it is. */
export function additionText({ connections, sync }: ConfigAddition): string {
  const set = Object.entries(connections).filter(([, settings]) => Object.keys(settings).length > 0);
  const first = set.length === 0 ? '' : `${blockText({ connections: Object.fromEntries(set) }, 2)}\n`;
  const entry = syncText(sync, 2).replaceAll(/^(?=.)/gm, '  ');
  return `${first}syncs:\n${entry}`;
}

/** The entry of a sync as plain data. */
export function syncValue({ source, target, primaryKey, exclude, schedule }: NewSync) {
  return {
    source,
    target,
    primaryKey: primaryKey.length === 1 ? primaryKey[0] : primaryKey,
    ...(exclude.length > 0 && { columns: { exclude } }),
    ...(schedule !== undefined && { schedule }),
  };
}

/** YAML in block style, with its last newline. Each level is indented by `step`. */
export function blockText(value: unknown, step: number): string {
  return render(new Document(value), step);
}

/** The same of a sync under its name, with comments about the columns that cannot go as they are. */
export function syncText(sync: NewSync, step: number): string {
  const document = new Document({ [sync.name]: syncValue(sync) });
  const entry = document.get(sync.name, true) as unknown as YAMLMap;
  commentExcluded(entry, sync.excludedBecause);
  if (sync.notExcluded.length > 0) {
    const reasons = sync.notExcluded.map(({ because }) => commentLine(because));
    const columns = sync.notExcluded.map(({ column }) => column);
    const rule = blockText({ columns: { exclude: [...sync.exclude, ...columns] } }, step);
    const remedy = rule.trimEnd().split('\n');
    entry.comment = [
      ...reasons,
      ' The sync halts until they are left out:',
      ...remedy.map((line) => ` ${line}`),
    ].join('\n');
  }
  return render(document, step);
}

function commentExcluded(entry: YAMLMap, reasons: readonly string[]): void {
  const columns = entry.get('columns', true) as unknown;
  if (reasons.length === 0 || !isMap(columns)) return;
  const [exclude] = columns.items as Pair[];
  if (exclude && isScalar(exclude.key)) {
    exclude.key.commentBefore = reasons.map(commentLine).join('\n');
  }
}

/** Names of columns are foreign text, which must not end the comment. */
function commentLine(text: string): string {
  return ` ${text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')}`;
}

/** A value in one line, as it stands behind a key. */
export function inlineText(value: string | readonly string[]): string {
  const document = new Document(value);
  if (typeof value !== 'string') (document.contents as unknown as YAMLSeq).flow = true;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

/** `key: value` as it stands within braces: in JSON's own form, or in YAML's. */
export function flowPairText(key: string, value: unknown, json: boolean): string {
  if (json) {
    const spaced = JSON.stringify({ [key]: value }, null, 1).replaceAll(/\n\s*/g, ' ');
    return spaced.slice(1, -1).trim();
  }
  const document = new Document({ [key]: value });
  (document.contents as unknown as YAMLMap).flow = true;
  return document.toString({ lineWidth: 0 }).trim().slice(1, -1).trim();
}

function render(document: Document, step: number): string {
  flowLists(document.contents);
  return document.toString({ indent: step, lineWidth: 0, flowCollectionPadding: false });
}

/** Lists of names stand in one line. */
function flowLists(node: unknown): void {
  if (!isMap(node)) return;
  for (const { value } of node.items) {
    if (isMap(value)) flowLists(value);
    else if (value !== null && !(value instanceof Scalar)) (value as YAMLSeq).flow = true;
  }
}
