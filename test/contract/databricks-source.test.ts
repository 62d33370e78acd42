import { describe, expect, it } from 'vitest';
import { parseCommitVersion as v } from '../../src/change/commit-version.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import { describeDetail, describeHistory, readPages } from '../../src/source/databricks/queries.ts';
import type { Source } from '../../src/source/source.ts';
import { NEVER } from '../support/lake.ts';
import { aPlan } from '../support/plans.ts';
import { rowsOf, type Stand, stand, TOKEN } from '../support/scripted-warehouse.ts';

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

describe('the history of a long window', () => {
  const { source: table } = plan;
  const window = { after: v(5), through: v(1_505) };
  const effect = (version: number) =>
    version === 6 || version === 1_505 ? ['DROP COLUMNS', '{"columns":"[\\"a\\"]"}'] : ['WRITE', '{}'];

  /** Of a table whose newest commit is `latest`, and whose log begins at `first`. */
  function keepsHistory({ engine }: Stand, limit: number, latest: number, first = 0): void {
    const columns = ['version', 'timestamp', 'operation', 'operationParameters', 'operationMetrics'];
    const length = Math.min(limit, latest - first + 1);
    const rows = Array.from({ length }, (_, at) => [`${latest - at}`, 0n, ...effect(latest - at), '{}']);
    const type = (name: string) => (name === 'timestamp' ? 'timestamp' : 'string');
    engine.runs.set(describeHistory(table, limit), () =>
      rowsOf(
        columns.map((name) => ({ name, type: type(name) })),
        rows,
      ),
    );
  }

  function hasProperties({ engine }: Stand, properties: object): void {
    const columns = [{ name: 'properties', type: 'map<string,string>' }];
    engine.runs.set(describeDetail(table), () => rowsOf(columns, [[JSON.stringify(properties)]]));
  }

  const versionsOf = (entries: readonly { readonly version: bigint }[]) =>
    entries.map(({ version }) => Number(version));

  it('is held for its newest commits only, and is read whole for those that took columns', async () => {
    const bench = await stand();
    const source = sourceOf(bench);
    keepsHistory(bench, 1_010, 1_505);
    keepsHistory(bench, 1_510, 1_505);
    const held = versionsOf(await source.readHistory(table, window, NEVER));
    expect([held[0], held.at(-1)]).toEqual([496, 1_505]);
    const effects = await source.readSchemaEffects(table, window, NEVER);
    expect(versionsOf(effects)).toEqual([6, 1_505]);
    expect(effects[0]?.lostColumns).toEqual(['a']);
    await source.close();
  });

  it('is asked for again, with what came meanwhile, until it is whole', async () => {
    const bench = await stand();
    const source = sourceOf(bench);
    keepsHistory(bench, 1_510, 1_600);
    keepsHistory(bench, 1_605, 1_700);
    keepsHistory(bench, 1_705, 1_701);
    expect(versionsOf(await source.readSchemaEffects(table, window, NEVER))).toEqual([6, 1_505]);
    await source.close();
  });

  it('is not enough where the log no longer holds all of it, if columns may have gone unseen', async () => {
    const bench = await stand();
    const source = sourceOf(bench);
    keepsHistory(bench, 1_510, 1_505, 7);
    const read = () => source.readSchemaEffects(table, window, NEVER);
    hasProperties(bench, { 'delta.columnMapping.mode': 'name' });
    await expect(read()).rejects.toMatchObject({
      kind: 'retention_gap',
      message: expect.stringContaining('after version 5 through 1505'),
    });
    hasProperties(bench, { 'delta.enableChangeDataFeed': 'true' });
    expect(versionsOf(await read())).toEqual([1_505]);
    await source.close();
  });
});
