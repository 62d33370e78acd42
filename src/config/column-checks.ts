import type { SyncEntry } from './file-schema.ts';
import type { Finding } from './schema-problems.ts';
import type { ConfigPath } from './yaml-source.ts';

type Settings = Partial<
  Pick<SyncEntry, 'primaryKey' | 'columns' | 'metadata' | 'deletes' | 'softDeleteColumn'>
>;

/**
 * Contradictions among a sync's columns. The source's own columns are not known here: only what the file names is
 * looked at. Databricks compares column names without case, Postgres with it.
 */
export function columnFindings(sync: ConfigPath, settings: Settings): readonly Finding[] {
  const key = keyColumns(settings.primaryKey);
  return [
    ...repeats([...sync, 'primaryKey'], key),
    ...repeats([...sync, 'columns', 'include'], settings.columns?.include ?? []),
    ...repeats([...sync, 'columns', 'exclude'], settings.columns?.exclude ?? []),
    ...choiceFindings([...sync, 'columns'], key, settings.columns),
    ...targetNameFindings(sync, key, settings),
  ];
}

export function keyColumns(primaryKey: SyncEntry['primaryKey'] | undefined): readonly string[] {
  return typeof primaryKey === 'string' ? [primaryKey] : (primaryKey ?? []);
}

function contradiction(path: ConfigPath, message: string, focus: Finding['focus'] = 'value'): Finding {
  return { code: 'contradiction', path, focus, message };
}

function repeats(path: ConfigPath, names: readonly string[]): Finding[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    const known = seen.has(fold(name));
    seen.add(fold(name));
    return known ? [contradiction([...path, index], `names "${name}" twice`)] : [];
  });
}

/** Excluded key columns, include beside exclude, and rules for a column that is not synced. */
function choiceFindings(path: ConfigPath, key: readonly string[], columns: Settings['columns']): Finding[] {
  if (!columns) return [];
  const keys = new Set(key.map(fold));
  const included = columns.include && new Set([...columns.include.map(fold), ...keys]);
  const excluded = new Set(columns.exclude.map(fold));
  const found: Finding[] = [];
  if (included && columns.exclude.length > 0) {
    found.push(
      contradiction([...path, 'exclude'], 'cannot stand beside include; keep one of the two', 'key'),
    );
  }
  for (const [index, name] of columns.exclude.entries()) {
    if (!keys.has(fold(name))) continue;
    found.push(contradiction([...path, 'exclude', index], `"${name}" is a key column and must be synced`));
  }
  for (const rule of ['rename', 'types'] as const) {
    const ruled = new Set<string>();
    for (const name of Object.keys(columns[rule])) {
      const here = [...path, rule, name];
      if (ruled.has(fold(name))) {
        found.push(contradiction(here, 'stands twice: column names of Databricks have no case', 'key'));
      }
      ruled.add(fold(name));
      if (keys.has(fold(name))) continue;
      if (excluded.has(fold(name)))
        found.push(contradiction(here, 'is excluded; remove one of the two', 'key'));
      else if (included && !included.has(fold(name))) {
        found.push(contradiction(here, 'is not among the included columns', 'key'));
      }
    }
  }
  return found;
}

/** Two columns of the target under one name. */
function targetNameFindings(sync: ConfigPath, key: readonly string[], settings: Settings): Finding[] {
  const rename = new Map(
    Object.entries(settings.columns?.rename ?? {}).map(([from, to]) => [fold(from), { from, to }]),
  );
  const owners = new Map<string, string>();
  const found: Finding[] = [];
  const claim = (name: string, owner: string, path: ConfigPath): void => {
    const taken = owners.get(name);
    if (taken === undefined) owners.set(name, owner);
    else found.push(contradiction(path, `"${name}" is the target column of ${taken} already`));
  };

  const mapped = new Set<string>();
  for (const source of [
    ...key,
    ...(settings.columns?.include ?? []),
    ...Object.keys(settings.columns?.types ?? {}),
  ]) {
    if (mapped.has(fold(source)) || rename.has(fold(source))) continue;
    mapped.add(fold(source));
    owners.set(source, `source column "${source}"`);
  }
  for (const { from, to } of rename.values()) {
    claim(to, `source column "${from}"`, [...sync, 'columns', 'rename', from]);
  }
  for (const name of ['commitVersion', 'commitTimestamp', 'syncedAt'] as const) {
    const column = settings.metadata?.[name];
    if (column !== undefined) claim(column, `metadata.${name}`, [...sync, 'metadata', name]);
  }
  if (settings.deletes === 'soft' && settings.softDeleteColumn !== undefined) {
    claim(settings.softDeleteColumn, 'softDeleteColumn', [...sync, 'softDeleteColumn']);
  }
  return found;
}

function fold(name: string): string {
  return name.toLowerCase();
}
