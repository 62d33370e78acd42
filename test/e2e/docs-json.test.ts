import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logEntryJson } from '../../src/cli/log-report.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { blocksOf, readPage } from '../support/docs.ts';

/** docs/reference/exit-codes-and-json.md against what the commands print. */

const CONFIG = `
connections: {}
defaults: { rejectedRows: quarantine }
syncs:
  orders: { source: main.gold.orders, target: app.orders, primaryKey: order_id, columns: { types: { status: varchar(5) } } }
  items: { source: main.gold.items, target: app.items, primaryKey: id }
`;

const examples = Map.groupBy(
  blocksOf(readPage('docs/reference/exit-codes-and-json.md')).filter(({ language }) => language === 'json'),
  ({ heading }) => heading,
);

function exampleOf(heading: string, index = 0): unknown {
  const block = examples.get(heading)?.[index];
  if (!block) throw new Error(`The page has no example under "${heading}".`);
  return JSON.parse(block.text);
}

type Shape = '?' | 'value' | readonly Shape[] | { readonly [name: string]: Shape };

/** The names of a document's fields. What is null, or in no element of a list, may be anything. */
function shapeOf(value: unknown): Shape {
  if (value === null) return '?';
  if (Array.isArray(value)) return [value.map(shapeOf).reduce(merged, '?')];
  if (typeof value !== 'object') return 'value';
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

function merged(a: Shape, b: Shape): Shape {
  if (a === '?') return b;
  if (typeof a === 'string' || typeof b === 'string' || Array.isArray(a) || Array.isArray(b)) return a;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(
    names.map((name) => [name, merged((a as never)[name] ?? '?', (b as never)[name] ?? '?')]),
  );
}

/** What one leaves open is taken from the other. */
function expectSameShape(printed: unknown, example: unknown): void {
  const [a, b] = [shapeOf(printed), shapeOf(example)];
  expect(filled(a, b)).toEqual(filled(b, a));
}

function filled(shape: Shape, other: Shape): Shape {
  if (shape === '?') return other;
  if (typeof shape === 'string' || typeof other === 'string') return shape;
  if (Array.isArray(shape)) return [filled(shape[0], Array.isArray(other) ? other[0] : '?')];
  return Object.fromEntries(
    Object.entries(shape).map(([name, each]) => [name, filled(each, (other as never)[name] ?? '?')]),
  );
}

describe('the documents of the page', () => {
  let cli: Cli;

  beforeAll(async () => {
    cli = await openCli();
    await writeFile(join(cli.folder, 'lakeferry.yaml'), CONFIG);
    await writeFile(join(cli.folder, 'orders.csv'), 'order_id,status\n1,new\n2,cancelled\n');
  });
  afterAll(() => cli?.close());

  it.each<[heading: string, code: number, ...args: string[]]>([
    ['local load', 0, 'local', 'load', 'orders.csv', 'as', 'main.gold.orders'],
    ['local sql', 0, 'local', 'sql', 'select * from main.gold.orders'],
    ['run', 3, 'run', '--local'],
    ['status', 3, 'status', '--local'],
    ['doctor', 3, 'doctor', '--local'],
    ['rejected', 0, 'rejected', 'orders', '--local'],
    ['rejected --retry', 3, 'rejected', 'orders', '--local', '--retry'],
    ['pause and resume', 0, 'pause', 'orders', '--local', '--reason', 'index build'],
    ['pause and resume', 0, 'resume', 'orders', '--local'],
    ['approve', 0, 'approve', 'orders', '--local', '--dry-run'],
    ['redrive --dry-run', 0, 'redrive', '--local', '--dry-run'],
    ['redrive', 0, 'redrive', 'orders', '--local'],
    ['explain', 0, 'explain', 'stack_down'],
    ['version', 0, 'version'],
    ['An error', 2, 'status', 'nosuch', '--local'],
  ])('are what is printed: %s', async (heading, code, ...args) => {
    const printed = await cli.json(...args);
    expect(printed.code).toBe(code);
    expectSameShape(printed.answer, exampleOf(heading));
  });

  it('are what is printed: a setting, and a file that is wrong', async () => {
    const { answer: setting } = await cli.json('explain', 'syncs.deletes');
    expect(setting).toEqual(exampleOf('explain', 1));
    await writeFile(join(cli.folder, 'wrong.yaml'), CONFIG.replace('primaryKey: id', 'primaryKey: 5'));
    const wrong = await cli.json('status', '--local', '--config', 'wrong.yaml');
    expect(wrong.code).toBe(2);
    expectSameShape(wrong.answer, exampleOf('An error', 1));
  });

  it('are what is printed: an entry of the log', () => {
    const fields = { sync: 'orders', kind: 'target_busy', attempt: 1 };
    const entry = { id: '1', at: 0, function: 'writer', level: 'warn', message: 'chunk not applied', fields };
    const entries = [logEntryJson(entry as Parameters<typeof logEntryJson>[0])];
    expectSameShape({ schemaVersion: 1, entries }, exampleOf('logs'));
  });

  it('counts in numbers, names versions in text', async () => {
    const retried = await cli.json('rejected', 'orders', '--local', '--retry', '--dry-run');
    expect(retried.answer).toMatchObject({ before: 1, after: 1, retried: 1 });
    const { answer } = await cli.json('status', 'orders', '--local');
    expect(answer).toMatchObject({ syncs: [{ through: '0', latest: '0', rejectedKeys: 1 }] });
  });
});
