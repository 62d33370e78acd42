import { asSyncError, SyncError } from '../error/sync-error.ts';
import { type OperatorEvent, operateSync } from '../sync/operate-sync.ts';
import { type CliIo, widthOf } from './io.ts';
import { jsonDocument } from './json-document.ts';
import { openRuntime } from './open-runtime.ts';
import { type OperatedSync, type OperationOptions, operationsJson } from './operation-report.ts';
import { chooseSyncs, type RuntimeFlags, withServices } from './runtime.ts';
import { styleFor } from './style.ts';

export interface OperateFlags extends RuntimeFlags {
  readonly dryRun?: true;
  readonly json?: true;
}

/** Brings an event to each of the named syncs and prints what came of it. */
export async function operate(
  names: readonly string[],
  event: OperatorEvent,
  flags: OperateFlags,
  render: (operated: OperatedSync, options: OperationOptions) => string[],
  io: CliIo,
): Promise<readonly OperatedSync[]> {
  const dryRun = flags.dryRun === true;
  const runtime = await openRuntime(flags, io);
  const syncs = chooseSyncs(runtime.config, names);
  const operated = await withServices(runtime, { needs: [] }, io, async (services) => {
    const done: OperatedSync[] = [];
    for (const { name: sync } of syncs) {
      try {
        done.push({ sync, operation: await operateSync(services, sync, event, { dryRun }, io.signal) });
      } catch (thrown) {
        if (dryRun || syncs.length === 1) throw thrown;
        throw halfway(thrown, sync, event, names);
      }
    }
    return done;
  });
  if (flags.json) io.stdout.write(jsonDocument(operationsJson(operated, dryRun), flags, io.env));
  else {
    const style = styleFor(io.stdout, io.env, flags);
    const options = { now: io.clock.now(), dryRun, style, width: widthOf(io.stdout) };
    const screen = operated.map((each) => render(each, options).join('\n'));
    io.stdout.write(`${screen.join('\n\n')}\n`);
  }
  return operated;
}

const DONE = { pause: 'Paused', resume: 'Resumed' } as const;

/** The failure at one of several syncs, with what became of each: the answer to a write that was made may be lost. */
function halfway(
  thrown: unknown,
  sync: string,
  { type }: OperatorEvent,
  names: readonly string[],
): SyncError {
  const error = asSyncError(thrown, { sync });
  const at = names.indexOf(sync);
  const { kind, message, fields, commandRemedy: remedy } = error;
  const became = [
    [DONE[type], names.slice(0, at)],
    ['Not certain', [sync]],
    [`Not ${DONE[type].toLowerCase()}`, names.slice(at + 1)],
  ] as const;
  const words = became.flatMap(([word, syncs]) =>
    syncs.length === 0 ? [] : [`${word}: ${syncs.join(', ')}.`],
  );
  return new SyncError(kind, [message, ...words].join(' '), fields, { cause: error, remedy });
}
