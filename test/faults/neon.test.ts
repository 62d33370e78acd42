import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DropMoment } from '../../src/local/neon-proxy/faults.ts';
import { type FaultBench, type FaultTable, openFaultBench } from '../support/fault-bench.ts';

let bench: FaultBench;

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(() => bench?.close());
afterEach(() => bench.stack.clearFaults());

/** A statement of each stage, by a text that is in no other; `behind` names the one before a commit. */
interface Stage {
  readonly text: string;
  readonly behind?: string;
}

const OPENING = 'set plan_id = $2';
const LEDGER = 'update lakeferry.applied_slices';
const FINISHING = 'set through = $3';

const PLANNER: readonly Stage[] = [
  { text: 'max(version)' },
  { text: 'from lakeferry.syncs' },
  { text: 'for update' },
  { text: OPENING },
  { text: 'commit', behind: OPENING },
];
// No more than the attempts that a message has, less one.
const WRITER: readonly Stage[] = [
  { text: 'for share' },
  { text: 'insert into lakeferry.applied_slices' },
  { text: 'copy ' },
  { text: 'commit', behind: LEDGER },
];
const FINISH: readonly Stage[] = [
  { text: 'select slice, parts' },
  { text: FINISHING },
  { text: 'commit', behind: FINISHING },
];

/** A table whose next sync is a first load, or a window. */
async function tableBefore(work: string, rows = 60): Promise<FaultTable> {
  const table = await bench.aTable(rows);
  if (work === 'load') return table;
  await table.settle();
  await table.change();
  return table;
}

const MOMENTS: readonly DropMoment[] = ['before', 'after'];
const WORKS = ['load', 'window'] as const;

describe.each(WORKS)('a %s whose connection to Neon is cut', (work) => {
  describe.each(MOMENTS)('%s Postgres carries out', (moment) => {
    it.each([
      ['every statement of the planner', PLANNER],
      ['every statement of the writer', WRITER],
      ['every statement that finishes the plan', FINISH],
    ])('%s, one after the other, ends equal', async (_, stages) => {
      const table = await tableBefore(work);
      const rules = stages.map(({ text, behind }) =>
        bench.stack.proxy.faults.dropAtStatement(text, moment, behind === undefined ? {} : { behind }),
      );
      await table.settle();
      expect(rules.map(({ fired }) => fired)).toEqual(rules.map(() => 1));
      await table.expectEqual();
    });
  });

  it('in mid-COPY, by the network, ends equal', async () => {
    const table = await tableBefore(work, 3_000);
    const rule = bench.stack.proxy.faults.dropAfterBytes(300, { behind: 'copy ' });
    await table.settle();
    expect(rule.fired).toBe(1);
    await table.expectEqual();
  });

  it.each(['copy ', 'commit'])('by the server (57P01) when it is sent "%s" ends equal', async (text) => {
    const table = await tableBefore(work);
    expect(await table.plan()).toMatchObject({ outcome: 'sent' });
    const { proxy } = bench.stack;
    const hold = proxy.faults.holdAtStatement(text);
    const written = table.write();
    await hold.reached;
    expect(await proxy.terminateBackends()).toBeGreaterThan(0);
    hold.release();
    await written;
    await table.settle();
    await table.expectEqual();
  });

  it('again and again while it is being connected ends equal', async () => {
    const table = await tableBefore(work);
    const { faults } = bench.stack.proxy;
    const before = faults.fired.refused;
    bench.stack.proxy.dropAll();
    faults.refuseConnections(3);
    const thrown = await table.settle();
    expect(faults.fired.refused - before).toBe(3);
    expect(thrown).not.toEqual([]);
    await table.expectEqual();
  });

  it('and slow, in both directions, ends equal', async () => {
    const table = await tableBefore(work);
    const { faults } = bench.stack.proxy;
    faults.delay(5);
    await table.settle();
    expect(faults.fired.delayed).toBeGreaterThan(10);
    await table.expectEqual();
  });
});

it('a plan goes on after a restart of Postgres in its middle', async () => {
  const table = await bench.aTable(300, { maxChunkRows: 50 });
  expect(await table.plan()).toMatchObject({ outcome: 'sent', plan: { slices: 6 } });
  const hold = bench.stack.proxy.faults.holdAtStatement('copy ');
  const written = table.write();
  await hold.reached;
  const away = bench.stack.postgres.restart();
  hold.release();
  await Promise.all([away, written]);
  await table.recover();
  await table.settle();
  await table.expectEqual();
});
