import { setTimeout as wait } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CONFIG_FILE } from '../../config/config-file.ts';
import type { LogEntry, LogFilter, LogPart } from '../../deployment/read-logs.ts';
import type { CliIo } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { logEntryJson, renderLogEntry } from '../log-report.ts';
import { configOption, deploymentOption, jsonOption, localOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatCount, formatNumber } from '../quantity.ts';
import { chooseSyncs } from '../runtime.ts';
import { styleFor } from '../style.ts';
import { shellWord } from '../text.ts';
import { UsageError } from '../usage-error.ts';

interface LogsFlags {
  readonly config: string;
  readonly deployment?: string;
  readonly local?: true;
  /** Milliseconds. */
  readonly since: number;
  readonly limit: number;
  readonly plan?: string;
  readonly follow?: true;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
const POLL_MS = 2_000;
/** How late CloudWatch may show an entry: each look goes back by so much, and leaves out what was printed. */
const LATENESS_MS = 60_000;
/** Without entries to tell CloudWatch's time by: how wrong this machine's clock may be. */
const CLOCK_ERROR_MS = 10 * 60_000;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS };
const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 100_000;

export function registerLogs(program: Command, io: CliIo): void {
  program
    .command('logs')
    .helpGroup('Run')
    .summary('what planner and writer did')
    .description(
      'Prints what the deployed planner and writer wrote to CloudWatch Logs, oldest first: of one sync, or of all. They log no row values and no keys.',
    )
    .argument('[sync]', 'name of a sync')
    .addOption(new Option('--plan <id>', 'of one plan').argParser(parsePlanId))
    .addOption(
      new Option('--since <age>', 'how far back, as 90s, 15m, 1h or 2d')
        .default(HOUR_MS, '1h')
        .argParser(parseAge),
    )
    .addOption(
      new Option('--limit <entries>', 'at most so many, the newest')
        .default(DEFAULT_LIMIT)
        .argParser(parseLimit),
    )
    .option('--follow', 'go on until Ctrl-C')
    .addOption(deploymentOption())
    // Known, so that whoever types it hears where else to look.
    .addOption(localOption().hideHelp())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nWith --follow, --json prints one document per entry; --limit is for each look.\n\nExamples:\n  lakeferry logs orders\n  lakeferry logs orders --since 2d --plan 0b9f4a1c-6f0e-4a53-9d0e-1c2f3a4b5c6d\n  lakeferry logs --follow --json',
    )
    .action((sync: string | undefined, flags: LogsFlags) => logs(sync, flags, io));
}

async function logs(sync: string | undefined, flags: LogsFlags, io: CliIo): Promise<void> {
  if (flags.local) throw noLocalLog(sync);
  // Loaded only here, with the clients of AWS.
  const { openDeployment } = await import('../deployed-runtime.ts');
  const { openLogs } = await import('../../deployment/read-logs.ts');
  const { config, deployment } = await openDeployment(flags, io);
  if (sync !== undefined) chooseSyncs(config, [sync]);
  const { region, plannerLogGroup: planner, writerLogGroup: writer } = deployment;
  const source = openLogs({ region, planner, writer });
  const filter = {
    since: io.clock.now() - flags.since,
    limit: flags.limit,
    ...(sync !== undefined && { sync }),
    ...(flags.plan !== undefined && { planId: flags.plan }),
  };
  const progress = new Progress(io.stderr, io.clock);
  progress.update('reading the logs');
  const read = async (wanted: LogFilter): Promise<LogPart> => {
    const onRead = (count: number) =>
      progress.update(`reading the logs: ${formatNumber(count, 'entry', 'entries')}`);
    const part = await source.read(wanted, onRead, io.signal).finally(() => progress.clear());
    if (part.leftOut > 0) io.stderr.write(`${leftOutNote(part.leftOut, sync, flags)}\n`);
    return part;
  };
  try {
    if (flags.follow) await follow(read, filter, flags, io);
    else print(await read(filter), flags, io);
  } finally {
    source.close();
  }
}

function noLocalLog(sync: string | undefined): UsageError {
  const run = ['lakeferry run', ...(sync === undefined ? [] : [shellWord(sync)]), '--verbose'];
  return new UsageError(
    'The local stack keeps no log: planner and writers log to stderr of the run that they are part of, with --verbose.',
    run.join(' '),
  );
}

function print({ entries, leftOut }: LogPart, { json, since }: LogsFlags, io: CliIo): void {
  if (json) {
    io.stdout.write(jsonDocument({ entries: entries.map(logEntryJson), leftOut }));
    return;
  }
  write(entries, io);
  if (entries.length === 0) io.stderr.write(`Nothing in the last ${ageText(since)}; see --since.\n`);
}

function write(entries: readonly LogEntry[], io: CliIo): void {
  const style = styleFor(io.stdout, io.env);
  for (const entry of entries) io.stdout.write(`${renderLogEntry(entry, style)}\n`);
}

/** Prints what comes, each entry once. What a look left out for its limit is not looked for again. */
async function follow(
  read: (filter: LogFilter) => Promise<LogPart>,
  filter: LogFilter,
  { json }: LogsFlags,
  io: CliIo,
): Promise<void> {
  let printed = new Map<string, number>();
  for (let { since } = filter; ; ) {
    const lookedAt = io.clock.now();
    const { entries, leftOut } = await read({ ...filter, since, except: printed });
    if (json) for (const entry of entries) io.stdout.write(jsonDocument(logEntryJson(entry)));
    else write(entries, io);
    for (const { id, at } of entries) printed.set(id, at);
    since = nextSince(since, { entries, leftOut }, lookedAt);
    printed = new Map([...printed].filter(([, at]) => at >= since));
    await wait(POLL_MS, undefined, { signal: io.signal });
  }
}

/** From when on the next look asks, so that it does not go through hours again in which nothing fits the filter. */
export function nextSince(since: number, { entries, leftOut }: LogPart, lookedAt: number): number {
  const oldest = leftOut > 0 ? entries[0]?.at : undefined;
  const newest = entries.at(-1)?.at;
  return Math.max(since, oldest ?? 0, (newest ?? 0) - LATENESS_MS, lookedAt - LATENESS_MS - CLOCK_ERROR_MS);
}

/** How many older entries there are, and the command that shows them too. */
function leftOutNote(leftOut: number, sync: string | undefined, flags: LogsFlags): string {
  const wanted = flags.limit + leftOut;
  const what = `${formatNumber(leftOut, 'older entry', 'older entries')} left out`;
  if (wanted > MAX_LIMIT) {
    return `${what}; ${formatCount(MAX_LIMIT)} can be shown at once: name a sync or a plan, or a shorter --since.`;
  }
  const words = [
    'lakeferry logs',
    ...(sync === undefined ? [] : [sync]),
    ...(flags.since === HOUR_MS ? [] : [`--since ${ageText(flags.since)}`]),
    ...(flags.plan === undefined ? [] : [`--plan ${flags.plan}`]),
    ...(flags.deployment === undefined ? [] : [`--deployment ${flags.deployment}`]),
    ...(flags.config === CONFIG_FILE ? [] : [`--config ${flags.config}`]),
    `--limit ${wanted}`,
  ];
  return `${what}; to see them: ${words.join(' ')}`;
}

/** As `--since` is typed: `90s`, `15m`, `1h`, `2d`. */
function ageText(ms: number): string {
  const [unit, unitMs] = Object.entries(UNITS_MS).findLast(([, each]) => ms % each === 0) ?? ['s', 1_000];
  return `${ms / unitMs}${unit}`;
}

function parseAge(text: string): number {
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,4})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (unitMs === undefined) throw new InvalidArgumentError('Write a number and s, m, h or d, such as 15m.');
  return Number(count) * unitMs;
}

function parseLimit(text: string): number {
  const limit = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_LIMIT}.`);
}

function parsePlanId(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new InvalidArgumentError('It is the whole id of a plan, a UUID.');
}
