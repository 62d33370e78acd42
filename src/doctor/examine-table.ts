import type { SyncConfig } from '../config/sync-config.ts';
import type { SyncError } from '../error/sync-error.ts';
import type { Mapping } from '../plan/mapping.ts';
import { displayTable } from '../schema/table-name.ts';
import type { Source } from '../source/source.ts';
import type { FeedFacts, KeySample, SourceSurvey, WarehouseFacts } from '../source/survey.ts';
import { resolveMapping } from '../sync/resolve-mapping.ts';
import { attemptWithin } from './attempt-within.ts';
import { counted } from './count.ts';
import { about, advise, type Finding } from './finding.ts';
import { fixOf, wordsOf } from './fixes.ts';

const LIMIT_MS = 60_000;
/** Grouping a million keys takes a warehouse seconds. */
const SAMPLED_KEYS = 1_000_000;
/** A sync that halts on a Friday evening is seen to on Monday. */
const MIN_KEPT_DAYS = 3;
/** What Delta keeps unless the table says otherwise. */
const DEFAULT_KEPT = 'interval 7 days';

export interface TableExam {
  readonly findings: readonly Finding[];
  /** Absent where the columns could not be mapped. */
  readonly mapping?: Mapping;
}

/** One source table, once the warehouse answers. `existing` are the target's columns and their types, where it is there. */
export async function examineTable(
  source: Source & SourceSurvey,
  config: SyncConfig,
  { principal }: WarehouseFacts,
  existing: ReadonlyMap<string, string> | undefined,
  signal: AbortSignal,
): Promise<TableExam> {
  const name = displayTable(config.source);
  const table = about('databricks', name, config.name);
  const owner = `Databricks (owner of ${name})`;
  const failed = (check: string, error: SyncError): Finding =>
    table.problem(
      check,
      wordsOf(error),
      error.kind === 'source_permission'
        ? { by: owner, paste: source.grants(config.source, principal) }
        : fixOf(error, config.name),
    );

  const look = await attemptWithin(signal, LIMIT_MS, (limited) => source.look(config.source, limited));
  if (look.error) return { findings: [failed('table', look.error)] };
  const { version } = look.value.latest;
  const [feed, columns] = await Promise.all([
    attemptWithin(signal, LIMIT_MS, (limited) => source.readFeed(config.source, limited)),
    attemptWithin(signal, LIMIT_MS, (limited) => source.readColumns(config.source, limited)),
  ]);
  const findings: Finding[] = [
    table.ok('table', `at version ${version.toLocaleString('en-US')}`),
    ...(feed.error ? [failed('change feed', feed.error)] : feedFindings(feed.value)),
  ];
  if (columns.error) return { findings: [...findings, failed('columns', columns.error)] };

  const mapping = await attemptWithin(signal, LIMIT_MS, async () =>
    resolveMapping(config, columns.value, existing),
  );
  if (mapping.error) return { findings: [...findings, failed('columns', mapping.error)] };
  findings.push(table.ok('columns', `${counted(mapping.value.columns.length, 'column')} can be mapped`));
  const sample = await attemptWithin(signal, LIMIT_MS, (limited) =>
    source.sampleKeys(config.source, version, mapping.value, SAMPLED_KEYS, limited),
  );
  if (sample.error) {
    findings.push(
      sample.error.kind === 'cancelled'
        ? table.unchecked(
            'key',
            `whether the key is unique: ${wordsOf(sample.error)}`,
            advise(
              'Run it again with the warehouse awake, or a larger one: the key columns of the whole table are read.',
            ),
          )
        : failed('key', sample.error),
    );
  } else findings.push(...keyFindings(sample.value));
  return { findings, mapping: mapping.value };

  function feedFindings({ changeFeed, deletedFileRetention, logRetention }: FeedFacts): Finding[] {
    const days = keptDays(deletedFileRetention ?? DEFAULT_KEPT, logRetention);
    return [
      changeFeed
        ? table.ok(
            'change feed',
            `change feed on${days === undefined ? '' : `, kept ${counted(days, 'day')}`}`,
          )
        : table.problem('change feed', 'change feed is off', {
            by: owner,
            paste: [source.switchingOn(config.source)],
            advice:
              'Changes made before this are not in the feed; the first sync is a snapshot, which does not need them.',
          }),
      ...(days !== undefined && days < MIN_KEPT_DAYS ? [shortlyKept(days)] : []),
    ];
  }

  function shortlyKept(days: number): Finding {
    return table.note(
      'retention',
      `changes are kept for ${counted(days, 'day')}: a sync that stands still for longer is loaded anew`,
      {
        by: owner,
        paste: [source.keepingFor(config.source, 30)],
      },
    );
  }

  function keyFindings({ oneIn, rows, repeated, nullRows }: KeySample): Finding[] {
    const key = config.primaryKey.join(', ');
    const part = oneIn === 1 ? 'all' : `one key in ${oneIn.toLocaleString('en-US')}`;
    const fix = advise(
      `Name in syncs.${config.name}.primaryKey the columns that identify a row, or have the repeated rows removed from the source.`,
    );
    return [
      repeated > 0
        ? table.problem(
            'key',
            `${counted(repeated, 'key')} (${key}) with more than one row, ${part} looked at`,
            fix,
          )
        : table.ok('key', `key unique in ${counted(rows, 'row')}${oneIn === 1 ? '' : ` (${part})`}`),
      ...(nullRows === 0 ? [] : [nullFinding(`${counted(nullRows, 'row')} with NULL in the key (${key})`)]),
    ];
  }

  function nullFinding(rows: string): Finding {
    if (config.rejectedRows === 'quarantine')
      return table.note('key', `${rows}, put aside by rejectedRows: quarantine`);
    return table.problem(
      'key',
      `${rows}, at which the sync will halt`,
      advise(
        `Leave them out with syncs.${config.name}.where, or let them be put aside: syncs.${config.name}.rejectedRows: quarantine.`,
      ),
    );
  }
}

/** How long both the files and the log are kept; undefined where a setting has a form that is not known here. */
function keptDays(files: string, log: string | undefined): number | undefined {
  const days = [files, ...(log === undefined ? [] : [log])].map(daysOf);
  return days.includes(undefined) ? undefined : Math.min(...(days as number[]));
}

const DAYS: Readonly<Record<string, number>> = { hour: 1 / 24, day: 1, week: 7, month: 30, year: 365 };

/** Of a Delta interval such as `interval 1 week` or `interval 168 hours`; undefined for another form. */
function daysOf(interval: string): number | undefined {
  const [, value, unit] = /^(?:interval )?(\d+) (hour|day|week|month|year)s?$/i.exec(interval.trim()) ?? [];
  const days = unit === undefined ? undefined : DAYS[unit.toLowerCase()];
  return days === undefined ? undefined : Math.round(Number(value) * days * 10) / 10;
}
