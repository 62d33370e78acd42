import type { SyncConfig } from '../config/sync-config.ts';
import type { RunResult } from '../sync/drive-syncs.ts';
import { type CliIo, widthOf } from './io.ts';
import { jsonDocument } from './json-document.ts';
import { Progress } from './progress.ts';
import { formatNumber } from './quantity.ts';
import { type Runtime, type RuntimeFlags, withServices } from './runtime.ts';
import { type Style, styleFor } from './style.ts';
import { printable, wrap } from './text.ts';

/** What came of a retry. Keys are counted, never shown. */
export interface Retried {
  readonly sync: string;
  readonly dryRun: boolean;
  /** Keys that stood aside before and, unless `dryRun`, after. */
  readonly before: bigint;
  readonly after: bigint;
  /** Of those before: what can be looked for in the source. A row whose key is NULL cannot; at most 10,000 at once. */
  readonly retried: number;
  readonly run?: RunResult;
}

export interface RetryRequest {
  readonly runtime: Runtime;
  readonly sync: SyncConfig;
  readonly flags: RuntimeFlags;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `lakeferry rejected --retry`: catches up with the source, then reads the rows that stand aside again. */
export async function retryRejected(request: RetryRequest, io: CliIo): Promise<void> {
  const { runtime, sync, dryRun } = request;
  const progress = new Progress(io.stderr, io.clock);
  const retried = await withServices(
    runtime,
    { needs: ['target'] },
    io,
    async (services): Promise<Retried> => {
      const { target } = services;
      const { name } = sync;
      const { keys: before } = await target.readRejected(name, 1, io.signal);
      const keys = await target.readRetryKeys(name, io.signal);
      const found = { sync: name, dryRun, before, retried: keys.length };
      if (dryRun || keys.length === 0) return { ...found, after: before };
      progress.update(`trying ${formatNumber(keys.length, 'row')} of ${name} again`);
      const options = { services, syncs: [sync], untilIdle: true, retryRejected: true, signal: io.signal };
      const [run] = await runtime.runSyncs(options);
      const { keys: after } = await target.readRejected(name, 1, io.signal);
      return { ...found, after, ...(run === undefined ? {} : { run }) };
    },
  ).finally(() => progress.clear());
  if (request.json) io.stdout.write(jsonDocument(retriedJson(retried), request.flags, io.env));
  else {
    const options = { style: styleFor(io.stdout, io.env, request.flags), width: widthOf(io.stdout) };
    io.stdout.write(`${renderRetried(retried, options).join('\n')}\n`);
  }
  if (retried.run?.state === 'failed') io.setExitCode(1);
  else if (retried.run?.state === 'halted' || (!dryRun && retried.after > 0n)) io.setExitCode(3);
}

/** Lines of `lakeferry rejected --retry`; the last one is what to do now, where there is something. */
export function renderRetried(
  { sync, dryRun, before, after, retried, run }: Retried,
  { style, width }: { readonly style: Style; readonly width: number },
): string[] {
  const name = style.bold(sync);
  const ok = style.green(style.symbols.ok);
  const look = style.yellow(style.symbols.look);
  if (before === 0n) return [`${ok} No row of ${name} is rejected.`];
  if (run?.error) {
    return [
      `${style.red(style.symbols.bad)} ${name} is ${run.state}: ${run.error.kind}.`,
      ...wrap(printable(run.error.message), width - 2).map((line) => `  ${line}`),
      `  ${style.command(printable(run.error.remedy))}`,
    ];
  }
  if (run?.state === 'paused') {
    return [
      `${look} ${name} is paused: nothing was tried.`,
      `  ${style.command(`lakeferry resume ${sync}`)}`,
    ];
  }
  const others = before - BigInt(retried);
  const notes =
    others > 0n
      ? [`  ${formatNumber(others, 'row')} not tried: the key is NULL, or 10,000 others wait for longer.`]
      : [];
  if (dryRun || retried === 0) {
    return [`${look} ${formatNumber(retried, 'row')} of ${name} would be tried again.`, ...notes];
  }
  const applied = before > after ? before - after : 0n;
  if (after === 0n)
    return [`${ok} ${formatNumber(applied, 'row')} of ${name} applied; none is rejected any more.`];
  return [
    `${look} ${formatNumber(applied, 'row')} of ${name} applied; ${formatNumber(after, 'row')} still rejected.`,
    ...notes,
    `  ${style.command(`lakeferry rejected ${sync}`)}`,
  ];
}

function retriedJson({ sync, dryRun, before, after, retried, run }: Retried) {
  return {
    dryRun,
    sync,
    before: Number(before),
    after: Number(after),
    retried,
    state: run?.state ?? null,
    error: run?.error ?? null,
  };
}
