import { resolve } from 'node:path';
import { addSync, defaultScheduleOf, type SyncAddition } from '../../config/add-sync.ts';
import type { ConfigAddition } from '../../config/config-addition.ts';
import type { ConnectionSettings, LakeferryConfig } from '../../config/lakeferry-config.ts';
import { parseConfig } from '../../config/parse-config.ts';
import { SyncError } from '../../error/sync-error.ts';
import type { Mapping } from '../../plan/mapping.ts';
import type { SourceColumn } from '../../schema/source-column.ts';
import { parseSourceTable, type SourceTable } from '../../schema/table-name.ts';
import { resolveMapping } from '../../sync/resolve-mapping.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { UsageError } from '../usage-error.ts';
import { unfitColumns } from './columns.ts';
import { commandLine, nextCommand } from './command-line.ts';
import { askConnections, connectionAdditions } from './connections.ts';
import { defaultSyncName } from './defaults.ts';
import type { InitFlags } from './flags.ts';
import { Interview, wordText } from './interview.ts';
import { readSourceColumns } from './look.ts';
import {
  askExcluded,
  askSchedule,
  columnLines,
  keyQuestion,
  sourceQuestion,
  targetQuestion,
} from './questions.ts';
import { type Initialised, initialisedJson, renderInitialised } from './report.ts';
import { parseSyncName } from './setting-answers.ts';
import { readFileOf, writeFileOf } from './target-file.ts';

/** Asks for a sync, looks at its source and writes it into the configuration. */
export async function runInit(table: string | undefined, flags: InitFlags, io: CliIo): Promise<void> {
  const yes = flags.yes === true;
  const path = resolve(io.cwd, flags.config);
  const there = await readFileOf(path, flags.config);
  const before = there?.trim() === '' ? undefined : there;
  const config = before === undefined ? undefined : parseConfig(before, flags.config);
  const additions = connectionAdditions(flags, config?.connections, io.env);
  const reach = additions.flatMap(({ question, optional }) => (question && !optional ? [question] : []));
  // A look may propose the key, which `--yes` takes.
  const later = yes && flags.look ? [] : [keyQuestion(flags)];
  const start = new Interview(io, commandLine(flags), { yes });
  const sought = sourceQuestion(table);
  if (table === undefined) start.require([sought, ...reach], later);
  const source = await start.answer(sought);
  const named = parseSourceTable(source);
  if (!named) throw new SyncError('internal', 'A table name passed the schema and did not parse.');
  const command = commandLine(flags, source);
  const interview = new Interview(io, command, { yes });

  const targetSought = targetQuestion(named, flags, config);
  interview.require([targetSought, ...reach], later);
  const name = await askName(interview, named, flags, config, io);
  const target = await interview.answer(targetSought);
  const connections = await askConnections(interview, additions);
  const withoutLook = [...command, { name: '--no-look' }].map(wordText).join(' ');
  const columns = flags.look
    ? await readSourceColumns(named, merged(config?.connections, connections), flags, withoutLook, io)
    : undefined;
  if (columns && io.ask && !yes) {
    io.stderr.write(`${columnLines(named, columns, widthOf(io.stderr)).join('\n')}\n`);
  }
  const primaryKey = await interview.answer(keyQuestion(flags, columns && { source: named, columns }));
  const unfit = unfitColumns(columns ?? []);
  const exclude = await askExcluded(interview, columns, unfit, primaryKey, flags, io);
  const schedule = await askSchedule(interview, defaultScheduleOf(before), flags);

  const sync = {
    name,
    source,
    target,
    primaryKey,
    exclude,
    ...(schedule !== undefined && { schedule }),
    excludedBecause: unfit.filter(({ column }) => exclude.includes(column)).map(({ because }) => because),
    notExcluded: unfit.filter(({ column }) => !exclude.includes(column)),
  };
  const addition = { connections, sync };
  const { text, config: now } = addedOrThrow(addSync(before, addition, flags.config), flags);
  const looked = columns && { columns, mapping: mappingOf(now, addition, columns) };
  const dryRun = flags.dryRun === true;
  if (!dryRun) await writeFileOf(path, flags.config, there, text);
  const done: Initialised = {
    file: flags.config,
    existed: before !== undefined,
    addition,
    text,
    ...(looked && { looked }),
    next: nextCommand(name, flags),
  };
  io.stdout.write(
    flags.json
      ? jsonDocument(initialisedJson(done, dryRun))
      : `${renderInitialised(done, dryRun, io).join('\n')}\n`,
  );
}

function askName(
  interview: Interview,
  source: SourceTable,
  flags: InitFlags,
  config: LakeferryConfig | undefined,
  io: CliIo,
): Promise<string> {
  const usual = defaultSyncName(source);
  const isTaken = flags.name === undefined && config?.syncs.has(usual) === true;
  const someoneMayChoose = isTaken && io.ask !== undefined && flags.yes !== true;
  return interview.answer({
    flag: '--name <name>',
    what: someoneMayChoose ? `Name of the sync, since there is a sync ${usual} already` : 'Name of the sync',
    given: flags.name ?? (someoneMayChoose ? undefined : usual),
    parse: (answer) =>
      config?.syncs.has(answer)
        ? { problem: `${flags.config} has a sync "${answer}" already` }
        : parseSyncName(answer),
  });
}

function merged(has: ConnectionSettings | undefined, added: ConnectionSettings): ConnectionSettings {
  return {
    databricks: { ...has?.databricks, ...added.databricks },
    neon: { ...has?.neon, ...added.neon },
    aws: { ...has?.aws, ...added.aws },
  };
}

/** The text to write, and what it means. */
function addedOrThrow(
  added: SyncAddition,
  { config: file }: InitFlags,
): Extract<SyncAddition, { outcome: 'added' }> {
  switch (added.outcome) {
    case 'added':
      return added;
    case 'contradiction': {
      const problems = added.problems.map(({ path, message }) => `${path} ${message}`).join('; ');
      throw new UsageError(
        `With this sync ${file} would have a contradiction: ${problems}.`,
        'Give another value, or change the file first; nothing was written',
      );
    }
    case 'no_place':
      throw new UsageError(
        `${file} is written in a way that a sync cannot be added to.`,
        'Add the sync by hand: "lakeferry init" with "-c" and the name of a new file shows its form',
      );
    default:
      return added satisfies never;
  }
}

/** As the planner maps the columns, once those that Postgres cannot hold are left out. */
function mappingOf(
  config: LakeferryConfig,
  { sync: { name, notExcluded } }: ConfigAddition,
  columns: readonly SourceColumn[],
): Mapping {
  const sync = config.syncs.get(name);
  if (!sync) throw new SyncError('internal', 'The sync that was added is not in the configuration.');
  const exclude = [...sync.columns.exclude, ...notExcluded.map(({ column }) => column)];
  return resolveMapping({ ...sync, columns: { ...sync.columns, exclude } }, columns, undefined);
}
