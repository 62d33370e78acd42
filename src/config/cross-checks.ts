import { displayTable, parseTargetTable } from '../schema/table-name.ts';
import { columnFindings } from './column-checks.ts';
import {
  columnRules,
  metadata,
  SYNC_NAME,
  type SyncDefaults,
  type SyncEntry,
  syncDefaults,
  syncEntry,
} from './file-schema.ts';
import { durationSeconds, tickSeconds } from './schedule.ts';
import type { Finding } from './schema-problems.ts';
import type { ConfigPath } from './yaml-source.ts';

/** What of a sync is valid by itself: the rest is reported by the schema already. */
export type ValidPart = Partial<SyncEntry>;

/** Contradictions between settings, each of which is valid by itself. Tolerates a file that is wrong elsewhere. */
export function crossFindings(file: unknown): readonly Finding[] {
  if (!isRecord(file)) return [];
  const defaults = validPart(syncDefaults.shape, file['defaults']) as Partial<SyncDefaults>;
  const syncs = isRecord(file['syncs']) ? Object.entries(file['syncs']) : [];
  const entries = syncs.map(([name, raw]) => [name, validEntry(raw)] as const);
  const empty = isRecord(file['syncs']) && entries.length === 0;
  return [
    ...(empty ? [finding(['syncs'], 'has no sync; add at least one', 'key')] : []),
    ...defaultsFindings(defaults),
    ...entries.flatMap(([name, entry]) => [
      ...nameFindings(name),
      ...deleteFindings(['syncs', name], entry, defaults),
      ...lagFindings(['syncs', name], entry, defaults),
      ...columnFindings(['syncs', name], { ...withoutAbsent(defaults), ...withoutAbsent(entry) }),
    ]),
    ...targetFindings(entries),
  ];
}

export function finding(path: ConfigPath, message: string, focus: Finding['focus'] = 'value'): Finding {
  return { code: 'contradiction', path, focus, message };
}

function nameFindings(name: string): Finding[] {
  if (SYNC_NAME.test(name)) return [];
  const message = 'is not a name for a sync; write 1 to 63 of a-z, 0-9, "_" and "-"';
  return [{ code: 'not_allowed', path: ['syncs', name], focus: 'key', message }];
}

function defaultsFindings(defaults: Partial<SyncDefaults>): Finding[] {
  if (defaults.deletes !== 'soft' || defaults.softDeleteColumn !== undefined) return [];
  return [softNeedsColumn(['defaults', 'deletes'])];
}

function deleteFindings(path: ConfigPath, entry: ValidPart, defaults: Partial<SyncDefaults>): Finding[] {
  const mode = entry.deletes ?? defaults.deletes;
  const column = entry.softDeleteColumn ?? defaults.softDeleteColumn;
  if (entry.deletes === 'soft' && column === undefined) return [softNeedsColumn([...path, 'deletes'])];
  if (entry.softDeleteColumn !== undefined && mode !== 'soft') {
    const message = `has no meaning with deletes: ${mode ?? 'hard'}; write deletes: soft, or remove this key`;
    return [finding([...path, 'softDeleteColumn'], message, 'key')];
  }
  return [];
}

/** Between two ticks nobody sees how far the target lags: a shorter limit could not be kept. */
function lagFindings(path: ConfigPath, entry: ValidPart, defaults: Partial<SyncDefaults>): Finding[] {
  const maxLag = entry.maxLag ?? defaults.maxLag ?? '';
  const schedule = entry.schedule ?? defaults.schedule ?? syncDefaults.parse({}).schedule;
  const [most, tick] = [durationSeconds(maxLag), tickSeconds(schedule)];
  if (most === undefined || tick === undefined || most > tick) return [];
  const advice = 'raise maxLag, or tick more often';
  return entry.maxLag === undefined
    ? [finding([...path, 'schedule'], `${schedule} ticks no more often than maxLag (${maxLag}); ${advice}`)]
    : [
        finding(
          [...path, 'maxLag'],
          `${maxLag} is not longer than from tick to tick of ${schedule}; ${advice}`,
        ),
      ];
}

function softNeedsColumn(path: ConfigPath): Finding {
  return finding(path, 'soft needs softDeleteColumn: name the timestamptz column that a delete sets');
}

function targetFindings(entries: readonly (readonly [string, ValidPart])[]): Finding[] {
  const owners = new Map<string, string>();
  return entries.flatMap(([name, { target }]) => {
    const table = target === undefined ? undefined : parseTargetTable(target);
    if (!table) return [];
    const key = JSON.stringify([table.schema, table.table]);
    const owner = owners.get(key);
    if (owner === undefined) {
      owners.set(key, name);
      return [];
    }
    const message = `${displayTable(table)} is the target of syncs.${owner} already; a table has one sync`;
    return [finding(['syncs', name, 'target'], message)];
  });
}

/** Tolerates faults inside `columns` and `metadata` too. */
function validEntry(raw: unknown): ValidPart {
  const entry = validPart(syncEntry.shape, raw) as ValidPart;
  if (!isRecord(raw)) return entry;
  const columns = validPart(columnRules.shape, raw['columns']) as Partial<SyncEntry['columns']>;
  return {
    ...entry,
    columns: { exclude: [], rename: {}, types: {}, ...columns },
    ...(isRecord(raw['metadata']) && { metadata: validPart(metadata.shape, raw['metadata']) }),
  };
}

interface Field {
  safeParse(value: unknown): { readonly success: boolean; readonly data?: unknown };
}

function validPart(shape: Readonly<Record<string, Field>>, raw: unknown): Record<string, unknown> {
  if (!isRecord(raw)) return {};
  const fields = Object.entries(shape).flatMap(([name, field]) => {
    if (!Object.hasOwn(raw, name)) return [];
    const parsed = field.safeParse(raw[name]);
    return parsed.success ? [[name, parsed.data] as const] : [];
  });
  return Object.fromEntries(fields);
}

function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
