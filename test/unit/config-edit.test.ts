import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Document, parse } from 'yaml';
import { addSync, defaultScheduleOf } from '../../src/config/add-sync.ts';
import type { ConfigAddition, NewSync } from '../../src/config/config-addition.ts';
import { additionText } from '../../src/config/config-addition.ts';
import { parseConfig } from '../../src/config/parse-config.ts';

const SYNC: NewSync = {
  name: 'orders',
  source: 'main.gold.orders',
  target: 'gold.orders',
  primaryKey: ['order_id'],
  exclude: [],
  excludedBecause: [],
  notExcluded: [],
};
const NOTHING = { databricks: {}, neon: {}, aws: {} };
const addition = (sync: Partial<NewSync> = {}, connections: ConfigAddition['connections'] = NOTHING) => ({
  connections,
  sync: { ...SYNC, ...sync },
});

function added(before: string | undefined, wanted: ConfigAddition): string {
  const result = addSync(before, wanted, 'lakeferry.yaml');
  expect(result.outcome).toBe('added');
  return result.outcome === 'added' ? result.text : '';
}

const COMMENTED = `# ours
connections: {databricks: {secret:   "prod/dbx"}}   # flow

syncs:
  # the first
  fruit:
    source:  main.shop.fruit
    target: 'shop.fruit'

    primaryKey:   [ id ]   # a list
    # maxWriters: 4

# settings for all
defaults:
  deletes: 'ignore'
`;

describe('a sync that is added to lakeferry.yaml', () => {
  it('stands behind the last one with its comments, and nothing else is changed', () => {
    const text = added(COMMENTED, addition({ primaryKey: ['tenant', 'order_id'], schedule: 'continuous' }));
    const entry = `
  orders:
    source: main.gold.orders
    target: gold.orders
    primaryKey: [tenant, order_id]
    schedule: continuous
`;
    expect(text).toBe(COMMENTED.replace('    # maxWriters: 4\n', `    # maxWriters: 4\n${entry}`));
  });

  it('is written as the file is: its indentation, its ends of lines, one line where entries are lines', () => {
    const crlf =
      'syncs:\r\n    fruit:\r\n        source: a.b.c\r\n        target: b.c\r\n        primaryKey: id';
    expect(added(crlf, addition())).toBe(
      `${crlf}\r\n\r\n    orders:\r\n        source: main.gold.orders\r\n        target: gold.orders\r\n        primaryKey: order_id\r\n`,
    );
    const lines = 'syncs:\n  fruit: { source: a.b.c, target: b.c, primaryKey: id } # f\n';
    expect(added(lines, addition())).toMatch(/ # f\n {2}orders:\n {4}source/);
    const flow = 'syncs: { fruit: { source: a.b.c, target: b.c, primaryKey: id } }\n';
    expect(added(flow, addition())).toBe(
      'syncs: { fruit: { source: a.b.c, target: b.c, primaryKey: id }, orders: { source: main.gold.orders, target: gold.orders, primaryKey: order_id } }\n',
    );
    const json = JSON.stringify(
      { syncs: { fruit: { source: 'a.b.c', target: 'b.c', primaryKey: 'id' } } },
      null,
      2,
    );
    expect(Object.keys(JSON.parse(added(json, addition())).syncs)).toEqual(['fruit', 'orders']);
  });

  it('brings the settings of the connections that the file lacks, and leaves those that it has', () => {
    const connections = {
      databricks: { host: 'dbc-1.cloud.databricks.com', httpPath: '/sql/1.0/warehouses/1' },
      neon: { secret: 'prod/neon' },
      aws: { region: 'eu-central-1' },
    };
    const inFlow = added(COMMENTED, addition({}, connections));
    expect(inFlow).toContain('{secret:   "prod/dbx", host: dbc-1.cloud.databricks.com, httpPath: /sql/1.0');
    const block = 'connections:\n  databricks:\n    secret: a/b # here\n  # neon: later\nsyncs:\n';
    const fruit = '  fruit: { source: a.b.c, target: b.c, primaryKey: id }\n';
    expect(added(block + fruit, addition({}, connections))).toMatch(
      /^connections:\n {2}databricks:\n {4}secret: a\/b # here\n {4}host: dbc-1.*\n {4}httpPath: .*\n {2}# neon: later\n {2}neon:\n {4}secret: prod\/neon\n {2}aws:\n {4}region: eu-central-1\nsyncs:\n/,
    );
    for (const before of [
      COMMENTED,
      block + fruit,
      `syncs:\n${fruit}`,
      `connections: {}\nsyncs:\n${fruit}`,
    ]) {
      const text = added(before, addition({}, connections));
      expect(parseConfig(text, 'f').connections).toEqual({
        ...connections,
        databricks: { ...parseConfig(before, 'f').connections.databricks, ...connections.databricks },
      });
    }
  });

  it('says in comments which columns cannot go, in one line whatever they are called', () => {
    const odd = 'box\nsyncs: {}';
    const text = added(
      COMMENTED,
      addition({
        exclude: [odd],
        excludedBecause: [`"${odd}" has no counterpart`],
        notExcluded: [{ column: 'lid', because: '"lid" has none either' }],
      }),
    );
    expect(text).toContain('      # "box syncs: {}" has no counterpart\n      exclude: [');
    expect(text).toContain('    # "lid" has none either\n    # The sync halts until they are left out:\n');
    expect(parseConfig(text, 'f').syncs.get('orders')?.columns.exclude).toEqual([odd]);
  });

  it('is not added where it contradicts the file, nor where the file has no place for it', () => {
    const lag = COMMENTED.replace("deletes: 'ignore'", 'maxLag: 10 minutes');
    expect(addSync(lag, addition({ schedule: 'rate(1 hour)' }), 'f')).toMatchObject({
      outcome: 'contradiction',
      problems: [{ path: 'syncs.orders.schedule' }],
    });
    const alias = COMMENTED.replace(/connections: .*/, 'connections: { neon: &n {}, aws: *n }');
    const region = { ...NOTHING, aws: { region: 'eu-central-1' } };
    expect(addSync(alias, addition({}, region), 'f')).toEqual({ outcome: 'no_place' });
  });

  it('is not added where that would change another sync', () => {
    const kept =
      'syncs:\n  fruit:\n    source: a.b.c\n    target: b.c\n    primaryKey: id\n    where: |+\n      a = 1\n\n';
    expect(addSync(kept, addition(), 'f')).toEqual({ outcome: 'no_place' });
  });

  it('is shown as the part of a file that it is', () => {
    const shown = additionText(addition({}, { ...NOTHING, neon: { secret: 'prod/neon' } }));
    expect(parse(shown)).toEqual({
      connections: { neon: { secret: 'prod/neon' } },
      syncs: { orders: { source: 'main.gold.orders', target: 'gold.orders', primaryKey: 'order_id' } },
    });
  });

  it('has the schedule of the file unless it has its own', () => {
    expect(defaultScheduleOf(undefined)).toBe('rate(5 minutes)');
    expect(defaultScheduleOf(COMMENTED)).toBe('rate(5 minutes)');
    expect(defaultScheduleOf(`${COMMENTED}  schedule: rate(1 hour)\n`)).toBe('rate(1 hour)');
  });
});

describe('a new lakeferry.yaml', () => {
  it('has what was given, and comments in the place of what was not', () => {
    const text = added(
      undefined,
      addition({}, { ...NOTHING, databricks: { secret: 'a/b' }, neon: { secret: 'c' } }),
    );
    expect(text).toMatch(/^# yaml-language-server: \$schema=/);
    expect(text).toContain('    # host: dbc-');
    expect(text).not.toContain('aws:');
    expect(parseConfig(text, 'f').connections).toEqual({
      databricks: { secret: 'a/b' },
      neon: { secret: 'c' },
      aws: {},
    });
  });
});

/** Files as people write them: any sync names, comments between the lines, blocks and flows. */
const files = fc
  .record({
    names: fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9_-]{0,6}$/), { minLength: 1, maxLength: 4 }),
    indent: fc.integer({ min: 1, max: 6 }),
    flow: fc.boolean(),
    last: fc.boolean(),
    comments: fc.infiniteStream(fc.constantFrom('', '', '# a: b', '  # - "x', '\t', '        # deep')),
    end: fc.constantFrom('', '\n', '\n\n', '\n# end'),
  })
  .map(({ names, indent, flow, last, comments, end }) => {
    const entries = names.map((name, index) => [
      name,
      { source: `a.b.t${index}`, target: `b.t${index}`, primaryKey: 'id', where: 'a = 1\nand b = 2' },
    ]);
    const document = new Document({
      connections: { databricks: { secret: 'x' } },
      ...(last ? { defaults: { deletes: 'ignore' } } : {}),
      syncs: Object.fromEntries(entries),
      ...(last ? {} : { defaults: { deletes: 'ignore' } }),
    });
    const syncs = document.get('syncs', true) as unknown as { flow: boolean };
    syncs.flow = flow;
    const plain = document.toString({ indent, lineWidth: 0 }).trimEnd();
    const isOpen = flow || plain.includes('|-');
    const lines = plain.split('\n').flatMap((line) => {
      const comment = isOpen ? '' : comments.next().value;
      return comment.trim() === '' ? [line] : [line, comment];
    });
    return { names, text: lines.join('\n') + end };
  });

describe('any file', () => {
  it('keeps each of its lines and each of its syncs', () => {
    fc.assert(
      fc.property(files, ({ names, text }) => {
        fc.pre(!names.includes('orders'));
        const after = added(text, addition({}, { ...NOTHING, neon: { secret: 'y' } }));
        const [before, now] = [parseConfig(text, 'f'), parseConfig(after, 'f')];
        expect([...now.syncs].slice(0, -1)).toEqual([...before.syncs]);
        expect(now.connections).toEqual({ ...before.connections, neon: { secret: 'y' } });
        let at = 0;
        for (const line of text.trimEnd().split('\n')) {
          const found = after.indexOf(line.replace(/ \}$/, ''), at);
          expect(found).toBeGreaterThanOrEqual(at);
          at = found;
        }
      }),
      { numRuns: 50 },
    );
  });
});
