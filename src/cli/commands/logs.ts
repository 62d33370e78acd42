import { setTimeout as wait } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FunctionLogs, LogEntry, LogFilter } from '../../deployment/read-logs.ts';
import type { CliIo } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { logEntryJson, renderLogEntry } from '../log-report.ts';
import { configOption, deploymentOption, jsonOption } from '../options.ts';
import { chooseSyncs } from '../runtime.ts';
import { styleFor } from '../style.ts';

interface LogsFlags {
  readonly config: string;
  readonly deployment?: string;
  /** Milliseconds. */
  readonly since: number;
  readonly plan?: string;
  readonly follow?: true;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
const POLL_MS = 2_000;
/** How late CloudWatch may show an entry: each look goes back by so much, and leaves out what was printed. */
const LATENESS_MS = 60_000;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS };

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
    .option('--follow', 'go on until Ctrl-C')
    .addOption(deploymentOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nWith --follow, --json prints one document per entry.\n\nExamples:\n  lakeferry logs orders\n  lakeferry logs orders --since 2d --plan 0b9f4a1c-6f0e-4a53-9d0e-1c2f3a4b5c6d\n  lakeferry logs --follow --json',
    )
    .action((sync: string | undefined, flags: LogsFlags) => logs(sync, flags, io));
}

async function logs(sync: string | undefined, flags: LogsFlags, io: CliIo): Promise<void> {
  // Loaded only here, with the clients of AWS.
  const { openDeployment } = await import('../deployed-runtime.ts');
  const { openLogs } = await import('../../deployment/read-logs.ts');
  const { config, deployment } = await openDeployment(flags, io);
  if (sync !== undefined) chooseSyncs(config, [sync]);
  const { region, plannerLogGroup: planner, writerLogGroup: writer } = deployment;
  const source = openLogs({ region, planner, writer });
  const filter = {
    since: io.clock.now() - flags.since,
    ...(sync !== undefined && { sync }),
    ...(flags.plan !== undefined && { planId: flags.plan }),
  };
  try {
    if (flags.follow) await follow(source, filter, flags, io);
    else print(await source.read(filter, io.signal), flags, io);
  } finally {
    source.close();
  }
}

function print(entries: readonly LogEntry[], { json, since }: LogsFlags, io: CliIo): void {
  if (json) {
    io.stdout.write(jsonDocument({ entries: entries.map(logEntryJson) }));
    return;
  }
  write(entries, io);
  if (entries.length === 0) io.stderr.write(`Nothing in the last ${since / 60_000} minutes; see --since.\n`);
}

function write(entries: readonly LogEntry[], io: CliIo): void {
  const style = styleFor(io.stdout, io.env);
  for (const entry of entries) io.stdout.write(`${renderLogEntry(entry, style)}\n`);
}

async function follow(
  source: FunctionLogs,
  filter: LogFilter,
  { json }: LogsFlags,
  io: CliIo,
): Promise<void> {
  let printed = new Map<string, number>();
  for (let { since } = filter; ; ) {
    const entries = await source.read({ ...filter, since }, io.signal);
    const fresh = entries.filter(({ id }) => !printed.has(id));
    if (json) for (const entry of fresh) io.stdout.write(jsonDocument(logEntryJson(entry)));
    else write(fresh, io);
    for (const { id, at } of fresh) printed.set(id, at);
    since = Math.max(since, (entries.at(-1)?.at ?? 0) - LATENESS_MS);
    printed = new Map([...printed].filter(([, at]) => at >= since));
    await wait(POLL_MS, undefined, { signal: io.signal });
  }
}

function parseAge(text: string): number {
  const [, count = '', unit = ''] = /^([1-9][0-9]{0,4})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (unitMs === undefined) throw new InvalidArgumentError('Write a number and s, m, h or d, such as 15m.');
  return Number(count) * unitMs;
}

function parsePlanId(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new InvalidArgumentError('It is the whole id of a plan, a UUID.');
}
