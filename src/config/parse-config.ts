import { parseSourceTable, parseTargetTable } from '../schema/table-name.ts';
import { keyColumns } from './column-checks.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { crossFindings } from './cross-checks.ts';
import { type LakeferryFile, lakeferryFile, type SyncDefaults, type SyncEntry } from './file-schema.ts';
import { configJsonSchema } from './json-schema.ts';
import type { ConnectionSettings, LakeferryConfig } from './lakeferry-config.ts';
import { defaultMaxLagSeconds, durationSeconds } from './schedule.ts';
import { type Finding, schemaFindings } from './schema-problems.ts';
import { looksSecret } from './secret-text.ts';
import type { DeleteMode, MetadataColumns, SyncConfig } from './sync-config.ts';
import { YamlSource } from './yaml-source.ts';

/**
 * Parses the text of lakeferry.yaml (YAML 1.2, so JSON too). Throws one ConfigError that carries every problem
 * found. `fileName` is for messages only.
 */
export function parseConfig(text: string, fileName: string): LakeferryConfig {
  const source = new YamlSource(text);
  const syntax = source.syntaxProblems();
  if (!syntax.readable) throw new ConfigError(fileName, inFileOrder(syntax.problems));

  const value = plainValue(source, fileName);
  const parsed = lakeferryFile.safeParse(value ?? {});
  const issues = parsed.success ? [] : parsed.error.issues;
  const findings = [...schemaFindings(issues, value ?? {}, configJsonSchema()), ...crossFindings(value)];
  const problems = [...syntax.problems, ...findings.map((finding) => located(finding, source))];
  if (!parsed.success || problems.length > 0) throw new ConfigError(fileName, inFileOrder(problems));
  return resolve(parsed.data);
}

function plainValue(source: YamlSource, fileName: string): unknown {
  try {
    return source.toValue();
  } catch {
    const place = source.placeOf([], 'value');
    const message = 'the aliases (*name) of this file multiply beyond reason; write the values out';
    throw new ConfigError(fileName, [{ code: 'syntax', path: '', message, ...place }]);
  }
}

function located({ focus, path, ...finding }: Finding, source: YamlSource): ConfigProblem {
  return { ...finding, path: path.map(pathPart).join('.'), ...source.placeOf(path, focus) };
}

function pathPart(part: string | number): string {
  return looksSecret(String(part)) ? '(hidden)' : String(part);
}

function inFileOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function resolve(file: LakeferryFile): LakeferryConfig {
  const syncs = Object.entries(file.syncs).map(
    ([name, entry]) => [name, resolveSync(name, entry, file.defaults)] as const,
  );
  return { connections: file.connections as ConnectionSettings, syncs: new Map(syncs) };
}

function resolveSync(name: string, entry: SyncEntry, defaults: SyncDefaults): SyncConfig {
  const source = parseSourceTable(entry.source);
  const target = parseTargetTable(entry.target);
  if (!source || !target)
    throw new TypeError(`syncs.${name}: a table name passed the schema and did not parse`);
  const { include, exclude, rename, types } = entry.columns;
  const schedule = entry.schedule ?? defaults.schedule;
  const maxLag = entry.maxLag ?? defaults.maxLag;
  return {
    name,
    source,
    target,
    primaryKey: keyColumns(entry.primaryKey),
    columns: {
      ...(include && { include }),
      exclude,
      rename: withoutPrototype(rename),
      types: withoutPrototype(types),
    },
    ...(entry.where !== undefined && { where: entry.where }),
    deletes: deleteMode(
      entry.deletes ?? defaults.deletes,
      entry.softDeleteColumn ?? defaults.softDeleteColumn,
    ),
    metadata: (entry.metadata ?? defaults.metadata) as MetadataColumns,
    nulCharacters: entry.nulCharacters ?? defaults.nulCharacters,
    rejectedRows: entry.rejectedRows ?? defaults.rejectedRows,
    maxRejectedRows: entry.maxRejectedRows ?? defaults.maxRejectedRows,
    maxDeletePercent: entry.maxDeletePercent ?? defaults.maxDeletePercent,
    schedule,
    maxLagSeconds: durationSeconds(maxLag ?? '') ?? defaultMaxLagSeconds(schedule),
    maxChunkRows: entry.maxChunkRows ?? defaults.maxChunkRows,
    maxWriters: entry.maxWriters ?? defaults.maxWriters,
  };
}

function deleteMode(mode: SyncDefaults['deletes'], column: string | undefined): DeleteMode {
  if (mode !== 'soft') return { mode };
  if (column === undefined) throw new TypeError('soft deletes passed the checks without a column');
  return { mode, column };
}

/** So that a column named `constructor` has no rule unless the file gives one. */
function withoutPrototype(names: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.assign(Object.create(null), names);
}
