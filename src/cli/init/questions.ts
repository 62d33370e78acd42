import type { LakeferryConfig } from '../../config/lakeferry-config.ts';
import type { SourceColumn } from '../../schema/source-column.ts';
import { displayTable, parseTargetTable, type SourceTable } from '../../schema/table-name.ts';
import type { CliIo } from '../io.ts';
import { formatNumber } from '../quantity.ts';
import { printable, truncate, wrap } from '../text.ts';
import { likelyKey, parseColumnNames, parseKey, type UnfitColumn } from './columns.ts';
import { defaultTarget } from './defaults.ts';
import type { InitFlags } from './flags.ts';
import type { Interview, Question } from './interview.ts';
import { parseSchedule, parseSource, parseTarget } from './setting-answers.ts';

export function sourceQuestion(given: string | undefined): Question<string> {
  return {
    flag: '<catalog.schema.table>',
    what: 'Source table in Databricks',
    hint: 'catalog.schema.table',
    given,
    parse: parseSource,
  };
}

/** The target table as the file is to have it; one that is the target of a sync already is none. */
export function targetQuestion(
  source: SourceTable,
  flags: InitFlags,
  config: LakeferryConfig | undefined,
): Question<string> {
  const fallback = defaultTarget(source);
  return {
    flag: '--target <schema.table>',
    what: 'Target table in Postgres',
    given: flags.target,
    ...(fallback !== undefined && { fallback }),
    parse: (answer) => {
      const parsed = parseTarget(answer);
      const table = parseTargetTable(answer);
      const owner = [...(config?.syncs.values() ?? [])].find(
        ({ target }) => target.schema === table?.schema && target.table === table.table,
      );
      if (owner === undefined) return parsed;
      return { problem: `"${answer}" is the target of the sync ${owner.name} already; a table has one sync` };
    },
  };
}

/** `seen` is the table that was looked at. */
export function keyQuestion(
  flags: InitFlags,
  seen?: { readonly source: SourceTable; readonly columns: readonly SourceColumn[] },
): Question<readonly string[]> {
  const likely = seen && likelyKey(seen.source, seen.columns);
  return {
    flag: '--key <columns>',
    what: 'Primary key',
    hint: 'a column, or several separated by commas',
    given: flags.key,
    ...(likely !== undefined && { fallback: likely, guessed: true }),
    parse: (answer) => parseKey(answer, seen?.columns),
  };
}

/** Columns to leave out: those that the flag names, and those that Postgres cannot hold if somebody agrees. */
export async function askExcluded(
  interview: Interview,
  columns: readonly SourceColumn[] | undefined,
  unfit: readonly UnfitColumn[],
  key: readonly string[],
  flags: InitFlags,
  io: CliIo,
): Promise<readonly string[]> {
  const named = interview.flagged({
    flag: '--exclude <columns>',
    what: 'Columns to leave out',
    given: flags.exclude,
    parse: (answer) => {
      const parsed = parseColumnNames(answer, columns);
      if ('problem' in parsed) return parsed;
      const inKey = parsed.value.find((name) => key.includes(name));
      return inKey === undefined ? parsed : { problem: `"${inKey}" is a key column and must be synced` };
    },
  });
  const excluded = named ?? [];
  const left = unfit.filter(({ column }) => !excluded.includes(column));
  if (left.length === 0) return excluded;
  for (const { because } of left) io.stderr.write(`${printable(because)}\n`);
  const agreed = await interview.agreed(`Leave ${left.length === 1 ? 'it' : 'them'} out?`);
  return agreed ? [...excluded, ...left.map(({ column }) => column)] : excluded;
}

/** Undefined for the file's own default. */
export async function askSchedule(
  interview: Interview,
  fallback: string,
  flags: InitFlags,
): Promise<string | undefined> {
  const schedule = await interview.answer({
    flag: '--schedule <expression>',
    what: 'Schedule',
    hint: 'how often to look for changes',
    given: flags.schedule,
    fallback,
    parse: parseSchedule,
  });
  return schedule === fallback ? undefined : schedule;
}

const MAX_SHOWN = 40;
const MAX_TYPE = 24;

/** Lines for the person who is to name columns. */
export function columnLines(source: SourceTable, columns: readonly SourceColumn[], width: number): string[] {
  const shown = columns
    .slice(0, MAX_SHOWN)
    .map(({ name, type }) => `${name} ${truncate(type, MAX_TYPE, '...')}`);
  const more = columns.length > MAX_SHOWN ? `, and ${columns.length - MAX_SHOWN} more` : '';
  const text = `${displayTable(source)} has ${formatNumber(columns.length, 'column')}: ${shown.join(', ')}${more}`;
  return wrap(printable(text), width);
}
