import { expect, it } from 'vitest';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import { readPages } from '../../src/source/databricks/queries.ts';
import type { Source } from '../../src/source/source.ts';
import { NEVER } from '../support/lake.ts';
import { aPlan } from '../support/plans.ts';
import { type Stand, stand, TOKEN } from '../support/scripted-warehouse.ts';

const plan = aPlan();

function sourceOf({ warehouse: { host, port, path, caCert } }: Stand): Source {
  return openDatabricksSource({ host, port, path, caCert, auth: { kind: 'token', token: TOKEN } });
}

it('asks for a few pages before it hands on the first, and for no more than a few ahead at any time', async () => {
  const bench = await stand();
  const chunk = { plan, slice: 0, of: 1 };
  const pages = 100;
  const texts = [
    'page',
    'payload',
    'line_count',
    'rejected',
    'reject_count',
    'conflicts',
    'page_total',
    'line_total',
  ];
  let asked = 0;
  async function* results() {
    for (; asked < pages; asked++) {
      const row = [String(asked), 'u\t1\tone', '1', '', '0', '0', String(pages), String(pages)];
      yield { rows: 1, values: row.map((value) => [value]) };
    }
  }
  bench.engine.runs.set(readPages(chunk, []), () => ({
    columns: texts.map((name) => ({ name, type: 'string' })),
    batches: results(),
  }));
  const source = sourceOf(bench);
  const ahead: number[] = [];
  for await (const _page of source.readPages(chunk, NEVER)) ahead.push(asked - ahead.length);
  expect(ahead).toHaveLength(pages);
  expect(Math.max(...ahead)).toBeLessThanOrEqual(8);
  await source.close();
});
