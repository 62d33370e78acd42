import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault, FaultRule } from '../../src/local/warehouse/faults.ts';
import { redriveSync } from '../../src/sync/redrive.ts';
import { type FaultBench, type FaultTable, openFaultBench } from '../support/fault-bench.ts';

type CallFault = Exclude<Fault, { kind: 'shortResult' }>;

let bench: FaultBench;

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(() => bench?.close());
afterEach(() => bench.stack.clearFaults());

const NEVER = new AbortController().signal;

/** A statement of each stage: the look, the columns, the size of a window, the pages, the look after the last page. */
const STATEMENTS = {
  load: [/describe history/, /describe table/, /line_total/, /describe detail/],
  window: [/describe history/, /describe table/, /table_changes/, /describe detail/],
};

const FAULTS: readonly (readonly [string, CallFault])[] = [
  ['a warehouse that is starting (503)', { kind: 'http', status: 503 }],
  ['too many requests (429)', { kind: 'http', status: 429 }],
  ['a gateway that fails (502)', { kind: 'http', status: 502, body: '<html>bad gateway</html>' }],
  ['a connection that breaks', { kind: 'dropConnection' }],
  ['a session that expired', { kind: 'sessionExpired' }],
  ['a statement that is slow', { kind: 'slow', ms: 400 }],
  [
    'a failure of the engine',
    { kind: 'error', errorClass: 'INTERNAL_ERROR', sqlState: 'XX000', message: 'broken' },
  ],
];

async function tableBefore(work: string): Promise<FaultTable> {
  const table = await bench.aTable(60);
  if (work === 'load') return table;
  await table.settle();
  await table.change();
  return table;
}

function arm(...rules: readonly FaultRule[]) {
  return rules.map((rule) => bench.stack.warehouseFaults.add(rule));
}

describe.each(['load', 'window'] as const)('a %s', (work) => {
  it.each(FAULTS)('meets %s at each of its statements and ends equal', async (_, fault) => {
    const table = await tableBefore(work);
    const armed = arm(
      ...STATEMENTS[work].map((match) => ({ on: 'execute', match, times: 1, fault }) as const),
    );
    await table.settle();
    expect(armed.map(({ fired }) => fired)).toEqual(armed.map(() => 1));
    await table.expectEqual();
  });

  it.each(FAULTS)('meets %s while its rows are fetched and ends equal', async (_, fault) => {
    const table = await tableBefore(work);
    const [armed] = arm({ on: 'fetch', match: /line_total/, times: 2, fault });
    await table.settle();
    expect(armed?.fired).toBeGreaterThan(0);
    await table.expectEqual();
  });

  it('of which some pages are not delivered is read again and ends equal', async () => {
    const table = await tableBefore(work);
    const fault = { kind: 'shortResult', dropRows: 1 } as const;
    const [armed] = arm({ on: 'fetch', match: /line_total/, times: 2, fault });
    await table.settle();
    expect(armed?.fired).toBe(2);
    await table.expectEqual();
  });

  it('whose warehouse fails at every attempt is a dead letter, and one redrive ends it', async () => {
    const table = await tableBefore(work);
    const fault = {
      kind: 'error',
      errorClass: 'INTERNAL_ERROR',
      sqlState: 'XX000',
      message: 'broken',
    } as const;
    const [armed] = arm({ on: 'execute', match: /line_total/, times: 1_000, fault });
    await table.plan();
    await table.write();
    expect(armed?.fired).toBe(5);
    expect(await bench.deadLetters.readCount(NEVER)).toBe(1);
    expect(await table.plan()).toMatchObject({ outcome: 'halted', cause: { kind: 'source_failed' } });

    bench.stack.clearFaults();
    expect(
      await redriveSync(bench.services, bench.deadLetters, table.config.name, () => {}, NEVER),
    ).toMatchObject({
      moved: 1,
    });
    await table.write();
    await table.expectEqual();
  });
});
