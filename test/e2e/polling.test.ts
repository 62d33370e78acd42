import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import type { SourceLook } from '../../src/source/source.ts';
import { operateSync } from '../../src/sync/operate-sync.ts';
import type { Tick } from '../../src/sync/plan-sync.ts';
import { pollSync } from '../../src/sync/poll-sync.ts';
import { type Lag, noMetrics } from '../../src/telemetry/metrics.ts';
import { aBench, type Bench, type ControlServices, errorOf, only, overriding } from '../support/control.ts';
import { functionsOn } from '../support/invoke.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { quickestMs } from '../support/quickest.ts';

const MINUTE_MS = 60_000;
/** How long before Lambda's timeout the function stops its work. */
const EARLY_MS = 5_000;

describe('a planner that polls', () => {
  let lake: Lake;
  let bench: Bench;
  /** What happens during each pause, in turn; nothing happens in those after. */
  let during: (() => unknown)[];
  let pauses: number;

  beforeAll(async () => {
    lake = await startLake();
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    bench = await aBench(lake);
    await bench.settle();
    during = [];
    pauses = 0;
  });

  async function pause(ms: number): Promise<void> {
    bench.services.clock.advance(ms);
    await during[pauses++]?.();
  }

  function poll(over: Partial<ControlServices> = {}, signal = NEVER): Promise<Tick> {
    const until = bench.services.clock.now() + MINUTE_MS;
    return pollSync({ ...bench.services, ...over }, bench.config, { until, pause }, signal);
  }

  const insert = () => lake.sql(`insert into ${bench.source} values (${10 + pauses}, 'new')`);
  const deliver = async () => {
    for (const message of bench.take()) await bench.apply(message);
  };

  it('applies what comes within its minute, and ends with the minute', async () => {
    during = [insert, deliver, insert, deliver];
    const startedAt = bench.services.clock.now();
    expect(await poll()).toMatchObject({ outcome: 'sent' });
    expect(pauses).toBe(12);
    expect(bench.services.clock.now() - startedAt).toBe(MINUTE_MS);
    const { source, target } = await bench.both();
    expect(target).toEqual(source);
  });

  it('asks one look and one read of a poll that finds nothing, and writes nothing', async () => {
    const calls: string[] = [];
    const counted = <T extends object>(base: T, names: readonly (keyof T & string)[]): T =>
      overriding(
        base,
        Object.fromEntries(
          names.map((name) => [
            name,
            (...args: unknown[]) => {
              calls.push(name);
              return (base[name] as (...all: unknown[]) => unknown).apply(base, args);
            },
          ]),
        ) as Partial<T>,
      );
    const { source, checkpoints, target } = bench.services;
    let afterFirstTick = 0;
    during = [
      () => {
        afterFirstTick = calls.length;
      },
    ];
    const tick = await poll({
      source: counted(source, [
        'look',
        'readColumns',
        'readHistory',
        'readSchemaEffects',
        'countRows',
        'readTableId',
      ]),
      checkpoints: counted(checkpoints, ['read', 'write', 'readProgress', 'addDone']),
      target: counted(target, ['migrate', 'readState', 'readColumnTypes', 'ensureTable', 'open', 'finish']),
    });
    expect(tick).toEqual({ outcome: 'idle' });
    expect(calls.slice(afterFirstTick)).toEqual(Array.from({ length: 12 }, () => ['read', 'look']).flat());
  });

  it('looks after a plan in flight at once, and leaves it to its writers then', async () => {
    await insert();
    await bench.tick();
    const message = only(bench.take());
    const looks: number[] = [];
    const source = overriding(bench.services.source, {
      look: async (...args): Promise<SourceLook> => {
        looks.push(pauses);
        return bench.services.source.look(...args);
      },
    });
    during = [undefined, undefined, () => bench.apply(message)].map((work) => work ?? (() => {}));
    expect(await poll({ source })).toEqual({ outcome: 'busy' });
    expect(looks).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(await bench.state()).toBe('idle');
  });

  it('finishes a plan whose writer died before it could', async () => {
    await insert();
    await bench.tick();
    const died = async () => {
      throw new SyncError('target_unavailable', 'The writer died here.');
    };
    const target = overriding(bench.services.target, { finish: died });
    await errorOf(bench.apply(only(bench.take()), { target }));
    expect(await bench.state()).toBe('applying');
    expect(await poll()).toEqual({ outcome: 'idle' });
    expect(await bench.state()).toBe('idle');
  });

  it('ends soon after its signal aborts, with its last tick', async () => {
    const stop = new AbortController();
    during = [() => {}, () => stop.abort()];
    expect(await poll({}, stop.signal)).toEqual({ outcome: 'idle' });
    expect(pauses).toBe(2);
  });

  it('ends a real pause when its signal aborts', async () => {
    const { checkpoints } = bench.services;
    const tookMs = await quickestMs(4_000, async () => {
      const stop = new AbortController();
      const write: typeof checkpoints.write = async (...args) => {
        const written = await checkpoints.write(...args);
        // The tick ends with this write, in the same turn of the loop.
        if (args[1].state === 'idle') setTimeout(() => stop.abort());
        return written;
      };
      const services = { ...bench.services, checkpoints: overriding(checkpoints, { write }) };
      const polled = pollSync(services, bench.config, { until: Number.MAX_SAFE_INTEGER }, stop.signal);
      expect(await polled).toEqual({ outcome: 'idle' });
    });
    expect(tookMs).toBeLessThan(4_000);
  });

  it('is what the function does for a schedule that is continuous, until its own time runs out', async () => {
    const functions = functionsOn(bench.services, bench.config);
    const event = { sync: bench.config.name, continuous: true };
    const startedAt = performance.now();
    expect(await functions.plan(event, EARLY_MS + 6_000)).toEqual({ outcome: 'idle' });
    expect(performance.now() - startedAt).toBeGreaterThan(5_900);
  });

  it('ends when a person pauses the sync, and at once when it is paused already', async () => {
    const event = { type: 'pause', by: 'ana', reason: '', now: 0 } as const;
    during = [() => operateSync(bench.services, bench.config.name, event, { dryRun: false }, NEVER)];
    expect(await poll()).toEqual({ outcome: 'paused' });
    expect(pauses).toBe(1);
    expect(await poll()).toEqual({ outcome: 'paused' });
    expect(pauses).toBe(1);
  });

  it('throws what a poll meets, so that it counts as an error of the function', async () => {
    const source = overriding(bench.services.source, {
      look: async (...args): Promise<SourceLook> => {
        if (pauses > 0) throw new SyncError('source_unavailable', 'The warehouse is away.');
        return bench.services.source.look(...args);
      },
    });
    expect(await errorOf(poll({ source }))).toMatchObject({ kind: 'source_unavailable' });
    expect(pauses).toBe(1);
  });
});

describe('a tick', () => {
  let lake: Lake;
  let bench: Bench;
  let told: { readonly halted: string[]; readonly lag: Lag[] };

  beforeAll(async () => {
    lake = await startLake();
  });
  afterAll(() => lake?.close());

  beforeEach(async () => {
    bench = await aBench(lake, { maxLagSeconds: 600 });
    await bench.settle();
    told = { halted: [], lag: [] };
  });

  const tick = (over: Partial<ControlServices> = {}) => {
    const metrics = {
      ...noMetrics,
      halted: (_: string, kind: string) => void told.halted.push(kind),
      lag: (_: string, lag: Lag) => void told.lag.push(lag),
    };
    return bench.tick('schedule', { metrics, ...over });
  };

  it('tells each time that the sync is halted, and how far it lags meanwhile', async () => {
    await lake.sql(`insert into ${bench.source} values (9, 'new')`);
    await tick();
    await bench.fail(only(bench.take()), new SyncError('row_rejected', 'A row was refused.'));
    bench.services.clock.advance(3_600_000 + Date.now() - bench.services.clock.now());
    await tick();
    await tick();
    expect(told.halted).toEqual(['row_rejected', 'row_rejected']);
    expect(told.lag.map(({ versions, overMaxLag }) => [versions, overMaxLag])).toEqual([
      [1, told.lag[0]?.overMaxLag],
      [1, true],
      [1, true],
    ]);
  });

  it('tells how far the sync lags while its plan is in flight', async () => {
    await lake.sql(`insert into ${bench.source} values (9, 'new')`);
    await tick();
    bench.services.clock.advance(3_600_000 + Date.now() - bench.services.clock.now());
    expect(await tick()).toMatchObject({ outcome: 'sent' });
    expect(told.lag.at(-1)).toMatchObject({ versions: 1, overMaxLag: true });
  });

  it('tells how long nobody has seen the source when it cannot be asked', async () => {
    const away = async () => {
      throw new SyncError('source_unavailable', 'The warehouse is away.');
    };
    const source = overriding(bench.services.source, { look: away });
    bench.services.clock.advance(601_000);
    await errorOf(tick({ source }));
    expect(told.lag).toEqual([{ versions: 0, seconds: 601, overMaxLag: true }]);
  });
});
