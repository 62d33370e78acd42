import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AwsFault } from '../support/aws-front.ts';
import { type FaultBench, openFaultBench } from '../support/fault-bench.ts';

let bench: FaultBench;

beforeAll(async () => {
  bench = await openFaultBench();
});
afterAll(() => bench?.close());
afterEach(() => bench.stack.clearFaults());

/** As often as the SDK sends a call. */
const SDK_ATTEMPTS = 4;
/** Writes of the checkpoint in one round: claimed, looked, committed, sent, released. */
const CHECKPOINT_WRITES = 5;

describe('a call that fails', () => {
  it.each<AwsFault>(['refused', 'answerLost', 'serverError', 'throttled'])(
    '(%s) is repeated by the SDK, and nobody notices',
    async (fault) => {
      const table = await bench.aTable(40, { maxChunkRows: 20 });
      const actions = ['GetItem', 'PutItem', 'UpdateItem', 'SendMessageBatch'];
      const armed = actions.map((action) => bench.stack.awsFaults.add({ action, times: 1, fault }));
      expect(await table.settle()).toEqual([]);
      expect(armed.map(({ fired }) => fired)).toEqual([1, 1, 1, 1]);
      await table.expectEqual();
    },
  );
});

describe.each<AwsFault>(['refused', 'answerLost'])('a call that is %s', (fault) => {
  it.each(Array.from({ length: CHECKPOINT_WRITES }, (_, index) => index + 1))(
    'as often as it is repeated, at write %i of the checkpoint, costs time and no row',
    async (write) => {
      const table = await bench.aTable(40);
      const armed = bench.stack.awsFaults.add({
        action: 'PutItem',
        skip: write - 1,
        times: SDK_ATTEMPTS,
        fault,
      });
      await table.settle();
      expect(armed.fired).toBe(SDK_ATTEMPTS);
      await table.expectEqual();
    },
  );

  it.each(['SendMessageBatch', 'UpdateItem', 'GetItem'])(
    'at every repetition of %s costs time and no row',
    async (action) => {
      const table = await bench.aTable(40, { maxChunkRows: 20 });
      const armed = bench.stack.awsFaults.add({ action, times: SDK_ATTEMPTS, fault });
      await table.settle();
      expect(armed.fired).toBe(SDK_ATTEMPTS);
      await table.expectEqual();
    },
  );
});

describe('messages', () => {
  it.each(['doubled', 'late'] as const)(
    'that are %s are applied once each, in whatever order',
    async (fault) => {
      const table = await bench.aTable(60, { maxChunkRows: 10 });
      const armed = bench.stack.awsFaults.add({ action: 'SendMessageBatch', times: 2, fault });
      await table.settle();
      await table.change();
      await table.settle();
      expect(armed.fired).toBe(2);
      await table.expectEqual();
    },
  );

  it('whose slices can never be noted end their plan all the same: what is applied is asked of the ledger', async () => {
    const table = await bench.aTable(20);
    const failing = bench.stack.awsFaults.add({ action: 'UpdateItem', times: 1_000, fault: 'serverError' });
    await table.plan();
    await table.write();
    expect(failing.fired).toBeGreaterThan(0);
    await table.expectEqual();
  });
});
