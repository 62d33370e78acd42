import type { Command } from 'commander';
import type { RunResult } from '../../sync/drive-syncs.ts';
import type { PlaceFlags } from '../in-place.ts';
import type { CliIo, ExitCode } from '../io.ts';
import { widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { openRuntime } from '../open-runtime.ts';
import { configOption, deploymentOption, jsonOption, localOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatCount, formatNumber } from '../quantity.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from '../runtime.ts';
import { type Style, styleFor } from '../style.ts';
import { layoutFor, renderTable } from '../table.ts';
import { printable, wrap } from '../text.ts';

interface RunFlags extends RuntimeFlags {
  readonly untilIdle?: true;
  readonly verbose?: true;
  readonly json?: true;
}

/** What could not be asked; never 0 or an old number. */
const UNKNOWN = 'unknown';

export function registerRun(program: Command, io: CliIo): void {
  program
    .command('run')
    .helpGroup('Run')
    .summary('sync now')
    .description(
      'Has the planner look at once, and follows what it sends until it is applied. A halted sync is tried again. Deployed, the functions do the work, and Ctrl-C ends no more than the following; with --local planner and writers are in this process.',
    )
    .argument('[sync...]', 'names of syncs; all of them when none is given')
    .addOption(localOption())
    .addOption(deploymentOption())
    .option('--until-idle', 'go on until nothing is left; one plan per sync otherwise')
    .option('--verbose', 'log each step to stderr')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry run customer_profiles\n  lakeferry run --until-idle --json\n  lakeferry run --local --until-idle',
    )
    .action((names: string[], flags: RunFlags) => run(names, flags, io));
}

async function run(names: readonly string[], flags: RunFlags, io: CliIo): Promise<void> {
  const runtime = await openRuntime(flags, io);
  const syncs = chooseSyncs(runtime.config, names);
  const progress = new Progress(io.stderr, io.clock);
  const options = { needs: ['target'], verbose: flags.verbose === true } as const;
  const results = await withServices(runtime, options, io, (services) => {
    progress.update(`syncing ${syncs.map(({ name }) => name).join(', ')}`);
    return runtime.runSyncs({
      services,
      syncs,
      untilIdle: flags.untilIdle === true,
      onProgress: (sync, { done, total }) =>
        progress.update(`${sync}: ${done} of ${formatNumber(total, 'chunk')} applied`),
      signal: io.signal,
    });
  }).finally(() => progress.clear());
  if (flags.json) io.stdout.write(jsonDocument({ syncs: results.map(resultJson) }, flags, io.env));
  else io.stdout.write(`${renderResults(results, io, flags).join('\n')}\n`);
  io.setExitCode(exitCode(results));
}

/** 3 when a sync is halted, 1 when one could not be planned, else 0. */
function exitCode(results: readonly RunResult[]): ExitCode {
  if (results.some(({ state }) => state === 'halted')) return 3;
  return results.some(({ state }) => state === 'failed') ? 1 : 0;
}

function resultJson({ sync, state, through, source, rows, error }: RunResult) {
  return {
    sync,
    state,
    through: through === 'none' ? null : (through ?? UNKNOWN),
    source: source ?? UNKNOWN,
    rows: {
      upserted: rows ? Number(rows.upserted) : UNKNOWN,
      deleted: rows ? Number(rows.deleted) : UNKNOWN,
      rejected: rows ? Number(rows.rejected) : UNKNOWN,
    },
    error: error ?? null,
  };
}

/** Lines of `lakeferry run`: the table, then for each sync that does not go on why, and what to do. */
export function renderResults(
  results: readonly RunResult[],
  io: Pick<CliIo, 'stdout' | 'env'>,
  flags: PlaceFlags = {},
): string[] {
  const style = styleFor(io.stdout, io.env, flags);
  const table = renderTable(
    [
      { header: 'SYNC', cell: ({ sync }: RunResult) => sync, paint: () => style.bold },
      { header: 'STATE', cell: ({ state }) => `${symbolOf(state, style)} ${state}` },
      { header: 'THROUGH', align: 'right', cell: ({ through }) => shown(through) },
      { header: 'SOURCE', align: 'right', cell: ({ source }) => shown(source) },
      { header: 'UPSERTED', align: 'right', cell: ({ rows }) => shown(rows?.upserted) },
      { header: 'DELETED', align: 'right', cell: ({ rows }) => shown(rows?.deleted) },
      { header: 'REJECTED', align: 'right', cell: ({ rows }) => shown(rows?.rejected) },
    ],
    results,
    { layout: layoutFor(io.stdout), width: widthOf(io.stdout), style },
  );
  const errors = results.flatMap(({ sync, state, error }) => {
    if (state === 'paused') {
      return [
        '',
        `  ${style.bold(sync)}  nothing new is planned until:`,
        `    ${style.command(`lakeferry resume ${sync}`)}`,
      ];
    }
    return error
      ? [
          '',
          `  ${style.bold(sync)}  ${error.kind}`,
          ...wrap(printable(error.message), widthOf(io.stdout) - 4).map((line) => `    ${line}`),
          `    ${style.command(printable(error.remedy))}`,
        ]
      : [];
  });
  return [...table, ...errors];
}

function shown(value: bigint | 'none' | undefined): string {
  if (value === undefined) return UNKNOWN;
  return value === 'none' ? value : formatCount(value);
}

function symbolOf(state: RunResult['state'], { symbols }: Style): string {
  switch (state) {
    case 'idle':
      return symbols.ok;
    case 'paused':
      return symbols.paused;
    case 'halted':
    case 'failed':
      return symbols.bad;
    default:
      return state satisfies never;
  }
}
