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
      done.push({ sync, operation: await operateSync(services, sync, event, { dryRun }, io.signal) });
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
